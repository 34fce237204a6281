import { PARITY_ROWS } from './rows.ts';
import type { ParityResult } from './run.ts';

const WIDTHS = [20, 16, 10, 10, 10, 8, 8] as const;
const HEADINGS = ['CT', 'row', 'verdict', 'differing', 'affine mm', 'plain s', 'ours s'];

/** Heading of the table whose lines `resultLine` prints. */
export const TABLE_HEAD = `${columns(HEADINGS)}  voxels of the plain mask`;

/** One finished cell as a line of fixed columns; the reason follows where a side failed. */
export function resultLine(result: ParityResult): string {
  const { comparison, plainSeconds, oursSeconds } = result;
  const seconds = (value: number | null): string => value?.toFixed(1) ?? '-';
  const line = columns([
    result.case,
    result.row,
    comparison?.verdict ?? 'FAILED',
    comparison === null ? '-' : String(comparison.differing ?? 'dims'),
    comparison?.affineDifference.toPrecision(2) ?? '-',
    seconds(plainSeconds),
    seconds(oursSeconds),
  ]);
  if (comparison === null) return `${line}  ${result.failure}`;
  const labels = PARITY_ROWS.find(({ id }) => id === result.row)?.labels ?? {};
  const voxels = Object.entries(labels).map(
    ([label, name]) => `${name} ${comparison.plainVoxels[Number(label)] ?? 0}`,
  );
  return `${line}  ${voxels.join(', ')}`;
}

function columns(cells: readonly string[]): string {
  return cells.map((cell, at) => cell.padEnd(WIDTHS[at]!)).join(' ');
}
