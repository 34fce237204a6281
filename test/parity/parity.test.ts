import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { PARITY_GEOMETRIES, PARITY_SEED } from '../../bench/parity/geometries.ts';
import { PARITY_ROWS } from '../../bench/parity/rows.ts';
import { compareCase, type ParityResult, type ParitySides } from '../../bench/parity/run.ts';
import { preparePlainTools } from '../../bench/plain-tools.ts';
import { benchMachine, warmEngine } from '../../bench/warm-engine.ts';
import { makePhantom } from '../../core/volume/phantom.ts';

/** The whole table is `npm run parity`: an hour. These are its rows that found the most on the way. */
let sides: ParitySides;

beforeAll(async () => {
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-parity-test-'));
  const machine = await benchMachine();
  const { venv, weights, threads } = machine;
  const engine = warmEngine(machine, join(scratch, 'engine'));
  const tools = await preparePlainTools({ venv, weights, threads, scratch: join(scratch, 'plain') });
  sides = { tools, engine, weights, scratch };
});

afterAll(async () => {
  await sides.engine.stop();
  await rm(sides.scratch, { recursive: true, force: true });
});

async function compareOn(geometry: string, rows: readonly string[]): Promise<ParityResult[]> {
  const { id, grid } = PARITY_GEOMETRIES.find((known) => known.id === geometry)!;
  const ct = join(sides.scratch, `${id}.nii.gz`);
  await writeNifti(ct, makePhantom({ seed: PARITY_SEED, grid }).ct);
  const wanted = PARITY_ROWS.filter((row) => rows.includes(row.id));
  const results: ParityResult[] = [];
  for await (const result of compareCase(sides, { id, ct }, wanted)) results.push(result);
  return results;
}

const identical = expect.objectContaining({
  failure: null,
  comparison: expect.objectContaining({ verdict: 'identical', differing: 0, affineDifference: 0 }),
});

describe('masks of the warm engine and of the plain commands', () => {
  test('are the same voxels and affine on an oblique scan', { timeout: 900_000 }, async () => {
    const results = await compareOn('oblique', ['liver-fast', 'task008']);

    expect(results).toEqual([identical, identical]);
  });

  test(
    'are the same voxels and affine where axes are flipped and permuted',
    { timeout: 900_000 },
    async () => {
      const results = await compareOn('IRA', ['liver-fast']);

      expect(results).toEqual([identical]);
    },
  );
});
