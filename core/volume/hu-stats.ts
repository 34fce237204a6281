import type { Volume, VoxelArray } from './volume.ts';

/** HU counted one by one in `HuStats.histogram`; what lies outside is only counted as below or above. */
export const HU_RANGE = { first: -1100, last: 3100 } as const;

/** What the voxels of a CT look like, in HU (slope and intercept applied, rounded to whole HU for the histogram). */
export interface HuStats {
  readonly voxels: number;
  /** Voxels that are NaN or infinite; all else is about the others. */
  readonly notFinite: number;
  /** NaN when no voxel is finite. */
  readonly min: number;
  readonly max: number;
  /** Whether every finite value is a whole number. */
  readonly integers: boolean;
  /** Voxels of `HU_RANGE.first + index`. */
  readonly histogram: Int32Array;
  readonly below: number;
  readonly above: number;
}

class HuCounter {
  readonly histogram = new Int32Array(HU_RANGE.last - HU_RANGE.first + 1);
  below = 0;
  above = 0;
  notFinite = 0;
  min = Infinity;
  max = -Infinity;
  integers = true;

  add(hu: number, count: number): void {
    if (!Number.isFinite(hu)) {
      this.notFinite += count;
      return;
    }
    if (hu < this.min) this.min = hu;
    if (hu > this.max) this.max = hu;
    const whole = Math.round(hu);
    if (whole !== hu) this.integers = false;
    if (whole < HU_RANGE.first) this.below += count;
    else if (whole > HU_RANGE.last) this.above += count;
    else this.histogram[whole - HU_RANGE.first]! += count;
  }

  stats(voxels: number): HuStats {
    const { histogram, below, above, notFinite, integers } = this;
    const some = notFinite < voxels;
    const [min, max] = some ? [this.min, this.max] : [NaN, NaN];
    return { voxels, notFinite, min, max, integers, histogram, below, above };
  }
}

/** Counts the HU of all voxels in one pass. */
export function huStats({ data, slope, intercept }: Volume): HuStats {
  const counter = new HuCounter();
  if (data.BYTES_PER_ELEMENT <= 2 && !(data instanceof Float32Array)) {
    const { counts, first } = countStored(data);
    // Tables of 65,536 entries: an iterator would make as many pairs.
    for (let index = 0; index < counts.length; index++) {
      const count = counts[index]!;
      if (count > 0) counter.add((first + index) * slope + intercept, count);
    }
  } else {
    for (let i = 0; i < data.length; i++) counter.add(data[i]! * slope + intercept, 1);
  }
  return counter.stats(data.length);
}

/**
 * Voxels of every stored value of 8- and 16-bit data: one increment a voxel, in two tables in turn, since
 * neighbours are often equal and an increment would wait for the one before.
 */
function countStored(data: VoxelArray): { counts: Int32Array; first: number } {
  const signed = data instanceof Int8Array || data instanceof Int16Array;
  const size = 2 ** (8 * data.BYTES_PER_ELEMENT);
  if (data.length < size) return countFew(data);
  const counts = new Int32Array(size);
  const first = signed ? -size / 2 : 0;
  const odd = new Int32Array(size);
  const even = data.length & ~1;
  for (let i = 0; i < even; i += 2) {
    counts[data[i]! - first]!++;
    odd[data[i + 1]! - first]!++;
  }
  if (even < data.length) counts[data[even]! - first]!++;
  for (let index = 0; index < size; index++) counts[index]! += odd[index]!;
  return { counts, first };
}

/** The same in a table of the values that are there: of a small CT the whole one would be most of the work. */
function countFew(data: VoxelArray): { counts: Int32Array; first: number } {
  let first = data[0] ?? 0;
  let last = first;
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value < first) first = value;
    else if (value > last) last = value;
  }
  const counts = new Int32Array(last - first + 1);
  for (let i = 0; i < data.length; i++) counts[data[i]! - first]!++;
  return { counts, first };
}

/** Share (0 to 1) of the finite voxels whose rounded HU is at most `hu`, which must lie in `HU_RANGE`. */
export function shareUpTo(stats: HuStats, hu: number): number {
  const end = Math.round(hu) - HU_RANGE.first + 1;
  const count = stats.histogram.subarray(0, end).reduce((sum, n) => sum + n, stats.below);
  return count / Math.max(1, stats.voxels - stats.notFinite);
}

/** Percentile in whole HU by nearest rank; values outside `HU_RANGE` count as its ends. */
export function huPercentile(stats: HuStats, percent: number): number {
  const rank = Math.max(1, Math.ceil((percent / 100) * (stats.voxels - stats.notFinite)));
  let seen = stats.below;
  if (seen >= rank) return HU_RANGE.first;
  for (let index = 0; index < stats.histogram.length; index++) {
    seen += stats.histogram[index]!;
    if (seen >= rank) return HU_RANGE.first + index;
  }
  return HU_RANGE.last;
}

/** Number of different whole HU within `HU_RANGE`. */
export function distinctHu(stats: HuStats): number {
  return stats.histogram.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
}
