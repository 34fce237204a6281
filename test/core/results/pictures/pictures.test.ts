import { describe, expect, it } from 'vitest';
import { drawPictures, type PictureName } from '../../../../core/results/pictures/pictures.ts';
import type { Raster } from '../../../../core/results/pictures/raster.ts';
import { labelRuns } from '../../../../core/volume/label-runs.ts';
import { reorient } from '../../../../core/volume/orientation.ts';
import type { Grid, Volume } from '../../../../core/volume/volume.ts';
import { metadataOf } from '../../../fixtures/case-metadata.ts';
import { phantomCase, type CaseMask } from '../../../fixtures/phantom-case.ts';

function drawn(ct: Volume, masks: readonly CaseMask[], demo = false): ReadonlyMap<PictureName, Raster> {
  const metadata = metadataOf(ct, masks, demo);
  const pictures = drawPictures({
    ct,
    masks: masks.map(({ model, mask }) => ({ model, runs: labelRuns(mask) })),
    meshes: [],
    metadata,
  });
  return new Map(pictures.map(({ name, raster }) => [name, raster]));
}

const EMPTY: readonly CaseMask[] = [];
/** Brightness at a place given in shares of width and height. */
function brightness({ width, height, data }: Raster, x: number, y: number): number {
  return data[3 * (Math.floor(y * height) * width + Math.floor(x * width))]!;
}

/** Soft tissue with one bright block towards the right, the front and the head of the patient. */
function markedCt(spacing: readonly [number, number, number] = [4, 4, 4]): Volume {
  const dims = [40, 30, 20] as const;
  const [nx, ny, nz] = dims;
  const [sx, sy, sz] = spacing;
  const grid: Grid = { dims, affine: [sx, 0, 0, -7, 0, sy, 0, 11, 0, 0, sz, 3, 0, 0, 0, 1] };
  const data = new Int16Array(nx * ny * nz);
  data.forEach((_, at) => {
    const [i, j, k] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    data[at] = i > 0.6 * nx && j > 0.6 * ny && k > 0.4 * nz ? 1000 : 0;
  });
  return { grid, data, slope: 1, intercept: 0 };
}

describe('the pictures of a case', () => {
  it("have the patient's right on the left and the front at the top", () => {
    const axial = drawn(markedCt(), EMPTY).get('axial')!;

    expect(brightness(axial, 0.25, 0.25)).toBe(255);
    for (const [x, y] of [
      [0.75, 0.25],
      [0.25, 0.75],
      [0.75, 0.75],
    ] as const)
      expect(brightness(axial, x, y)).toBeLessThan(200);
  });

  it.each(['LPS', 'SAR', 'PIR', 'ILA'])('are the same when the voxels are stored as %s', (codes) => {
    const { phantom, masks } = phantomCase();
    const turned = masks.map(({ model, mask }) => ({ model, mask: reorient(mask, codes) }));

    const [straight, other] = [drawn(phantom.ct, masks), drawn(reorient(phantom.ct, codes), turned)];

    expect([...other.keys()]).toEqual([...straight.keys()]);
    for (const [name, { width, height, data }] of straight) {
      expect([other.get(name)!.width, other.get(name)!.height], name).toEqual([width, height]);
      expect(Buffer.from(data).equals(Buffer.from(other.get(name)!.data)), name).toBe(true);
    }
  });

  it('have the shape of the body, not of the voxels', () => {
    const coronal = drawn(markedCt([2, 2, 8]), EMPTY).get('coronal')!;

    expect(coronal.width / coronal.height).toBeCloseTo((40 * 2) / (20 * 8), 1);
  });

  it('show each structure in its colour, and DEMO where it is', () => {
    const { phantom, masks } = phantomCase();
    const [plain, without, demo] = [
      drawn(phantom.ct, masks).get('axial')!,
      drawn(phantom.ct, []).get('axial')!,
      drawn(phantom.ct, masks, true).get('axial')!,
    ];
    const coloured = ({ data }: Raster): number =>
      Array.from({ length: data.length / 3 }, (_, pixel) => data.subarray(3 * pixel, 3 * pixel + 3)).filter(
        ([r, g, b]) => Math.max(r!, g!, b!) - Math.min(r!, g!, b!) > 60,
      ).length;

    expect(coloured(plain)).toBeGreaterThan(300);
    expect(coloured(without)).toBe(0);
    expect(coloured(demo)).toBeGreaterThan(coloured(plain) + 100);
  });

  it('leave out vessels and meshes where there are none', () => {
    expect([...drawn(markedCt(), EMPTY).keys()]).toEqual(['axial', 'coronal', 'sagittal', 'thumbnail']);
  });

  it('can be made of one slice, of no number and of nothing but air', () => {
    const grid: Grid = { dims: [12, 10, 1], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1] };
    const data = new Float32Array(120).fill(-1000).fill(NaN, 0, 30);

    const { width, height } = drawn({ grid, data, slope: 1, intercept: 0 }, EMPTY).get('sagittal')!;

    expect(Math.min(width, height)).toBeGreaterThan(0);
  });
});
