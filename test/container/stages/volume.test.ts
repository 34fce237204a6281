import { describe, expect, it } from 'vitest';
import { besideVolume } from '../../../container/stages/volume.ts';
import type { Volume } from '../../../core/volume/volume.ts';
import { contentOf } from '../../fixtures/packaged-file.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { readVti } from '../../fixtures/vtk-files.ts';

type Dims = readonly [number, number, number];

/** A CT in RAS+ order, its voxels as `hu` gives them. */
function ctOf(dims: Dims, hu: (at: number) => number): Volume {
  const data = Int16Array.from({ length: dims[0] * dims[1] * dims[2] }, (_, at) => hu(at));
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  return { grid: { dims, affine }, data, slope: 1, intercept: 0 };
}

const noise = (at: number): number => (Math.imul(at + 1, 2_654_435_761) >> 20) % 1000;

describe("the viewer's volume", () => {
  it.each([
    ['of a voxel', [1, 1, 1], () => 40],
    ['of a few bytes', [10, 8, 6], () => 40],
    ['of one block', [40, 40, 12], noise],
    ['of blocks that compress to nearly nothing', [128, 128, 80], () => 40],
    ['of blocks that hardly compress', [128, 128, 80], noise],
  ] as const)('%s is as it was put in', async (_, dims, hu) => {
    const out = tempFolder();
    const ct = ctOf(dims, hu);

    const file = await besideVolume({ out, cancel: new AbortController().signal }, ct, (volume) => volume);

    const { values } = readVti(contentOf(file));
    expect(Buffer.compare(Buffer.from(Int16Array.from(values).buffer), Buffer.from(ct.data.buffer))).toBe(0);
  });
});
