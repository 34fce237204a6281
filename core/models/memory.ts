import { spacingOf, voxelCount, type Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import type { MemoryFigures, PhaseMemory } from './memory-figures.ts';

/**
 * Peak resident memory in bytes that one model needs for a CT of this grid: the engine process with its libraries, and
 * either the activations of one patch beside the sums of the classes, or, larger for large CTs, the CT and the
 * network's arrays on its own grid (after the crop, where the model crops) while they are resampled. The one formula
 * that the input check, the planner and the worker call; the coefficients stand in the catalogue and are calibrated by
 * `bench/memory.ts`.
 */
export function memoryNeeded(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const figures = modelEntry(model).memory(options);
  const voxels = networkVoxels(grid, figures);
  const bytesOf = (phase: PhaseMemory): number =>
    phase.baseBytes + voxelCount(grid.dims) * phase.bytesPerInputVoxel + voxels * phase.bytesPerNetworkVoxel;
  return Math.round(Math.max(bytesOf(figures.forward), bytesOf(figures.resample)));
}

/** Voxels of the grid that the network of a model works on, after the crop where the model crops. */
export function networkVoxels(
  grid: Grid,
  { cropExtentMm, networkSpacingMm }: Pick<MemoryFigures, 'cropExtentMm' | 'networkSpacingMm'>,
): number {
  const spacing = spacingOf(grid.affine);
  // The crop is taken along the CT's own axes, whose order is unknown here: use its longest side for all three.
  const cropMm = cropExtentMm === null ? Infinity : Math.max(...cropExtentMm);
  return grid.dims.reduce((product, n, axis) => {
    const extentMm = n * spacing[axis]!;
    return product * Math.ceil(Math.min(extentMm, cropMm) / networkSpacingMm[axis]!);
  }, 1);
}
