/** Figures of an intensity distribution in HU; `std` is the population's, percentiles are numpy's linear ones. */
export interface HuStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly p5: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

/** HU = slope * stored + intercept. */
export interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Figures of a distribution given as counts: `counts[n]` values are `first + n` as stored. At least one count
 * must be above zero. Exact: sums stay below 2^53 for every volume that fits in memory.
 */
export function summariseCounts(counts: Uint32Array, first: number, scaling: Scaling): HuStatistics {
  let low = 0;
  while (counts[low] === 0) low += 1;
  let high = counts.length - 1;
  while (counts[high] === 0) high -= 1;
  let total = 0;
  let sum = 0;
  for (let bin = low; bin <= high; bin += 1) {
    total += counts[bin]!;
    sum += counts[bin]! * (bin - low);
  }
  const mean = sum / total;
  let squares = 0;
  for (let bin = low; bin <= high; bin += 1) squares += counts[bin]! * (bin - low - mean) ** 2;

  const moments = { min: first + low, max: first + high, mean: first + low + mean };
  const std = Math.sqrt(squares / total);
  return toHu({ ...moments, std, at: rankReader(counts, low, first), total }, scaling);
}

/** Figures of a distribution given as its values, ascending; at least one. */
export function summariseSorted(values: Float64Array, scaling: Scaling): HuStatistics {
  const total = values.length;
  const min = values[0]!;
  const mean = min + values.reduce((sum, value) => sum + (value - min), 0) / total;
  const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / total);
  return toHu({ min, max: values[total - 1]!, mean, std, at: (rank) => values[rank]!, total }, scaling);
}

/** Reads the value at a rank from 0; cheap when ranks come in about ascending order. */
function rankReader(counts: Uint32Array, low: number, first: number): (rank: number) => number {
  let bin = low;
  let before = 0;
  return (rank) => {
    while (rank < before) {
      bin -= 1;
      before -= counts[bin]!;
    }
    while (before + counts[bin]! <= rank) {
      before += counts[bin]!;
      bin += 1;
    }
    return first + bin;
  };
}

interface StoredFigures {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
  readonly total: number;
  readonly at: (rank: number) => number;
}

function toHu(stored: StoredFigures, { slope, intercept }: Scaling): HuStatistics {
  const hu = (value: number): number => slope * value + intercept;
  const [p5, p25, p50, p75, p95] = [5, 25, 50, 75, 95].map((q) => hu(linearPercentile(stored, q)));
  const { mean, std, min, max } = stored;
  const moments = { mean: hu(mean), std: Math.abs(slope) * std };
  // A negative slope turns the order round; the linear percentile at q becomes the one at 100 - q.
  return slope < 0
    ? { min: hu(max), max: hu(min), ...moments, p5: p95!, p25: p75!, p50: p50!, p75: p25!, p95: p5! }
    : { min: hu(min), max: hu(max), ...moments, p5: p5!, p25: p25!, p50: p50!, p75: p75!, p95: p95! };
}

/** numpy's method "linear": interpolates between the values around rank q / 100 * (n - 1). */
function linearPercentile({ total, at }: StoredFigures, q: number): number {
  const rank = (q / 100) * (total - 1);
  const below = Math.floor(rank);
  const a = at(below);
  return a + (at(Math.min(below + 1, total - 1)) - a) * (rank - below);
}
