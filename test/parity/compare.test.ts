import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { compareMasks } from '../../bench/parity/compare.ts';
import { phantomGrid } from '../../core/volume/phantom.ts';
import type { Grid } from '../../core/volume/volume.ts';

const GRID = phantomGrid('small', { dims: [16, 14, 12], oblique: [9, -7, 14] });

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hpb-compare-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A mask with 600 voxels of label 1 and 500 of label 2. */
function labels(): Uint8Array {
  return new Uint8Array(16 * 14 * 12).fill(1, 0, 600).fill(2, 600, 1100);
}

async function mask(name: string, data: Uint8Array, grid: Grid = GRID): Promise<string> {
  const path = join(folder, `${name}.nii.gz`);
  await writeNifti(path, { grid, data });
  return path;
}

describe('the comparison of two masks', () => {
  test('calls equal masks identical', async () => {
    const plain = await mask('plain', labels());

    const { verdict, differing, affineDifference, plainVoxels } = await compareMasks(plain, plain, [1, 2]);

    expect({ verdict, differing, affineDifference }).toEqual({
      verdict: 'identical',
      differing: 0,
      affineDifference: 0,
    });
    expect(plainVoxels).toEqual({ 1: 600, 2: 500 });
  });

  test('sees one voxel with another label', async () => {
    const changed = labels();
    changed[1200] = 3;

    const comparison = await compareMasks(await mask('a', labels()), await mask('b', changed), [1, 2]);

    expect(comparison).toMatchObject({ verdict: 'DIFF', differing: 1, affineDifference: 0 });
  });

  test('sees an affine that is off by a rounding', async () => {
    const affine = GRID.affine.map((entry, at) => (at === 0 ? Math.fround(entry) * (1 + 2 ** -23) : entry));
    const moved: Grid = { ...GRID, affine };

    const comparison = await compareMasks(
      await mask('c', labels()),
      await mask('d', labels(), moved),
      [1, 2],
    );

    expect(comparison).toMatchObject({ verdict: 'DIFF', differing: 0 });
    expect(comparison.affineDifference).toBeGreaterThan(0);
    expect(comparison.affineDifference).toBeLessThan(1e-5);
  });

  test('sees other dimensions', async () => {
    const turned: Grid = { ...GRID, dims: [14, 16, 12] };

    const comparison = await compareMasks(
      await mask('e', labels()),
      await mask('f', labels(), turned),
      [1, 2],
    );

    expect(comparison).toMatchObject({ verdict: 'DIFF', differing: null });
  });

  test('does not let two masks agree on next to nothing', async () => {
    const few = labels();
    few[1099] = 0;
    const path = await mask('g', few);

    expect(await compareMasks(path, path, [1, 2])).toMatchObject({ verdict: 'VACUOUS', differing: 0 });
    expect(await compareMasks(path, path, [1])).toMatchObject({ verdict: 'identical' });
  });
});
