import { forEachRun } from './runs.ts';
import type { Dims, LabelMap } from './volume.ts';

/**
 * A label map as its runs of equal label along x, in memory order: what is asked of shapes costs time and memory by
 * their surface then, not by the grid.
 */
export interface LabelRuns {
  readonly dims: Dims;
  readonly count: number;
  readonly from: Int32Array;
  /** Last x of the run, inclusive. */
  readonly to: Int32Array;
  readonly label: Uint8Array;
  /** `firstOfRow[y + ny * z]` is the first run of that row; one more entry ends the last row. */
  readonly firstOfRow: Int32Array;
}

/** Collects runs that come in memory order. */
export class RunCollector {
  readonly #dims: Dims;
  readonly #firstOfRow: Int32Array;
  #rowsSeen = 0;
  #count = 0;
  #from = new Int32Array(1 << 12);
  #to = new Int32Array(1 << 12);
  #label = new Uint8Array(1 << 12);

  constructor(dims: Dims) {
    this.#dims = dims;
    this.#firstOfRow = new Int32Array(dims[1] * dims[2] + 1);
  }

  /** Takes the voxels `from` to `to` (inclusive) of `row`, which must not come before the last one taken. */
  add(row: number, from: number, to: number, label: number): void {
    if (this.#rowsSeen <= row) {
      this.#firstOfRow.fill(this.#count, this.#rowsSeen, row + 1);
      this.#rowsSeen = row + 1;
    }
    if (this.#count === this.#from.length) this.#grow();
    this.#from[this.#count] = from;
    this.#to[this.#count] = to;
    this.#label[this.#count] = label;
    this.#count += 1;
  }

  finish(): LabelRuns {
    this.#firstOfRow.fill(this.#count, this.#rowsSeen);
    return {
      dims: this.#dims,
      count: this.#count,
      from: this.#from.slice(0, this.#count),
      to: this.#to.slice(0, this.#count),
      label: this.#label.slice(0, this.#count),
      firstOfRow: this.#firstOfRow,
    };
  }

  #grow(): void {
    const from = this.#from;
    const to = this.#to;
    const label = this.#label;
    const capacity = 2 * this.#count;
    this.#from = new Int32Array(capacity);
    this.#to = new Int32Array(capacity);
    this.#label = new Uint8Array(capacity);
    this.#from.set(from);
    this.#to.set(to);
    this.#label.set(label);
  }
}

/** The runs of all labels of a map. */
export function labelRuns(mask: LabelMap): LabelRuns {
  const [nx] = mask.grid.dims;
  const collector = new RunCollector(mask.grid.dims);
  forEachRun(mask, (label, row, begin, end) =>
    collector.add(row, begin - row * nx, end - 1 - row * nx, label),
  );
  return collector.finish();
}

/** Called for each run: its index and its row, `y + ny * z`. */
export type LabelRunVisitor = (run: number, row: number) => void;

/** Walks runs in memory order with the row of each. */
export function forEachLabelRun({ count, firstOfRow }: LabelRuns, visit: LabelRunVisitor): void {
  let row = 0;
  for (let run = 0; run < count; run += 1) {
    while (firstOfRow[row + 1]! <= run) row += 1;
    visit(run, row);
  }
}

/** The runs of some labels as one set: what touches along x becomes one run of label 1. */
export function unionOfLabels(runs: LabelRuns, labels: readonly number[]): LabelRuns {
  const wanted = new Set(labels);
  const collector = new RunCollector(runs.dims);
  let open: { row: number; from: number; to: number } | null = null;
  forEachLabelRun(runs, (run, row) => {
    if (!wanted.has(runs.label[run]!)) return;
    const from = runs.from[run]!;
    const to = runs.to[run]!;
    if (open !== null && open.row === row && open.to + 1 === from) {
      open.to = to;
      return;
    }
    if (open !== null) collector.add(open.row, open.from, open.to, 1);
    open = { row, from, to };
  });
  const last = open as { row: number; from: number; to: number } | null;
  if (last !== null) collector.add(last.row, last.from, last.to, 1);
  return collector.finish();
}

/** Number of voxels of all runs. */
export function runVoxels({ count, from, to }: LabelRuns): number {
  let voxels = 0;
  for (let run = 0; run < count; run += 1) voxels += to[run]! - from[run]! + 1;
  return voxels;
}

/** Voxels of each run of `a` that also lie in `b`, whatever their labels. Both lie on one grid. */
export function overlapOfRuns(a: LabelRuns, b: LabelRuns): Int32Array {
  const shared = new Int32Array(a.count);
  let row = -1;
  let first = 0;
  forEachLabelRun(a, (run, own) => {
    if (own !== row) [row, first] = [own, b.firstOfRow[own]!];
    const end = b.firstOfRow[own + 1]!;
    while (first < end && b.to[first]! < a.from[run]!) first += 1;
    for (let other = first; other < end && b.from[other]! <= a.to[run]!; other += 1) {
      shared[run]! += Math.min(a.to[run]!, b.to[other]!) - Math.max(a.from[run]!, b.from[other]!) + 1;
    }
  });
  return shared;
}

/** For each run of `a`, 1 when it meets `b` or a voxel of it has one of `b` among its 26 neighbours, else 0. */
export function touchOfRuns(a: LabelRuns, b: LabelRuns): Uint8Array {
  const [, ny, nz] = a.dims;
  const touched = new Uint8Array(a.count);
  forEachLabelRun(a, (run, row) => {
    const z = Math.floor(row / ny);
    const y = row - z * ny;
    for (let k = Math.max(0, z - 1); k <= Math.min(nz - 1, z + 1); k += 1) {
      for (let j = Math.max(0, y - 1); j <= Math.min(ny - 1, y + 1); j += 1) {
        if (meets(b, j + ny * k, a.from[run]! - 1, a.to[run]! + 1)) touched[run] = 1;
      }
    }
  });
  return touched;
}

function meets({ from, to, firstOfRow }: LabelRuns, row: number, low: number, high: number): boolean {
  const end = firstOfRow[row + 1]!;
  let run = firstOfRow[row]!;
  while (run < end && to[run]! < low) run += 1;
  return run < end && from[run]! <= high;
}
