import { cp, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { recordWeights } from '../../adapters/recorded-weights.ts';
import { locateWeights } from '../../adapters/weights-store.ts';
import { parseSettings } from '../../core/settings.ts';
import { fakeSet, writeTree } from '../fixtures/weights.ts';

const options = { fast: true, folds: [0], tta: false };
let root: string;
/** Stands for the checkout, with demo networks. */
let packageRoot: string;
let models: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hpb-weights-'));
  packageRoot = join(root, 'package');
  models = join(root, 'data', 'models');
  const demo = join(packageRoot, 'container', 'engine', 'demo-weights');
  await writeTree(join(demo, 'nnunet_v1', 'nnUNet', '3d_fullres'), fakeSet('task008', [0, 1], 'demo'));
  await writeTree(join(demo, 'totalseg'), {
    ...fakeSet('ts297', [0], 'demo'),
    ...fakeSet('ts298', [0], 'demo'),
  });
});

afterEach(() => rm(root, { recursive: true }));

const settings = (more: Record<string, string> = {}) =>
  parseSettings({ HPB_DATA_ROOT: join(root, 'data'), ...more });

it('takes the demo networks on a machine without weights, and says so', async () => {
  const located = await locateWeights('liver', options, settings(), packageRoot);

  expect(located.demo).toBe(true);
  expect(located.sets.map(({ id }) => id)).toEqual(['ts297', 'ts298']);
  expect(located.location.totalSegmentatorRoot).toBe(
    join(packageRoot, 'container/engine/demo-weights/totalseg'),
  );
});

it('takes real weights only when all sets of the model are there', async () => {
  await writeTree(join(models, 'totalseg'), fakeSet('ts297'));
  const half = await locateWeights('liver', options, settings(), packageRoot);
  await writeTree(join(models, 'totalseg'), fakeSet('ts298'));
  const whole = await locateWeights('liver', options, settings(), packageRoot);

  expect(half.demo).toBe(true);
  expect(whole.demo).toBe(false);
  expect(whole.sets[0]?.files.map(({ path }) => path)).toEqual([
    'dataset.json',
    'plans.json',
    'fold_0/checkpoint_final.pth',
  ]);
});

it.each([['nnUNet/3d_fullres'], ['.']])(
  'reads nnU-Net v1 weights laid out as $RESULTS_FOLDER/%s',
  async (layout) => {
    const results = join(root, 'results');
    await writeTree(join(results, layout), fakeSet('task008', [0, 1]));

    const located = await locateWeights(
      'task008',
      { ...options, folds: [0, 1] },
      settings({ RESULTS_FOLDER: results }),
      packageRoot,
    );

    expect(located.demo).toBe(false);
    expect(located.location.nnunetV1ModelFolder).toBe(
      join(results, layout, 'Task008_HepaticVessel', 'nnUNetTrainerV2__nnUNetPlansv2.1'),
    );
    expect(located.sets[0]).toMatchObject({ licence: 'CC-BY-NC-4.0', files: { length: 6 } });
  },
);

it('never replaces weights that the user points at by demo networks', async () => {
  const empty = join(root, 'empty');

  for (const [model, name] of [
    ['task008', 'RESULTS_FOLDER'],
    ['liver', 'TOTALSEG_WEIGHTS_PATH'],
    ['liver', 'TOTALSEG_HOME'],
  ] as const) {
    await expect(
      locateWeights(model, options, settings({ [name]: empty }), packageRoot),
    ).rejects.toMatchObject({
      code: 'WEIGHTS_MISSING',
      remedy: expect.stringContaining(`hpb models pull ${model}`) as string,
    });
  }
});

it('names the fold that real or demo weights lack', async () => {
  await expect(
    locateWeights('task008', { ...options, folds: [0, 3] }, settings(), packageRoot),
  ).rejects.toMatchObject({ code: 'WEIGHTS_MISSING', message: expect.stringContaining('Fold 3') as string });

  await writeTree(join(models, 'nnunet_v1'), fakeSet('task008', [0]));
  // Demo networks have fold 1, yet the installed weights are meant.
  await expect(
    locateWeights('task008', { ...options, folds: [0, 1] }, settings(), packageRoot),
  ).rejects.toMatchObject({ code: 'WEIGHTS_MISSING', message: expect.stringContaining('Fold 1') as string });
});

