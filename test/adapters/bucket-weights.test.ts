import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BucketWeights } from '../../adapters/bucket-weights.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { MODELS_PREFIX, modelsManifestKey } from '../../core/layout.ts';
import { engineCallOf, type ModelId } from '../../core/models/catalogue.ts';
import type { WeightsId } from '../../core/models/weights.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { fakeSet } from '../fixtures/weights.ts';

const OPTIONS = { fast: true, folds: [0], tta: false };
const SETS: readonly WeightsId[] = ['task008', 'ts297', 'ts298'];
const root = (id: WeightsId): string => (id === 'task008' ? 'nnunet_v1/nnUNet/3d_fullres/' : 'totalseg/');

/** A models bucket with fake sets, and a machine beside it. */
async function bucket(options: { kind?: 'real' | 'demo'; sets?: readonly WeightsId[] } = {}) {
  const folder = tempFolder();
  const files = new FileObjectStore(join(folder, 'bucket'));
  const sets: Record<string, { files: Record<string, { bytes: number; sha256: string }> }> = {};
  for (const id of options.sets ?? SETS) {
    sets[id] = { files: {} };
    for (const [path, content] of Object.entries(fakeSet(id, [0, 1]))) {
      await files.put(`${MODELS_PREFIX}${root(id)}${path}`, content);
      const sha256 = createHash('sha256').update(content).digest('hex');
      sets[id].files[`${root(id)}${path}`] = { bytes: Buffer.byteLength(content), sha256 };
    }
  }
  const manifest = { schemaVersion: 1, kind: options.kind ?? 'real', sets };
  await files.put(modelsManifestKey(), JSON.stringify(manifest));
  const streamed: string[] = [];
  /** Keys that come damaged, and how often. */
  const damaged = new Map<string, number>();
  const store = {
    get: (key: string) => files.get(key),
    stream: async (key: string) => {
      streamed.push(key);
      const left = damaged.get(key) ?? 0;
      damaged.set(key, left - 1);
      return left > 0 ? [new TextEncoder().encode('damaged')].values() : files.stream(key);
    },
  };
  const modelsRoot = join(folder, 'models');
  const log = memoryLog();
  const fetched: number[] = [];
  const weights = (realOnly = true): BucketWeights =>
    new BucketWeights({
      store: store as unknown as ConstructorParameters<typeof BucketWeights>[0]['store'],
      modelsRoot,
      realOnly,
      log,
      onFetched: ({ bytes }) => fetched.push(bytes),
    });
  return { files, streamed, damaged, modelsRoot, log, weights, fetched };
}

const keyOf = (id: WeightsId, ending: string): string =>
  `${MODELS_PREFIX}${root(id)}${Object.keys(fakeSet(id, [0, 1])).find((path) => path.endsWith(ending))!}`;
const codeOf = (model: ModelId, weights: BucketWeights, options = OPTIONS): Promise<string> =>
  weights.locate(model, options).then(
    () => 'ok',
    (error: { code: string }) => error.code,
  );

