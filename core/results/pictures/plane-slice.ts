import { forEachLabelRun, type LabelRuns } from '../../volume/label-runs.ts';
import { viewerFrameOf } from '../../volume/meshes/viewer-frame.ts';
import type { Triple } from '../../volume/statistics.ts';
import type { Dims, Grid, VoxelArray } from '../../volume/volume.ts';
import type { Sides } from './marks.ts';

/** The three planes of a scan. */
export type PlaneName = 'axial' | 'coronal' | 'sagittal';

/**
 * How a plane is looked at, by axes of the patient (0 right, 1 anterior, 2 superior): radiological convention, so the
 * patient's right is on the reader's left, and the front is at the top or on the left.
 */
const PLANES = {
  axial: { through: 2, across: 0, down: 1, sides: { left: 'R', right: 'L', top: 'A', bottom: 'P' } },
  coronal: { through: 1, across: 0, down: 2, sides: { left: 'R', right: 'L', top: 'S', bottom: 'I' } },
  sagittal: { through: 0, across: 1, down: 2, sides: { left: 'A', right: 'P', top: 'S', bottom: 'I' } },
} as const satisfies Record<PlaneName, object>;

/** Where the pixels of a plane lie among the voxels of a grid, by the nearest axes of its affine. */
export interface PlaneView {
  readonly name: PlaneName;
  readonly sides: Sides;
  /** Voxels along each side. */
  readonly columns: number;
  readonly rows: number;
  /** Edge lengths of a voxel along the sides, mm. */
  readonly mmAcross: number;
  readonly mmDown: number;
  /** Voxel of the top left pixel, as an index into the voxels, and the steps to its neighbours. */
  readonly start: number;
  readonly stepAcross: number;
  readonly stepDown: number;
  /** The voxel axes that the columns and the rows run along. */
  readonly acrossAxis: 0 | 1 | 2;
  readonly downAxis: 0 | 1 | 2;
  /** The voxel axis across the plane, and the voxel of it that the plane goes through. */
  readonly throughAxis: 0 | 1 | 2;
  readonly through: number;
}

/** The plane through a voxel. */
export function planeView(name: PlaneName, grid: Grid, through: Triple): PlaneView {
  const plane = PLANES[name];
  const { axes, dims, spacing } = viewerFrameOf(grid);
  const strides = stridesOf(grid.dims);
  const step = (axis: 0 | 1 | 2): number => strides[axes[axis]!.from as 0 | 1 | 2];
  // Columns and rows lead against the axes of the patient (to the left, backwards, downwards).
  const along = (axis: 0 | 1 | 2): { readonly from: number; readonly step: number } =>
    axes[axis]!.flip
      ? { from: 0, step: step(axis) }
      : { from: (dims[axis] - 1) * step(axis), step: -step(axis) };
  const [across, down] = [along(plane.across), along(plane.down)];
  const voxelAxis = axes[plane.through]!.from as 0 | 1 | 2;
  const at = Math.min(grid.dims[voxelAxis] - 1, Math.max(0, Math.round(through[voxelAxis])));
  return {
    name,
    sides: plane.sides,
    columns: dims[plane.across],
    rows: dims[plane.down],
    mmAcross: spacing[plane.across],
    mmDown: spacing[plane.down],
    start: across.from + down.from + at * strides[voxelAxis],
    stepAcross: across.step,
    stepDown: down.step,
    acrossAxis: axes[plane.across]!.from as 0 | 1 | 2,
    downAxis: axes[plane.down]!.from as 0 | 1 | 2,
    throughAxis: voxelAxis,
    through: at,
  };
}

const stridesOf = ([nx, ny]: Dims): Triple => [1, nx, nx * ny];

/** The pixel in front of a voxel, for projections along the depth of a plane. */
export function pixelOf(view: PlaneView, voxel: Triple): number {
  const { columns, rows, stepAcross, stepDown, acrossAxis, downAxis } = view;
  const column = stepAcross < 0 ? columns - 1 - voxel[acrossAxis] : voxel[acrossAxis];
  const row = stepDown < 0 ? rows - 1 - voxel[downAxis] : voxel[downAxis];
  return row * columns + column;
}

/** The stored values of a plane, row by row from its top left. */
export function sliceOf<T extends VoxelArray>(view: PlaneView, data: T): T {
  const { columns, rows, start, stepAcross, stepDown } = view;
  const values = new (data.constructor as new (length: number) => T)(columns * rows);
  for (let row = 0, to = 0; row < rows; row += 1) {
    let from = start + row * stepDown;
    for (let column = 0; column < columns; column += 1, from += stepAcross) values[to++] = data[from]!;
  }
  return values;
}

/** The labels of a plane, row by row from its top left. */
export function sliceOfRuns(view: PlaneView, runs: LabelRuns): Uint8Array {
  const { columns, rows, throughAxis, through } = view;
  const [, ny] = runs.dims;
  const labels = new Uint8Array(columns * rows);
  const step = pixelOf(view, [1, 0, 0]) - pixelOf(view, [0, 0, 0]);
  const [low, high] = throughAxis === 0 ? [through, through] : [0, runs.dims[0] - 1];
  const paint = (run: number, row: number): void => {
    const z = Math.floor(row / ny);
    const y = row - z * ny;
    const own = throughAxis === 1 ? y : z;
    if (throughAxis !== 0 && own !== through) return;
    const from = Math.max(low, runs.from[run]!);
    const to = Math.min(high, runs.to[run]!);
    let pixel = pixelOf(view, [from, y, z]);
    for (let x = from; x <= to; x += 1, pixel += step) labels[pixel] = runs.label[run]!;
  };
  forEachLabelRun(runs, paint);
  return labels;
}
