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
  /** More where nnU-Net resamples the axis of thick slices by itself; 0 where it does not resample. */
  readonly thickBytesPerNetworkVoxel: number;
  /** What the sums of the classes, their weights and the image take; they lie on the card where there is one. */
  readonly cardBytesPerNetworkVoxel: number;
}

const GIB = 2 ** 30;

/** Around the liver, which TotalSegmentator finds first, mm. */
export const LIVER_CROP_MM = [320, 280, 320] as const;

// Measured by bench/memory.ts with networks of the published sizes (31 M parameters) on CTs of 0.2 to 79 million voxels:
// bases on one so small that nothing else counts.
const TOTALSEGMENTATOR_LOADED_BYTES = 1.9 * GIB;
const NNUNET_V1_BASE_BYTES = 2.7 * GIB;
const NNUNET_V1_LOADED_BYTES = 0.87 * GIB;
const NNUNET_V1_FOLD_BYTES = 0.11 * GIB;

/** By the networks that a task runs: one, one after the rough one that finds the crop, five. */
const TOTALSEGMENTATOR_BASE_BYTES = { 1: 2.95 * GIB, 2: 3.15 * GIB, 5: 3.75 * GIB } as const;

/** nnU-Net v2 adds up its classes and their weights in float16; the image is float32. */
const v2SumBytes = (classes: number): number => 2 * classes + 2 + 4;

/** Figures of TotalSegmentator's tasks, by the classes of a network and what a voxel of its grid takes when it is resampled. */
export const v2Memory = (
  place: Pick<MemoryFigures, 'networkSpacingMm' | 'cropExtentMm'>,
  {
    classes,
    resampleBytes,
    thickBytes = 0,
    networks = 2,
  }: {
    readonly classes: number;
    readonly resampleBytes: number;
    readonly thickBytes?: number;
    readonly networks?: keyof typeof TOTALSEGMENTATOR_BASE_BYTES;
  },
): MemoryFigures => ({
  ...place,
  forward: {
    baseBytes: TOTALSEGMENTATOR_BASE_BYTES[networks],
    bytesPerInputVoxel: 6,
    // Beside the sums, as measured: copies of the image, and labels.
    bytesPerNetworkVoxel: v2SumBytes(classes) + 16,
  },
  resample: {
    baseBytes: TOTALSEGMENTATOR_LOADED_BYTES,
    bytesPerInputVoxel: 6,
    bytesPerNetworkVoxel: resampleBytes,
  },
  thickBytesPerNetworkVoxel: thickBytes,
  cardBytesPerNetworkVoxel: v2SumBytes(classes),
});

/** Figures of TotalSegmentator's task `total`; `cropExtentMm`: where it crops. */
export const totalMemory = (fast: boolean, cropExtentMm: MemoryFigures['cropExtentMm']): MemoryFigures =>
  fast
    ? v2Memory(
        { networkSpacingMm: [3, 3, 3], cropExtentMm },
        { classes: 118, resampleBytes: 430, networks: cropExtentMm === null ? 1 : 2 },
      )
    : v2Memory(
        { networkSpacingMm: [1.5, 1.5, 1.5], cropExtentMm },
        { classes: 28, resampleBytes: 75, networks: cropExtentMm === null ? 5 : 2 },
      );

/** Figures of nnU-Net v1's Task008 with these folds. */
export const task008Memory = (folds: readonly number[]): MemoryFigures => {
  const parameters = folds.length * NNUNET_V1_FOLD_BYTES;
  // Three classes, their weights and the image, all float32.
  const sums = (3 + 2) * 4;
  // The mean of the folds so far.
  const mean = folds.length > 1 ? 13 : 0;
  return {
    networkSpacingMm: [0.8, 0.8, 1.5],
    cropExtentMm: null,
    forward: {
      baseBytes: NNUNET_V1_BASE_BYTES + parameters,
      bytesPerInputVoxel: 6,
      bytesPerNetworkVoxel: sums + mean,
    },
    resample: {
      baseBytes: NNUNET_V1_LOADED_BYTES + parameters,
      bytesPerInputVoxel: 27,
      bytesPerNetworkVoxel: 28 + mean / 2,
    },
    thickBytesPerNetworkVoxel: 47,
    cardBytesPerNetworkVoxel: sums,
  };
};
