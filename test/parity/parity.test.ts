import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { PARITY_GEOMETRIES, PARITY_SEED } from '../../bench/parity/geometries.ts';
import { PARITY_ROWS } from '../../bench/parity/rows.ts';
import { compareCase, type ParityResult, type ParitySides } from '../../bench/parity/run.ts';
import { preparePlainTools } from '../../bench/plain-tools.ts';
import { benchMachine, warmEngine } from '../../bench/warm-engine.ts';
import { engineCallOf } from '../../core/models/catalogue.ts';
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

async function phantomOf(geometry: string): Promise<string> {
  const { id, grid } = PARITY_GEOMETRIES.find((known) => known.id === geometry)!;
  const ct = join(sides.scratch, `${id}.nii.gz`);
  await writeNifti(ct, makePhantom({ seed: PARITY_SEED, grid }).ct);
  return ct;
}

async function compareOn(
  geometry: string,
  rows: readonly string[],
  between: ParitySides = sides,
): Promise<ParityResult[]> {
  const ct = await phantomOf(geometry);
  const wanted = PARITY_ROWS.filter((row) => rows.includes(row.id));
  const results: ParityResult[] = [];
  for await (const result of compareCase(between, { id: geometry, ct }, wanted)) results.push(result);
  return results;
}

/** Both sides with the same networks, whose post-processing keeps one component of every class. */
async function withComponentRemoval(): Promise<ParitySides> {
  const { nnunetV1ModelFolder: demo } = sides.weights;
  const copy = join(sides.scratch, 'removal', basename(dirname(demo)), basename(demo));
  await cp(demo, copy, { recursive: true });
  const file = join(copy, 'postprocessing.json');
  const found = JSON.parse(await readFile(file, 'utf8')) as object;
  const everyClass = { ...found, for_which_classes: null, min_valid_object_sizes: 'None' };
  await writeFile(file, JSON.stringify(everyClass));
  const weights = { ...sides.weights, nnunetV1ModelFolder: copy };
  const { venv, threads } = await benchMachine();
  const scratch = join(sides.scratch, 'plain-removal');
  return { ...sides, weights, tools: await preparePlainTools({ venv, threads, weights, scratch }) };
}

/** Voxels per label that the warm engine finds, as the demo weights come. */
async function voxelsFound(geometry: string, row: string): Promise<Readonly<Record<string, number>>> {
  const { model, options } = PARITY_ROWS.find(({ id }) => id === row)!;
  const call = engineCallOf(model, options, sides.weights);
  const opened = await sides.engine.open(await phantomOf(geometry));
  const output = join(sides.scratch, 'found.nii.gz');
  return (await opened.run({ call, output, onProgress: () => undefined })).labelVoxels;
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

  test(
    'are the same where all but the largest component of every class is removed',
    { timeout: 900_000 },
    async () => {
      const [removed] = await compareOn('RAS', ['task008'], await withComponentRemoval());
      const found = await voxelsFound('RAS', 'task008');

      expect(removed).toEqual(identical);
      // Where nothing is removed, agreement would say nothing.
      for (const label of [1, 2]) expect(removed!.comparison!.plainVoxels[label]).toBeLessThan(found[label]!);
    },
  );
});
