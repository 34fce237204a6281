/** Memory after each case in order, bytes, as a straight line. */
export interface Growth {
  /** Slope of the line, bytes a case. */
  readonly bytesACase: number;
  readonly first: number;
  readonly last: number;
  readonly most: number;
}

/**
 * Growth of memory from case to case after the warm-up, by the median of the slopes between all pairs (Theil-Sen): a
 * single peak moves a line through the ends, but not this one.
 */
export function growthOf(samples: readonly number[], warmUp: number): Growth {
  const kept = samples.slice(warmUp);
  const slopes = kept
    .flatMap((value, at) => kept.slice(at + 1).map((later, ahead) => (later - value) / (ahead + 1)))
    .sort((a, b) => a - b);
  return {
    bytesACase: slopes[Math.floor(slopes.length / 2)] ?? NaN,
    first: kept[0] ?? NaN,
    last: kept.at(-1) ?? NaN,
    most: Math.max(...kept),
  };
}
