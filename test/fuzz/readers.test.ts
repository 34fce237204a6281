import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { contests } from '../../bench/fuzz/contests.ts';
import { fuzzRun } from '../../bench/fuzz/fuzz-run.ts';
import { Oracle } from '../../bench/fuzz/oracle.ts';
import { realFiles } from '../../bench/fuzz/real-files.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

/** Small enough for every run of the tests; `npm run fuzz` takes 10,000 of each kind. */
const PLAN = { inputs: 250, seed: 8 };

const oracle = new Oracle(join(import.meta.dirname, '../../.venv/bin/python'));
const prepared = contests({ ...PLAN, oracle, real: await realFiles([]) });

afterAll(() => oracle.close());

describe('hostile input is judged as an independent reader judges it', () => {
  it('for NIfTI files: the same refusals, the same voxels, affines and scaling', async () => {
    const counts = await fuzzRun({ ...prepared.nifti, scratch: tempFolder() });

    expect(counts.findings).toEqual([]);
    expect(counts.inputs).toBe(PLAN.inputs);
    expect(counts.witnessed).toBeGreaterThan(0.3 * PLAN.inputs);
    expect(counts.refused).toBeGreaterThan(0.3 * PLAN.inputs);
  });

  it('for archives: the same refusals, the same cases with the same names, order and content', async () => {
    const counts = await fuzzRun({ ...prepared.archive, scratch: tempFolder() });

    expect(counts.findings).toEqual([]);
    expect(counts.inputs).toBe(PLAN.inputs);
    expect(counts.witnessed).toBeGreaterThan(0.3 * PLAN.inputs);
    expect(counts.refused).toBeGreaterThan(0.2 * PLAN.inputs);
  });
});

describe('the comparison', () => {
  it('finds a reader that takes what it should refuse, one that refuses what it should take, and one that breaks', async () => {
    const { nifti } = contests({ inputs: 40, seed: 8, oracle, real: [] });
    const inputs: Buffer[] = [];
    for await (const input of nifti.inputs) inputs.push(input);
    async function* again(): AsyncGenerator<Buffer> {
      yield* inputs;
    }
    const volume = { dims: [1, 1, 1], affine: [], slope: 1, intercept: 0, sha256: '' };
    const run = (read: typeof nifti.read): ReturnType<typeof fuzzRun> =>
      fuzzRun({ ...nifti, inputs: again(), read, scratch: tempFolder() });

    const credulous = await run(async () => ({ read: volume }));
    const strict = await run(async () => ({ code: 'NIFTI_BAD_MAGIC' }));
    const broken = await run(async () => Promise.reject(new TypeError('x is not a function')));

    expect(credulous.findings).toHaveLength(40);
    expect(strict.findings.length).toBeGreaterThan(30);
    expect(broken.findings.every(({ kind }) => kind === 'crash')).toBe(true);
    expect(broken.findings).toHaveLength(40);
  });
});
