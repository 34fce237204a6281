/** `[nx, ny, nz]`: voxels along each axis; x runs fastest in memory (F order). */
export type Dims = readonly [number, number, number];

/** Row-major 4x4 matrix: voxel index `(i, j, k, 1)` -> RAS+ millimetres. */
export type Affine = readonly number[];

/** Where the voxels of a volume lie in space. */
export interface Grid {
  readonly dims: Dims;
  readonly affine: Affine;
}

/** Typed arrays that a NIfTI file can hold (64-bit integers are narrowed by the reader or refused). */
export type VoxelArray =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/**
 * A scalar volume as stored: voxel `(i, j, k)` is `data[i + nx * (j + ny * k)]`, its value
 * `slope * stored + intercept` (HU for a CT).
 */
export interface Volume<T extends VoxelArray = VoxelArray> {
  readonly grid: Grid;
  readonly data: T;
  readonly slope: number;
  readonly intercept: number;
}

/** Label map: 0 is background, other values name structures; same layout as `Volume`. */
export interface LabelMap {
  readonly grid: Grid;
  readonly data: Uint8Array;
}

/** Edge lengths of a voxel in mm, `[x, y, z]`: the lengths of the affine's columns. */
export function spacingOf(affine: Affine): readonly [number, number, number] {
  const column = (c: number): number => Math.hypot(affine[c]!, affine[4 + c]!, affine[8 + c]!);
  return [column(0), column(1), column(2)];
}

/** Volume of one voxel in ml: |det| of the affine's 3x3 part / 1000. */
export function voxelMl(affine: Affine): number {
  return Math.abs(determinant3(affine)) / 1000;
}

/** Determinant of the affine's 3x3 part in mm^3; negative for a left-handed voxel frame. */
export function determinant3(affine: Affine): number {
  const m = (r: number, c: number): number => affine[4 * r + c]!;
  return (
    m(0, 0) * (m(1, 1) * m(2, 2) - m(1, 2) * m(2, 1)) -
    m(0, 1) * (m(1, 0) * m(2, 2) - m(1, 2) * m(2, 0)) +
    m(0, 2) * (m(1, 0) * m(2, 1) - m(1, 1) * m(2, 0))
  );
}

/** Number of voxels of a grid. */
export function voxelCount(dims: Dims): number {
  return dims[0] * dims[1] * dims[2];
}
