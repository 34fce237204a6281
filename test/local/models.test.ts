import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { weightSet } from '../../core/models/weights.ts';
import { parseSettings } from '../../core/settings.ts';
import { installModels } from '../../local/models/install-models.ts';
import { listModels } from '../../local/models/list-models.ts';
import { verifyModels } from '../../local/models/verify-models.ts';
import { fakeSet, noise, writeTree, zipOf } from '../fixtures/weights.ts';

let root: string;
let models: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hpb-models-'));
  models = join(root, 'models');
});

afterEach(() => rm(root, { recursive: true }));

const request = (more: Record<string, string> = {}) => ({
  settings: parseSettings({ HPB_DATA_ROOT: root, HPB_MODELS_ROOT: models, ...more }),
  packageRoot: root,
});

const fileNamed = async (content: Buffer): Promise<string> => {
  const path = join(root, 'weights.zip');
  await writeFile(path, content);
  return path;
};

describe('hpb models install', () => {
  it("installs TotalSegmentator's archive where runs look for it", async () => {
    const zip = await fileNamed(await zipOf(fakeSet('ts298')));

    const [installed] = await installModels(zip, request());
    const { models: listed, sets } = await listModels(request());

    expect(installed?.id).toBe('ts298');
    expect(await readFile(join(installed!.folder, 'dataset.json'), 'utf8')).toBe('ts298 dataset.json ');
    expect(sets.find(({ id }) => id === 'ts298')).toMatchObject({ state: 'installed', folds: [0] });
    expect(listed.find(({ id }) => id === 'liver')?.variants[0]?.weights).toBe('missing');
    expect((await readdir(join(models, 'totalseg'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it("takes 3d_fullres alone from nnU-Net v1's archive, with all its folds", async () => {
    const folds = fakeSet('task008', [0, 1, 2, 3, 4]);
    const zip = await fileNamed(
      await zipOf({
        ...prefixed('2d/', fakeSet('task008', [0], '2d')),
        ...prefixed('3d_fullres/', folds),
        ...prefixed('3d_fullres/', {
          'Task008_HepaticVessel/nnUNetTrainerV2__nnUNetPlansv2.1/fold_0/progress.png': 'x',
        }),
        ...prefixed('3d_cascade_fullres/', fakeSet('task008', [0], 'cascade')),
      }),
    );

    const [installed] = await installModels(zip, request());

    expect(Object.keys(installed!.files)).toHaveLength(12);
    expect(await readFile(join(installed!.folder, 'plans.pkl'), 'utf8')).toBe('task008 plans.pkl ');
    expect(existsSync(join(installed!.folder, 'fold_0/progress.png'))).toBe(false);
  });

  it('installs a folder, whether it holds the set or is the set', async () => {
    await writeTree(join(root, 'given'), fakeSet('ts297'));

    const outer = await installModels(join(root, 'given'), request());
    const inner = await installModels(join(root, 'given', weightSet('ts297').folder), request());

    expect(outer).toEqual(inner);
  });

  it('keeps folds that are there already', async () => {
    await writeTree(join(root, 'first'), fakeSet('task008', [0, 1]));
    await writeTree(join(root, 'second'), fakeSet('task008', [0], 'newer'));
    await installModels(join(root, 'first'), request());

    await installModels(join(root, 'second'), request());
    const files = await verifyModels(request());

    expect(files.map(({ state }) => state)).toEqual(Array(6).fill('ok'));
  });

  it.each([
    ['a text file', Buffer.from('not a zip')],
    ['nothing we know', zipOf({ 'readme.txt': 'hello' })],
    ['a set that lacks a file', zipOf(without(fakeSet('ts298'), 'plans.json'))],
    ['a member outside of it', patched(fakeSet('ts298'), 'Dataset298', '../../x298')],
    ['an absolute member', patched(fakeSet('ts298'), 'Dataset298', '/tmp/x_298')],
    ['a link', zipOf(fakeSet('ts298'), { mode: 0o120777 })],
    ['a bomb', zipOf({ ...fakeSet('ts298'), 'zeros.bin': Buffer.alloc(200 * 2 ** 20) })],
    ['damaged content', damaged(fakeSet('ts298'))],
  ])('refuses %s and leaves nothing behind', async (_, content) => {
    const zip = await fileNamed(await content);

    await expect(installModels(zip, request())).rejects.toMatchObject({ code: 'WEIGHTS_ARCHIVE_INVALID' });
    const { sets } = await listModels(request());

    expect(sets.every(({ state }) => state === 'missing')).toBe(true);
    expect(existsSync(join(root, 'x298'))).toBe(false);
  });

  it('waits for no writer of a pipe', async () => {
    const pipe = join(root, 'weights.zip');
    await promisify(execFile)('mkfifo', [pipe]);

    await expect(installModels(pipe, request())).rejects.toMatchObject({ code: 'WEIGHTS_ARCHIVE_INVALID' });
  });

  it('follows no links of a folder', async () => {
    await writeTree(join(root, 'given'), without(fakeSet('ts298'), 'plans.json'));
    await writeFile(join(root, 'secret'), 'secret');
    const set = weightSet('ts298');
    await symlink(join(root, 'secret'), join(root, 'given', set.folder, set.trainer, 'plans.json'));

    await expect(installModels(join(root, 'given'), request())).rejects.toMatchObject({
      code: 'WEIGHTS_ARCHIVE_INVALID',
    });
  });
});

describe('hpb models verify', () => {
  it('tells changed, lost and foreign files from good ones', async () => {
    await writeTree(join(root, 'given'), fakeSet('ts298'));
    await writeTree(join(models, 'totalseg'), fakeSet('ts297'));
    const [installed] = await installModels(join(root, 'given'), request());
    const { folder } = installed!;
    await writeFile(join(folder, 'plans.json'), 'other');
    await rm(join(folder, 'dataset.json'));

    const files = await verifyModels(request());

    expect(Object.fromEntries(files.map(({ set, path, state }) => [`${set} ${path}`, state]))).toEqual({
      'ts297 dataset.json': 'unrecorded',
      'ts297 plans.json': 'unrecorded',
      'ts297 fold_0/checkpoint_final.pth': 'unrecorded',
      'ts298 dataset.json': 'gone',
      'ts298 plans.json': 'changed',
      'ts298 fold_0/checkpoint_final.pth': 'ok',
    });
  });
});

describe('the demo networks', () => {
  it('are held against their manifest', async () => {
    const hash = (text: string) => ({
      bytes: text.length,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    const files = { 'totalseg/a': hash('a'), 'totalseg/b': hash('b'), 'totalseg/c': hash('c') };
    await writeTree(join(root, 'container/engine/demo-weights'), {
      'manifest.json': JSON.stringify({ sets: { ts298: { files } } }),
      'totalseg/a': 'a',
      'totalseg/b': 'B',
    });

    const verified = await verifyModels(request());

    expect(verified.map(({ demo, path, state }) => [demo, path, state])).toEqual([
      [true, 'totalseg/a', 'ok'],
      [true, 'totalseg/b', 'changed'],
      [true, 'totalseg/c', 'gone'],
    ]);
  });
});

function prefixed(prefix: string, files: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [prefix + path, content]));
}

function without(files: Record<string, string>, ending: string): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith(ending)));
}

/** A ZIP whose member names are changed in its bytes: yazl writes no hostile names. */
async function patched(files: Record<string, string>, from: string, to: string): Promise<Buffer> {
  const bytes = await zipOf(files);
  expect(to).toHaveLength(from.length);
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
}

async function damaged(files: Record<string, string>): Promise<Buffer> {
  const entries = Object.entries(files).map(([path]) => [path, noise(5_000)] as const);
  const bytes = await zipOf(Object.fromEntries(entries));
  bytes[2_000]! ^= 0xff;
  return bytes;
}