describe('weights of a bucket', () => {
  it('come to the machine, laid out as the engines want them', async () => {
    const { weights, modelsRoot } = await bucket();
    const [v1, liver] = [
      await weights().locate('task008', OPTIONS),
      await weights().locate('liver', OPTIONS),
    ];

    const call = engineCallOf('task008', OPTIONS, v1.location);
    if (call.engine !== 'nnunet-v1') throw new Error('another engine');
    expect(readdirSync(call.modelFolder).sort()).toEqual([
      '.complete',
      'fold_0',
      'plans.pkl',
      'postprocessing.json',
    ]);
    expect(liver.location.totalSegmentatorRoot).toBe(join(modelsRoot, 'totalseg'));
    expect(liver.location.totalSegmentatorRoot).not.toBe(join(modelsRoot, 'nnunet_v1'));
    expect(liver.used.map(({ id, demo, files }) => [id, demo, files.length])).toEqual([
      ['ts297', false, 3],
      ['ts298', false, 3],
    ]);
  });

  it('are fetched once for all workers of a machine', async () => {
    const { weights, streamed, fetched } = await bucket();
    await Promise.all([weights().locate('liver', OPTIONS), weights().locate('liver', OPTIONS)]);
    await weights().locate('liver', OPTIONS);

    expect(streamed).toHaveLength(6);
    expect(new Set(streamed).size).toBe(6);
    expect(fetched).toHaveLength(2);
  });

  it('of another fold are added to those that are there', async () => {
    const { weights, streamed } = await bucket();
    await weights().locate('task008', OPTIONS);
    streamed.length = 0;
    await weights().locate('task008', { ...OPTIONS, folds: [0, 1] });

    expect(streamed.every((key) => key.includes('/fold_1/'))).toBe(true);
    expect(streamed).toHaveLength(2);
  });

  it.each([
    ['changed', (path: string) => writeFileSync(path, 'something else')],
    ['cut short', (path: string) => writeFileSync(path, '')],
    ['gone', (path: string) => rmSync(path)],
  ])('that were %s on the machine are fetched again, those alone', async (_, harm) => {
    const { weights, streamed, modelsRoot } = await bucket();
    await weights().locate('liver', OPTIONS);
    const key = keyOf('ts297', 'plans.json');
    const path = join(modelsRoot, key.slice(MODELS_PREFIX.length));
    const before = readFileSync(path, 'utf8');
    harm(path);
    streamed.length = 0;
    await weights().locate('liver', OPTIONS);

    expect(streamed).toEqual([key]);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('that were fetched in part, by a worker that died, are completed', async () => {
    const { weights, streamed, modelsRoot } = await bucket();
    await weights().locate('liver', OPTIONS);
    const folder = join(modelsRoot, keyOf('ts297', 'plans.json').slice(MODELS_PREFIX.length), '..');
    rmSync(join(folder, '.complete'));
    rmSync(join(folder, 'fold_0'), { recursive: true });
    streamed.length = 0;
    await weights().locate('liver', OPTIONS);

    expect(streamed).toEqual([keyOf('ts297', 'checkpoint_final.pth')]);
    expect(existsSync(join(folder, '.complete'))).toBe(true);
  });

  it('that come damaged once are fetched once more', async () => {
    const { weights, damaged, log } = await bucket();
    damaged.set(keyOf('ts298', 'plans.json'), 1);

    expect(await codeOf('liver', weights())).toBe('ok');
    expect(log.events()).toContain('weights:corrupt');
  });

  it('that come damaged twice are refused, and nothing of them is left', async () => {
    const { weights, damaged, modelsRoot } = await bucket();
    const key = keyOf('ts298', 'plans.json');
    damaged.set(key, 2);

    expect(await codeOf('liver', weights())).toBe('WEIGHTS_CORRUPT');
    const folder = join(modelsRoot, key.slice(MODELS_PREFIX.length), '..');
    expect(readdirSync(folder).filter((name) => name.includes('plans') || name === '.complete')).toEqual([]);
    expect(await codeOf('liver', weights())).toBe('ok');
  });

  it('that were never pushed are missed by name', async () => {
    const { weights, files } = await bucket({ sets: ['ts297'] });
    expect(await codeOf('liver', weights())).toBe('WEIGHTS_MISSING');
    await expect(weights().locate('task008', OPTIONS)).rejects.toThrow(/Task008/);

    await files.remove(modelsManifestKey());
    expect(await codeOf('liver', weights())).toBe('WEIGHTS_MISSING');
    await files.put(modelsManifestKey(), '{}');
    expect(await codeOf('liver', weights())).toBe('WEIGHTS_CORRUPT');
  });

  it('lack a fold, or a file that the manifest has', async () => {
    const { weights, files } = await bucket();
    await expect(weights().locate('task008', { ...OPTIONS, folds: [4] })).rejects.toThrow(/fold_4/);

    await files.remove(keyOf('ts297', 'plans.json'));
    expect(await codeOf('liver', weights())).toBe('WEIGHTS_MISSING');
  });

  it('of the demo lie apart, say what they are, and are refused where real ones are wanted', async () => {
    const { weights, modelsRoot } = await bucket({ kind: 'demo' });
    expect(await codeOf('liver', weights(true))).toBe('WEIGHTS_MISSING');

    const { location, used } = await weights(false).locate('liver', OPTIONS);
    expect(location.totalSegmentatorRoot).toBe(join(modelsRoot, 'demo', 'totalseg'));
    expect(used.every(({ demo }) => demo)).toBe(true);
  });
});
