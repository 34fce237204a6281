import { COLUMNS, ROWS, type Cell, type Gap } from './cell.ts';
import { EVENT_CELLS, EVENT_GAPS } from './event-cells.ts';
import { FILE_CELLS } from './file-cells.ts';
import { MACHINE_CELLS, MACHINE_GAPS } from './machine-cells.ts';
import { PROCESS_CELLS, PROCESS_GAPS } from './process-cells.ts';
import { STORE_CELLS } from './store-cells.ts';
import { SERVICE_CELLS, SERVICE_GAPS } from './service-cells.ts';

/** Every cell that is tested. */
export const CELLS: readonly Cell[] = [
  ...PROCESS_CELLS,
  ...SERVICE_CELLS,
  ...FILE_CELLS,
  ...STORE_CELLS,
  ...EVENT_CELLS,
  ...MACHINE_CELLS,
];

/** Every cell that cannot come about. */
export const GAPS: readonly Gap[] = [...PROCESS_GAPS, ...SERVICE_GAPS, ...EVENT_GAPS, ...MACHINE_GAPS];

/** Pairs that are not exactly once in the matrix. */
export function unsettled(cells: readonly Cell[] = CELLS, gaps: readonly Gap[] = GAPS): readonly string[] {
  const pairs = ROWS.flatMap((row) => COLUMNS.map((column) => `${row} ${column}`));
  const settled = [...cells, ...gaps].map(({ row, column }) => `${row} ${column}`);
  return pairs.filter((pair) => settled.filter((one) => one === pair).length !== 1);
}
