import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ComputePool } from '../../adapters/compute-pool.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import type { VoxelArray } from '../../core/volume/volume.ts';
import { readGivenMasks, type GivenMask } from '../../local/given-masks.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const GRID = { dims: [4, 2, 1], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] } as const;

let compute: ComputePool;
let folder: string;
beforeAll(() => {
  compute = new ComputePool();
});
afterAll(() => compute.close());
beforeEach(() => {
  folder = tempFolder();
});

async function mask(name: string, data: VoxelArray, slope = 1): Promise<string> {
  const path = join(folder, name);
  await writeNifti(path, { grid: GRID, data, slope, intercept: 0 });
  return path;
}
const read = (...given: readonly GivenMask[]) =>
  readGivenMasks(given, GRID, { compute, signal: new AbortController().signal });
const named = (path: string): GivenMask => ({ path, structure: null, value: null });

describe('masks of other tools', () => {
  it.each([1, null])('hold the label that is meant where a slope is rounded (value %s)', async (value) => {
    const path = await mask('mine.nii.gz', Uint8Array.of(0, 255, 255, 0, 0, 0, 0, 255), 1 / 255);

    const [model] = await read({ path, structure: 'liver', value });

    expect([...model!.mask.data]).toEqual([0, 1, 1, 0, 0, 0, 0, 1]);
  });

  it('hold labels beyond 255, as whole numbers or as floats', async () => {
    const voxels = [0, 300, 300, 0, 44, 0, -1, 300];
    for (const data of [Int16Array.from(voxels), Float32Array.from(voxels)]) {
      const path = await mask('mine.nii.gz', data);

      const [model] = await read({ path, structure: 'liver', value: 300 });

      expect([...model!.mask.data]).toEqual([0, 1, 1, 0, 0, 0, 0, 1]);
    }
  });

  it('are refused when they are shares of voxels, whichever value is asked for', async () => {
    const path = await mask('mine.nii.gz', Float32Array.of(0, 0.5, 1, 1, 1, 0.25, 0, 0));

    const reading = read({ path, structure: 'liver', value: 1 });

    await expect(reading).rejects.toMatchObject({ code: 'MASK_NOT_LABELS' });
  });

  it('count no number at all as outside of the value that is asked for', async () => {
    const path = await mask('mine.nii.gz', Float32Array.of(Number.NaN, 2, 1, 1, 0, 0, 0, 0));

    const [model] = await read({ path, structure: 'liver', value: 1 });

    expect([...model!.mask.data]).toEqual([0, 0, 1, 1, 0, 0, 0, 0]);
  });

  it('are refused when two are called alike, and are one when both are said to be', async () => {
    mkdirSync(join(folder, 'b'));
    const a = await mask('liver.nii.gz', Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 0));
    const b = await mask('b/liver.nii', Uint8Array.of(0, 1, 1, 0, 0, 0, 0, 0));

    await expect(read(named(a), named(b))).rejects.toMatchObject({ code: 'USAGE' });
    const both = [a, b].map((path) => ({ path, structure: 'liver', value: null }));
    const [model] = await read(...both);
    expect([...model!.mask.data]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
  });
});
