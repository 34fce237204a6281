import { COLUMNS, ROWS, type Cell, type Gap } from './cell.ts';
import { PROCESS_CELLS, PROCESS_GAPS } from './process-cells.ts';

/** Every cell that is tested. */
export const CELLS: readonly Cell[] = [...PROCESS_CELLS];

/** Every cell that cannot come about. */
export const GAPS: readonly Gap[] = [...PROCESS_GAPS];

/** Pairs that are not exactly once in the matrix. */
export function unsettled(cells: readonly Cell[] = CELLS, gaps: readonly Gap[] = GAPS): readonly string[] {
  const pairs = ROWS.flatMap((row) => COLUMNS.map((column) => `${row} ${column}`));
  const settled = [...cells, ...gaps].map(({ row, column }) => `${row} ${column}`);
  return pairs.filter((pair) => settled.filter((one) => one === pair).length !== 1);
}
