import { spacingOf, type Affine, type Dims, type Grid, type VoxelArray } from './volume.ts';

/** Three letters: the direction in which each voxel axis runs, such as `RAS` or `LPI`. */
export type AxisCodes = string;

/** Where a voxel axis of the source comes to lie: axis of the target, and whether it is turned round. */
interface AxisMove {
  readonly to: 0 | 1 | 2;
  readonly flip: boolean;
}

const POSITIVE = 'RAS';
const NEGATIVE = 'LPI';

/**
 * The world axis that each voxel axis follows most closely, and its sign, chosen in voxel-axis order without
 * taking a world axis twice (nibabel's `io_orientation` for affines without shear).
 */
export function closestAxes(affine: Affine): readonly { readonly world: 0 | 1 | 2; readonly sign: 1 | -1 }[] {
  const spacing = spacingOf(affine);
  const free = new Set<0 | 1 | 2>([0, 1, 2]);
  return ([0, 1, 2] as const).map((column) => {
    const cosine = (row: number): number => affine[4 * row + column]! / spacing[column];
    const world = [...free].reduce((best, row) =>
      Math.abs(cosine(row)) > Math.abs(cosine(best)) ? row : best,
    );
    free.delete(world);
    return { world, sign: cosine(world) < 0 ? -1 : 1 };
  });
}

/** Axis codes of an affine, such as `LAS`: voxel axis i runs to the left, j to anterior, k to superior. */
export function axisCodes(affine: Affine): AxisCodes {
  return closestAxes(affine)
    .map(({ world, sign }) => (sign > 0 ? POSITIVE : NEGATIVE)[world])
    .join('');
}

/** All 48 axis codes. */
export function allAxisCodes(): readonly AxisCodes[] {
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ] as const;
  return orders.flatMap((order) =>
    [0, 1, 2, 3, 4, 5, 6, 7].map((signs) =>
      order.map((world, axis) => ((signs >> axis) & 1 ? NEGATIVE : POSITIVE)[world]).join(''),
    ),
  );
}

/**
 * The volume with its voxel axes permuted and turned so that its axis codes are `to` (48 possible, see
 * `allAxisCodes`): every voxel keeps its value and its place in mm. The same volume when nothing changes, else a
 * copy of the voxels.
 */
export function reorient<V extends { readonly grid: Grid; readonly data: VoxelArray }>(
  volume: V,
  to: AxisCodes,
): V {
  const moves = movesTo(volume.grid.affine, to);
  if (moves.every(({ to, flip }, axis) => to === axis && !flip)) return volume;
  const grid = movedGrid(volume.grid, moves);
  return { ...volume, grid, data: movedVoxels(volume.data, volume.grid.dims, grid.dims, moves) };
}

function movesTo(affine: Affine, to: AxisCodes): readonly AxisMove[] {
  return closestAxes(affine).map(({ world, sign }) => {
    const positive = to.indexOf(POSITIVE[world]!);
    const target = (positive >= 0 ? positive : to.indexOf(NEGATIVE[world]!)) as 0 | 1 | 2;
    return { to: target, flip: positive >= 0 !== sign > 0 };
  });
}

function movedGrid({ dims, affine }: Grid, moves: readonly AxisMove[]): Grid {
  const newDims: [number, number, number] = [0, 0, 0];
  const newAffine = [...affine];
  for (const [axis, { to, flip }] of moves.entries()) {
    const n = dims[axis]!;
    newDims[to] = n;
    for (const row of [0, 1, 2]) {
      const step = affine[4 * row + axis]!;
      newAffine[4 * row + to] = flip ? -step : step;
      if (flip) newAffine[4 * row + 3] = newAffine[4 * row + 3]! + step * (n - 1);
    }
  }
  return { dims: newDims, affine: newAffine };
}

function movedVoxels(source: VoxelArray, from: Dims, dims: Dims, moves: readonly AxisMove[]): VoxelArray {
  const sourceStrides = [1, from[0], from[0] * from[1]] as const;
  const strides = [0, 0, 0] as [number, number, number];
  let start = 0;
  for (const [axis, { to, flip }] of moves.entries()) {
    strides[to] = flip ? -sourceStrides[axis]! : sourceStrides[axis]!;
    if (flip) start += sourceStrides[axis]! * (from[axis]! - 1);
  }
  const target = new (source.constructor as new (length: number) => VoxelArray)(source.length);
  const [nx, ny, nz] = dims;
  const [sx, sy, sz] = strides;
  let at = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      let read = start + y * sy + z * sz;
      for (let x = 0; x < nx; x++, read += sx) target[at++] = source[read]!;
    }
  }
  return target;
}

/** Largest |cosine| between two voxel axes: 0 for an orthonormal grid. */
export function shearOf(affine: Affine): number {
  const spacing = spacingOf(affine);
  const cosine = (a: 0 | 1 | 2, b: 0 | 1 | 2): number =>
    Math.abs(affine[a]! * affine[b]! + affine[4 + a]! * affine[4 + b]! + affine[8 + a]! * affine[8 + b]!) /
    (spacing[a] * spacing[b]);
  return Math.max(cosine(0, 1), cosine(0, 2), cosine(1, 2));
}

/**
 * Most shear that ITK still takes for rounding: SimpleITK 2.5.7 reads 1e-4 and refuses 3e-4 ("ITK only supports
 * orthonormal direction cosines").
 */
export const MAX_SHEAR = 1e-4;

/** Largest distance in mm between the places of the same corner voxel of a grid under two affines. */
export function cornerDistanceMm(dims: Dims, a: Affine, b: Affine): number {
  const distances = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) => {
    const voxel = dims.map((n, axis) => ((corner >> axis) & 1 ? n - 1 : 0));
    const along = (row: number): number =>
      [0, 1, 2].reduce(
        (sum, axis) => sum + (a[4 * row + axis]! - b[4 * row + axis]!) * voxel[axis]!,
        a[4 * row + 3]! - b[4 * row + 3]!,
      );
    return Math.hypot(along(0), along(1), along(2));
  });
  return Math.max(...distances);
}

/** Bounds within which two affines count as the same. */
export interface AffineTolerance {
  /** At any corner voxel. */
  readonly mm: number;
  /** Of the spacing along any axis. */
  readonly relative: number;
}

/** The rule for qform against sform, and for a mask against its CT. */
export const AFFINE_TOLERANCE: AffineTolerance = { mm: 0.1, relative: 1e-3 };

/** Whether two affines place a grid of these dimensions alike: corners within `mm`, spacing within `relative`. */
export function affinesAgree(
  grid: Grid,
  other: Affine,
  tolerance: AffineTolerance = AFFINE_TOLERANCE,
): boolean {
  const spacing = spacingOf(grid.affine);
  const sameSpacing = spacingOf(other).every(
    (mm, axis) => Math.abs(mm - spacing[axis]!) <= tolerance.relative * spacing[axis]!,
  );
  return sameSpacing && cornerDistanceMm(grid.dims, grid.affine, other) <= tolerance.mm;
}
