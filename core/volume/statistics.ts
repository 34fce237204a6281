import { HpbError } from '../errors.ts';
import type { HuStatistics } from './distribution.ts';
import { forEachLabelRun, labelRuns, type LabelRuns } from './label-runs.ts';
import { tallyOf } from './tally.ts';
import { voxelMl, type Affine, type Dims, type Grid, type LabelMap, type Volume } from './volume.ts';

/** A voxel index `[i, j, k]` or a point in mm `[x, y, z]`. */
export type Triple = readonly [number, number, number];

/** For each face of the grid (voxel axes), whether the structure has a voxel in the outermost layer there. */
export interface BorderFaces {
  readonly iMin: boolean;
  readonly iMax: boolean;
  readonly jMin: boolean;
  readonly jMax: boolean;
  readonly kMin: boolean;
  readonly kMax: boolean;
}

/** What CT and label map say about one label that occurs. */
export interface LabelStatistics {
  readonly voxels: number;
  readonly volumeMl: number;
  readonly hu: HuStatistics;
  /** Voxel indices, both ends inclusive. */
  readonly boundingBox: { readonly min: Triple; readonly max: Triple };
  /** Mean of the voxel centres, mm, RAS+. */
  readonly centroidMm: Triple;
  readonly touchesBorder: BorderFaces;
}

/**
 * Measures every label that occurs in `mask` (without background): label -> figures, in label order. One pass
 * over both arrays for 8- and 16-bit CTs, two for wider types.
 *
 * HU figures are exact and nothing is clipped: they come from counts of the stored values, mapped through slope
 * and intercept afterwards (values that cannot be counted are sorted).
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when the two differ in size; CT_NOT_FINITE for NaN or infinity inside a
 * label.
 */
export function measure(ct: Volume, mask: LabelMap): Map<number, LabelStatistics> {
  refuseOtherSize(ct, mask);
  return measureRuns(ct, labelRuns(mask));
}

/** `measure` of a label map on the CT's grid whose runs are at hand. */
export function measureRuns(ct: Volume, runs: LabelRuns): Map<number, LabelStatistics> {
  const { dims, from, to, label } = runs;
  const tally = tallyOf(ct);
  const shapes = new Map<number, Shape>();
  const [nx, ny] = dims;
  forEachLabelRun(runs, (run, row) => {
    const own = label[run]!;
    const first = from[run]!;
    const last = to[run]!;
    let shape = shapes.get(own);
    if (shape === undefined) {
      shape = new Shape();
      shapes.set(own, shape);
    }
    const k = Math.floor(row / ny);
    shape.add(first, last, row - k * ny, k);
    tally.add(own, row * nx + first, row * nx + last + 1);
  });
  const hu = tally.finish(runs);
  const labels = [...shapes.keys()].sort((a, b) => a - b);
  return new Map(labels.map((one) => [one, describe(shapes.get(one)!, hu.get(one)!, ct.grid)]));
}

/** Extent and sums of the voxel indices of one label. */
class Shape {
  voxels = 0;
  sumI = 0;
  sumJ = 0;
  sumK = 0;
  minI = Infinity;
  maxI = -1;
  minJ = Infinity;
  maxJ = -1;
  minK = Infinity;
  maxK = -1;

  /** Takes a run `i = from … to` (inclusive) at `j`, `k`. */
  add(from: number, to: number, j: number, k: number): void {
    const length = to - from + 1;
    this.voxels += length;
    this.sumI += ((from + to) * length) / 2;
    this.sumJ += j * length;
    this.sumK += k * length;
    if (from < this.minI) this.minI = from;
    if (to > this.maxI) this.maxI = to;
    if (j < this.minJ) this.minJ = j;
    if (j > this.maxJ) this.maxJ = j;
    if (k < this.minK) this.minK = k;
    this.maxK = k;
  }
}

function describe(shape: Shape, hu: HuStatistics, grid: Grid): LabelStatistics {
  const { voxels, minI, maxI, minJ, maxJ, minK, maxK } = shape;
  const centre: Triple = [shape.sumI / voxels, shape.sumJ / voxels, shape.sumK / voxels];
  return {
    voxels,
    volumeMl: voxels * voxelMl(grid.affine),
    hu,
    boundingBox: { min: [minI, minJ, minK], max: [maxI, maxJ, maxK] },
    centroidMm: toMm(grid.affine, centre),
    touchesBorder: facesTouched(shape, grid.dims),
  };
}

function facesTouched({ minI, maxI, minJ, maxJ, minK, maxK }: Shape, [nx, ny, nz]: Dims): BorderFaces {
  return {
    iMin: minI === 0,
    iMax: maxI === nx - 1,
    jMin: minJ === 0,
    jMax: maxJ === ny - 1,
    kMin: minK === 0,
    kMax: maxK === nz - 1,
  };
}

function toMm(affine: Affine, [i, j, k]: Triple): Triple {
  const row = (r: number): number =>
    affine[4 * r]! * i + affine[4 * r + 1]! * j + affine[4 * r + 2]! * k + affine[4 * r + 3]!;
  return [row(0), row(1), row(2)];
}

/** @throws HpbError ENGINE_OUTPUT_MISMATCH when the two differ in size. */
export function refuseOtherSize(ct: Volume, mask: LabelMap): void {
  const [ctSize, maskSize] = [ct.grid.dims, mask.grid.dims].map((dims) => dims.join('x'));
  if (ctSize === maskSize && ct.data.length === mask.data.length) return;
  throw new HpbError(
    'ENGINE_OUTPUT_MISMATCH',
    `The mask has ${maskSize} voxels (${mask.data.length} stored), the CT ${ctSize} (${ct.data.length} stored).`,
    { remedy: 'Give a mask that was made from this CT, on its grid.' },
  );
}
