import type { LabelMap } from './volume.ts';

/** Called for each run of equal, non-zero label along x: voxels `begin` to `end` (exclusive) of `data`, in `row`. */
export type RunVisitor = (label: number, row: number, begin: number, end: number) => void;

/**
 * Walks the runs of a label map in memory order; `row` is `y + ny * z`, and `begin - row * nx` is the run's first
 * x. Background is skipped four voxels at a time.
 */
export function forEachRun({ grid, data }: LabelMap, visit: RunVisitor): void {
  const [nx, ny, nz] = grid.dims;
  const words = wordsOf(data);
  const rows = ny * nz;
  for (let row = 0; row < rows; row += 1) {
    const rowEnd = (row + 1) * nx;
    let p = row * nx;
    while (p < rowEnd) {
      const label = data[p]!;
      const begin = p;
      p += 1;
      if (label === 0) {
        while ((p & 3) !== 0 && p < rowEnd && data[p] === 0) p += 1;
        if ((p & 3) === 0) while (p + 4 <= rowEnd && words[p >> 2] === 0) p += 4;
      } else {
        while (p < rowEnd && data[p] === label) p += 1;
        visit(label, row, begin, p);
      }
    }
  }
}

/** The labels four at a time; empty where the bytes are not aligned, which only costs speed. */
function wordsOf(data: Uint8Array): Int32Array {
  return data.byteOffset % 4 === 0
    ? new Int32Array(data.buffer, data.byteOffset, data.length >> 2)
    : new Int32Array(0);
}
