import { HpbError } from '../errors.ts';
import { summariseCounts, summariseSorted, type HuStatistics } from './distribution.ts';
import { forEachLabelRun, type LabelRuns } from './label-runs.ts';
import type { Volume, VoxelArray } from './volume.ts';

/** Collects the intensities of labels run by run. */
export interface Tally {
  /** Takes the voxels `begin` to `end` (exclusive) as part of `label`. */
  add(label: number, begin: number, end: number): void;
  /** The figures of every label taken, after all of `runs` were added once. */
  finish(runs: LabelRuns): Map<number, HuStatistics>;
}

/** Stored values are counted when they span at most this many; a counter array of a label is then at most 4 MB. */
const COUNTABLE_SPAN = 2 ** 20;

/**
 * The tally that fits the CT's type: 8- and 16-bit values are counted in the same pass; wider types need a second
 * pass over the mask in `finish`, and are sorted where they are no whole numbers or spread too far to be counted.
 */
export function tallyOf(ct: Volume): Tally {
  const { data } = ct;
  if (data instanceof Int16Array) return new CountingTally(ct, { first: -32768, span: 65536 });
  if (data instanceof Uint16Array) return new CountingTally(ct, { first: 0, span: 65536 });
  if (data instanceof Int8Array) return new CountingTally(ct, { first: -128, span: 256 });
  if (data instanceof Uint8Array) return new CountingTally(ct, { first: 0, span: 256 });
  return new WideTally(ct);
}

interface Bins {
  /** Stored value of the first bin. */
  readonly first: number;
  readonly span: number;
}

class CountingTally implements Tally {
  readonly #ct: Volume;
  readonly #bins: Bins;
  readonly #counts = new Map<number, Uint32Array>();

  constructor(ct: Volume, bins: Bins) {
    this.#ct = ct;
    this.#bins = bins;
  }

  add(label: number, begin: number, end: number): void {
    let counts = this.#counts.get(label);
    if (counts === undefined) {
      counts = new Uint32Array(this.#bins.span);
      this.#counts.set(label, counts);
    }
    countRun(counts, this.#ct.data, this.#bins.first, { begin, end });
  }

  finish(): Map<number, HuStatistics> {
    const { first } = this.#bins;
    return new Map(
      [...this.#counts].map(([label, counts]) => [label, summariseCounts(counts, first, this.#ct)]),
    );
  }
}

function countRun(
  counts: Uint32Array,
  data: VoxelArray,
  first: number,
  { begin, end }: { readonly begin: number; readonly end: number },
): void {
  for (let p = begin; p < end; p += 1) counts[data[p]! - first]! += 1;
}

class WideTally implements Tally {
  readonly #ct: Volume;
  readonly #voxels = new Map<number, number>();
  #low = Infinity;
  #high = -Infinity;
  #whole = true;

  constructor(ct: Volume) {
    this.#ct = ct;
  }

  add(label: number, begin: number, end: number): void {
    const { data } = this.#ct;
    this.#voxels.set(label, (this.#voxels.get(label) ?? 0) + end - begin);
    for (let p = begin; p < end; p += 1) {
      const value = data[p]!;
      if (!Number.isFinite(value)) throw notFinite(label, value);
      if (value < this.#low) this.#low = value;
      if (value > this.#high) this.#high = value;
      if (!Number.isInteger(value)) this.#whole = false;
    }
  }

  finish(runs: LabelRuns): Map<number, HuStatistics> {
    const span = this.#high - this.#low + 1;
    if (!this.#whole || span > COUNTABLE_SPAN) return this.#sorted(runs);
    const tally = new CountingTally(this.#ct, { first: this.#low, span });
    forEachVoxelRun(runs, (label, begin, end) => tally.add(label, begin, end));
    return tally.finish();
  }

  #sorted(runs: LabelRuns): Map<number, HuStatistics> {
    const { data } = this.#ct;
    const values = new Map([...this.#voxels].map(([label, voxels]) => [label, new Float64Array(voxels)]));
    const filled = new Map<number, number>();
    forEachVoxelRun(runs, (label, begin, end) => {
      const own = values.get(label)!;
      const at = filled.get(label) ?? 0;
      own.set(data.subarray(begin, end), at);
      filled.set(label, at + end - begin);
    });
    return new Map([...values].map(([label, own]) => [label, summariseSorted(own.sort(), this.#ct)]));
  }
}

function forEachVoxelRun(runs: LabelRuns, visit: (label: number, begin: number, end: number) => void): void {
  const [nx] = runs.dims;
  forEachLabelRun(runs, (run, row) =>
    visit(runs.label[run]!, row * nx + runs.from[run]!, row * nx + runs.to[run]! + 1),
  );
}

function notFinite(label: number, value: number): HpbError {
  return new HpbError('CT_NOT_FINITE', `The CT holds ${value} inside label ${label}.`, {
    remedy: 'Replace NaN and infinite voxels, by -1024 for air, and run again.',
    details: { label },
  });
}
