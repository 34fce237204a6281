import { spacingOf, voxelCount, type Grid } from '../volume/volume.ts';
import { modelEntry, type MemoryFigures, type ModelId, type SegmentOptions } from './catalogue.ts';

/**
 * Peak resident memory in bytes that one model needs for a CT of this grid: the engine process with its
 * libraries, the CT in its several copies, and the network's arrays on its own grid (after the crop, where the
 * model crops). The one formula that the input check, the planner and the worker call; the coefficients stand in
 * the catalogue and are calibrated by `bench/memory.ts`.
 */
export function memoryNeeded(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const figures = modelEntry(model).memory(options);
  return Math.round(
    figures.baseBytes +
      voxelCount(grid.dims) * figures.bytesPerInputVoxel +
      networkVoxels(grid, figures) * figures.bytesPerNetworkVoxel,
  );
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
    const networkMm = networkSpacingMm === null ? spacing[axis]! : networkSpacingMm[axis]!;
    return product * Math.ceil(Math.min(extentMm, cropMm) / networkMm);
  }, 1);
}
