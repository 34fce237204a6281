import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseWeightsManifest } from '../../../core/models/weights-manifest.ts';
import { hpb, type CommandResult } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { fakeSet, zipOf } from '../../fixtures/weights.ts';

let folder: string;
let archive: string;

beforeEach(async () => {
  folder = tempFolder();
  archive = join(folder, 'ts298.zip');
  writeFileSync(archive, await zipOf(fakeSet('ts298')));
});

const models = (...args: string[]): Promise<CommandResult> =>
  hpb(['models', ...args], { HPB_DATA_ROOT: join(folder, 'data') });

const jsonOf = ({ stdout }: CommandResult): unknown => JSON.parse(stdout);

interface Verified {
  readonly files: readonly { set: string; path: string; state: string; demo: boolean }[];
}

describe('hpb models', () => {
  it('installs an archive, lists it, and finds it whole', async () => {
    const installed = await models('install', archive, '--json');
    const listed = await models('list', '--json');
    const verified = await models('verify', '--json');

    expect([installed.code, listed.code, verified.code]).toEqual([0, 0, 0]);
    expect((jsonOf(installed) as { installed: { id: string }[] }).installed.map(({ id }) => id)).toEqual([
      'ts298',
    ]);
    const { sets } = jsonOf(listed) as { sets: { id: string; state: string; sha256: object }[] };
    expect(sets.find(({ id }) => id === 'ts298')).toMatchObject({ state: 'installed' });
    expect(Object.keys(sets.find(({ id }) => id === 'ts298')!.sha256)).toHaveLength(3);
    const { files } = jsonOf(verified) as Verified;
    const real = files.filter(({ demo }) => !demo);
    expect(new Set(files.filter(({ demo }) => demo).map(({ state }) => state))).toEqual(new Set(['ok']));
    expect(real.map(({ set, state }) => `${set} ${state}`)).toEqual(Array(3).fill('ts298 ok'));
  });

  it('tells a changed file and ends with 21', async () => {
    const { installed } = jsonOf(await models('install', archive, '--json')) as {
      installed: { folder: string }[];
    };
    writeFileSync(join(installed[0]!.folder, 'plans.json'), 'other');

    const { code, stdout } = await models('verify');

    expect(code).toBe(21);
    expect(stdout).toMatch(/^changed +ts298 +plans\.json/m);
    expect(stdout).toContain('hpb models pull');
  });

  it('refuses an archive with nothing we know, with 23', async () => {
    writeFileSync(archive, await zipOf({ 'readme.txt': 'hello' }));

    const { code, stdout } = await models('install', archive, '--json');

    expect(code).toBe(23);
    expect(jsonOf(await models('list', '--json'))).toBeDefined();
    expect(JSON.parse(stdout)).toMatchObject({ event: 'error', error: { code: 'WEIGHTS_ARCHIVE_INVALID' } });
  });

  it.each([
    [['pull', 'lungs'], 2, 'UNKNOWN_MODEL'],
    [['pull', 'ts298', '--from', 'foo'], 2, 'BAD_OPTION'],
    [['pull', 'task008'], 24, 'LICENCE_NOT_ACCEPTED'],
  ])('%j ends with %i before anything is fetched', async (args, exit, code) => {
    const result = await models(...args);

    expect(result.code).toBe(exit);
    expect(result.stderr).toContain(`Code: ${code}`);
  });

  it('pushes what is installed with a manifest that names every file, and sends nothing twice', async () => {
    await models('install', archive);
    const bucket = join(folder, 'bucket');

    const first = await models('push', bucket, '--json');
    const again = await models('push', bucket, '--json');

    expect([first.code, again.code]).toEqual([0, 0]);
    const presence = (result: CommandResult): readonly boolean[] =>
      (jsonOf(result) as { pushed: { present: boolean }[] }).pushed.map(({ present }) => present);
    expect(presence(first)).toEqual([false, false, false]);
    expect(presence(again)).toEqual([true, true, true]);
    const manifest = parseWeightsManifest(readFileSync(join(bucket, 'models', 'manifest.json'), 'utf8'));
    expect(manifest.kind).toBe('real');
    for (const [path, { bytes, sha256 }] of Object.entries(manifest.sets.ts298!.files)) {
      const there = readFileSync(join(bucket, 'models', path));
      expect([there.length, createHash('sha256').update(there).digest('hex')]).toEqual([bytes, sha256]);
    }
  });

  it('pushes nothing when a file is not what was installed', async () => {
    const { installed } = jsonOf(await models('install', archive, '--json')) as {
      installed: { folder: string }[];
    };
    writeFileSync(join(installed[0]!.folder, 'plans.json'), 'other');

    const { code, stderr } = await models('push', join(folder, 'bucket'));

    expect(code).toBe(21);
    expect(stderr).toContain('plans.json');
    expect(existsSync(join(folder, 'bucket', 'models'))).toBe(false);
  });

  it('pushes the demo networks when they are asked for, else says that nothing real is installed', async () => {
    const real = await models('push', join(folder, 'bucket'));
    const demo = await models('push', join(folder, 'bucket'), '--demo');

    expect(real.code).not.toBe(0);
    expect(real.stderr).toContain('--demo');
    expect(demo.code).toBe(0);
    const text = readFileSync(join(folder, 'bucket', 'models', 'manifest.json'), 'utf8');
    expect(parseWeightsManifest(text).kind).toBe('demo');
  });
});