it('uses no demo network when real ones are asked for, and no real ones when demo is', async () => {
  await expect(
    locateWeights('task008', options, settings({ HPB_WEIGHTS: 'real' }), packageRoot),
  ).rejects.toMatchObject({ code: 'WEIGHTS_MISSING' });

  await writeTree(join(models, 'nnunet_v1'), fakeSet('task008'));
  const demo = await locateWeights('task008', options, settings({ HPB_WEIGHTS: 'demo' }), packageRoot);

  expect(demo.demo).toBe(true);
});

it('names the command that gets weights without a demo network', async () => {
  await expect(locateWeights('liver_vessels', options, settings(), packageRoot)).rejects.toMatchObject({
    code: 'WEIGHTS_MISSING',
    remedy: expect.stringContaining('hpb models pull liver_vessels') as string,
  });
});

it('remembers checksums by size and time, and never writes into the weights', async () => {
  await writeTree(join(models, 'nnunet_v1'), fakeSet('task008'));
  const before = await locateWeights('task008', options, settings(), packageRoot);
  const plans = join(before.sets[0]!.folder, 'plans.pkl');
  const text = await readFile(plans, 'utf8');
  const at = new Date(2020, 0, 1);
  await utimes(plans, at, at);
  await locateWeights('task008', options, settings(), packageRoot);

  // The same size and time: the remembered checksum is given, the file is not read.
  await writeFile(plans, text.toUpperCase());
  await utimes(plans, at, at);
  const remembered = await locateWeights('task008', options, settings(), packageRoot);
  await utimes(plans, new Date(), new Date());
  const fresh = await locateWeights('task008', options, settings(), packageRoot);

  expect(remembered.sets).toEqual(before.sets);
  expect(fresh.sets).not.toEqual(before.sets);
});

it('refuses weights that are not what was installed', async () => {
  await writeTree(join(models, 'nnunet_v1'), fakeSet('task008'));
  await recordWeights(models, 'task008', { files: { 'plans.pkl': { bytes: 5, sha256: 'ab'.repeat(32) } } });

  await expect(locateWeights('task008', options, settings(), packageRoot)).rejects.toMatchObject({
    code: 'WEIGHTS_CORRUPT',
    message: expect.stringContaining('plans.pkl') as string,
  });
});

it('finds the demo networks of this repository for every model', async () => {
  const checkout = join(import.meta.dirname, '..', '..');
  await cp(
    join(checkout, 'container/engine/demo-weights'),
    join(packageRoot, 'container/engine/demo-weights'),
    {
      recursive: true,
    },
  );

  for (const model of ['task008', 'liver', 'totalseg', 'liver_vessels'] as const) {
    for (const fast of [true, false]) {
      const located = await locateWeights(model, { fast, folds: [0], tta: false }, settings(), packageRoot);
      expect(located.demo).toBe(true);
    }
  }
});

it('knows the demo networks of this repository where real weights are looked for', async () => {
  const demo = join(import.meta.dirname, '../../container/engine/demo-weights');
  const copied = {
    RESULTS_FOLDER: join(demo, 'nnunet_v1'),
    TOTALSEG_WEIGHTS_PATH: join(demo, 'totalseg'),
  };

  for (const model of ['task008', 'liver', 'totalseg', 'liver_vessels'] as const) {
    const located = await locateWeights(model, options, settings(copied), packageRoot);
    expect(located.demo).toBe(true);
    expect(new Set(located.sets.map(({ licence }) => licence))).toEqual(new Set(['Apache-2.0']));
    await expect(
      locateWeights(model, options, settings({ ...copied, HPB_WEIGHTS: 'real' }), packageRoot),
    ).rejects.toMatchObject({
      code: 'WEIGHTS_MISSING',
      message: expect.stringContaining('holds a demo network') as string,
    });
  }
});
