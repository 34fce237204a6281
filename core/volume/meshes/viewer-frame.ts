import { closestAxes } from '../orientation.ts';
import { spacingOf, type Dims, type Grid } from '../volume.ts';

/**
 * The frame that volume and meshes of the LearnHPB viewer share: voxels in RAS+ order (nearest axes), millimetres
 * from the centre of the first of them, no direction. Meshes are made in it.
 */
export interface ViewerFrame {
  /** Voxels along each axis of the frame. */
  readonly dims: Dims;
  /** Edge lengths of a voxel along each axis of the frame, mm. */
  readonly spacing: readonly [number, number, number];
  /** For each axis of the frame: the voxel axis of the grid that runs along it, and whether it is turned round. */
  readonly axes: readonly { readonly from: number; readonly flip: boolean }[];
  /** Row-major 4x4: voxel index of the grid -> mm of the frame. */
  readonly fromIndex: readonly number[];
  /** Row-major 4x4: mm of the frame -> RAS+ mm of the patient; turns and shifts only (for a grid without shear). */
  readonly toWorld: readonly number[];
}

/** The viewer's frame of a grid. */
export function viewerFrameOf({ dims, affine }: Grid): ViewerFrame {
  const voxel = spacingOf(affine);
  const closest = closestAxes(affine);
  const axes = [0, 1, 2].map((world) => {
    const from = closest.findIndex((axis) => axis.world === world);
    return { from, flip: closest[from]!.sign < 0 };
  });
  const size = (axis: number): number => dims[axes[axis]!.from]!;
  const edge = (axis: number): number => voxel[axes[axis]!.from as 0 | 1 | 2];
  const fromIndex = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const toWorld = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  for (const [axis, { from, flip }] of axes.entries()) {
    fromIndex[4 * axis + from] = flip ? -edge(axis) : edge(axis);
    fromIndex[4 * axis + 3] = flip ? edge(axis) * (size(axis) - 1) : 0;
    for (const row of [0, 1, 2]) {
      const step = affine[4 * row + from]!;
      toWorld[4 * row + axis] = (flip ? -step : step) / edge(axis);
      toWorld[4 * row + 3]! += flip ? step * (size(axis) - 1) : 0;
    }
  }
  for (const row of [0, 1, 2]) toWorld[4 * row + 3]! += affine[4 * row + 3]!;
  return {
    dims: [size(0), size(1), size(2)],
    spacing: [edge(0), edge(1), edge(2)],
    axes,
    fromIndex,
    toWorld,
  };
}
