import { describe, expect, it } from 'vitest';
import { labelRuns } from '../../../core/volume/label-runs.ts';
import {
  shrinkCt,
  shrinkFactors,
  shrinkLabels,
  shrunkGrid,
  type ShrinkFactors,
} from '../../../core/volume/downsample.ts';
import type { Grid, LabelMap } from '../../../core/volume/volume.ts';

/** LPS, anisotropic, with an odd length along each axis. */
const GRID: Grid = {
  dims: [5, 3, 3],
  affine: [-2, 0, 0, 10, 0, -2, 0, 20, 0, 0, 3, -30, 0, 0, 0, 1],
};

const at = ({ affine }: Grid, [i, j, k]: readonly [number, number, number]): readonly number[] =>
  [0, 1, 2].map(
    (r) => affine[4 * r]! * i + affine[4 * r + 1]! * j + affine[4 * r + 2]! * k + affine[4 * r + 3]!,
  );

const shrunk = ({ grid, data }: LabelMap, factors: ShrinkFactors): LabelMap =>
  shrinkLabels({ grid, runs: labelRuns({ grid, data }), factors });

describe('shrinking a volume', () => {
  it('takes the smallest factors that fit', () => {
    expect(shrinkFactors([512, 256, 257], 256)).toEqual([2, 1, 2]);
    expect(shrinkFactors([1024, 1, 40], 256)).toEqual([4, 1, 1]);
  });

  it('puts each cell at the middle of its voxels in space', () => {
    const grid = shrunkGrid(GRID, [2, 1, 3]);

    expect(grid.dims).toEqual([3, 3, 1]);
    expect(at(grid, [1, 2, 0])).toEqual(at(GRID, [2.5, 2, 1]));
  });

  it('averages HU, with cells at the edge over the voxels that there are', () => {
    const data = Int16Array.from({ length: 45 }, (_, index) => index % 5);

    const { data: cells } = shrinkCt({
      ct: { grid: GRID, data, slope: 10, intercept: -100 },
      factors: [2, 2, 2],
    });

    expect([...cells.subarray(0, 3)]).toEqual([-95, -75, -60]);
    expect([...cells.subarray(9)]).toEqual([-95, -75, -60]);
  });

  it('keeps HU within what a preview shows, and takes no number for air', () => {
    const ct = { grid: { ...GRID, dims: [3, 1, 1] as const }, slope: 1, intercept: 0 };

    const { data } = shrinkCt({
      ct: { ...ct, data: Float32Array.of(1e6, -1e6, Number.NaN) },
      factors: [1, 1, 1],
    });

    expect([...data]).toEqual([3071, -1024, -1024]);
  });

  it('keeps a vessel of one voxel and drops a speck', () => {
    const grid: Grid = { ...GRID, dims: [4, 4, 4] };
    const data = new Uint8Array(64);
    for (let k = 0; k < 4; k++) data[16 * k] = 1;
    data[15] = 2;

    const cells = shrunk({ grid, data }, [2, 2, 2]);

    expect(cells.grid.dims).toEqual([2, 2, 2]);
    expect([...cells.data]).toEqual([1, 0, 0, 0, 1, 0, 0, 0]);
  });

  it('gives a cell its commonest label, and the higher of two', () => {
    const grid: Grid = { ...GRID, dims: [4, 1, 1] };

    const of = (...labels: readonly number[]): readonly number[] => [
      ...shrunk({ grid, data: Uint8Array.from(labels) }, [4, 1, 1]).data,
    ];

    expect(of(1, 1, 2, 0)).toEqual([1]);
    expect(of(1, 2, 0, 0)).toEqual([2]);
    expect(of(2, 1, 0, 0)).toEqual([2]);
    expect(of(0, 0, 0, 0)).toEqual([0]);
  });

  it('leaves a small label map as it is', () => {
    const labels = { grid: GRID, data: new Uint8Array(45) };

    expect(shrunk(labels, [1, 1, 1])).toEqual(labels);
  });
});
