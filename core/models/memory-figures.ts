/** What an engine takes in one part of its work; see `memoryNeeded` for the formula. */
export interface PhaseMemory {
  readonly baseBytes: number;
  readonly bytesPerInputVoxel: number;
  readonly bytesPerNetworkVoxel: number;
}

/** Estimate of an engine's peak memory: the larger of two parts of its work. */
export interface MemoryFigures {
  /** Voxel spacing of the network, mm. */
  readonly networkSpacingMm: readonly [number, number, number];
  /** Largest extent in mm that reaches the network after cropping, or null when the whole CT does. */
  readonly cropExtentMm: readonly [number, number, number] | null;
  /** While tiles go through the network: its activations, and the sums of the classes as they fill up. */
  readonly forward: PhaseMemory;
  /** Before and after: arrays of both grids while they are resampled. */
  readonly resample: PhaseMemory;
  /** What the sums of the classes, their weights and the image take; they lie on the card where there is one. */
  readonly cardBytesPerNetworkVoxel: number;
}
