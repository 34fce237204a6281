import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { S3ObjectStore } from '../../../adapters/s3-object-store.ts';
import { systemClock } from '../../../adapters/system.ts';
import { emulatedBucket } from '../../fixtures/emulated-bucket.ts';
import { hpb, hpbHere, ROOT } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { viewerPackage } from '../../fixtures/viewer-package.ts';

interface Manifest {
  readonly title: string;
  readonly volume: string;
  readonly meshes: Readonly<Record<string, string>>;
}

/** The folder of a case, as a result is unpacked. */
function caseFolder(mesh?: string): string {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(viewerPackage(mesh))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

describe('hpb publish and hpb unpublish, a folder', () => {
  let place: string;
  beforeEach(() => {
    place = join(tempFolder(), 'viewer');
  });
  const inPlace = (name: string): string => join(place, 'liverCases/case-7', name);
  const manifest = (): Manifest => JSON.parse(readFileSync(inPlace('manifest.json'), 'utf8')) as Manifest;
  const publish = (folder: string, ...args: string[]) =>
    hpbHere(['publish', folder, '--to', place, '--id', 'case-7', ...args]);

  it('put a case there under its title, say how it is taken out, and take it out with all its files', async () => {
    const published = await publish(caseFolder(), '--title', 'Case <seven>');

    expect(published.code, published.stderr).toBe(0);
    expect(published.stdout).toContain('with 2 meshes');
    expect(published.stdout).toContain(`hpb unpublish case-7 --from ${place}`);
    expect(manifest().title).toBe('Case <seven>');
    for (const name of [manifest().volume, ...Object.values(manifest().meshes)])
      expect(existsSync(inPlace(name)), name).toBe(true);

    const removed = await hpbHere(['unpublish', 'case-7', '--from', place]);

    expect(removed.code, removed.stderr).toBe(0);
    expect(removed.stdout).toContain('Removed case-7: 6 files');
    expect(existsSync(inPlace('manifest.json'))).toBe(false);
    expect(readFileSync(join(place, 'meta/cases.json'), 'utf8')).not.toContain('case-7');
  });

  it('replace a case that is there, and tell programs in JSON', async () => {
    await publish(caseFolder('old mesh'));
    const old = manifest();

    const { stdout } = await publish(caseFolder('new mesh'), '--json');

    expect(JSON.parse(stdout)).toMatchObject({ id: 'case-7', prefix: 'liverCases/case-7/', meshes: 2 });
    expect(manifest().meshes['hepatic_vessels']).not.toBe(old.meshes['hepatic_vessels']);
    expect(readdirSync(inPlace('segmentations'))).toHaveLength(2);
  });

  it.each([
    ['an id with a path in it', ['--id', '../x', '--to', 'out'], 'never a name of a patient'],
    ['no id', ['--to', 'out'], "required option '--id <id>'"],
    [
      'a place of another kind',
      ['--id', 'x', '--to', 'https://example.org'],
      'neither s3://bucket nor a folder',
    ],
    ['a prefix in a bucket', ['--id', 'x', '--to', 's3://bucket/cases'], 'without a prefix'],
  ])('end with 2 for %s, and write nothing', async (_, args, says) => {
    const { code, stderr } = await hpb(['publish', caseFolder(), ...args]);

    expect(code).toBe(2);
    expect(stderr).toContain(says);
    expect(existsSync(join(ROOT, 'out'))).toBe(false);
  });

  it('end with an error for what is no result, and for a case that is not there', async () => {
    const empty = await publish(tempFolder());
    const missing = await publish(join(place, 'nothing'));
    const never = await hpbHere(['unpublish', 'case-8', '--from', place]);

    expect(empty.stderr).toContain('RESULT_NOT_FOUND');
    expect(missing.stderr).toContain('INPUT_NOT_FOUND');
    expect(never.stderr).toContain('RESULT_NOT_FOUND');
    for (const { code } of [empty, missing, never]) expect(code).not.toBe(0);
    expect(existsSync(inPlace('manifest.json'))).toBe(false);
  });
});

describe('hpb publish and hpb unpublish, a bucket (MiniStack)', () => {
  /** A bucket with the commands pointed at it. */
  async function bucketPlace() {
    const { client, bucket, options } = await emulatedBucket();
    vi.stubEnv('AWS_ENDPOINT_URL_S3', options.endpoint);
    vi.stubEnv('AWS_REGION', options.region);
    vi.stubEnv('AWS_ACCESS_KEY_ID', options.credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', options.credentials.secretAccessKey);
    onTestFinished(() => void vi.unstubAllEnvs());
    const store = new S3ObjectStore({ client, bucket, clock: systemClock });
    const read = async <T>(key: string): Promise<T> =>
      JSON.parse(new TextDecoder().decode(await store.get(key))) as T;
    const keys = async (): Promise<string[]> => (await store.list('')).map(({ key }) => key);
    return { place: `s3://${bucket}`, store, read, keys };
  }
  const FOLDER = 'liverCases/case-7/';

  it('put a case there, replace it, and leave nothing of it', async () => {
    const { place, read, keys } = await bucketPlace();
    const publish = (mesh: string) => hpbHere(['publish', caseFolder(mesh), '--to', place, '--id', 'case-7']);
    expect(await publish('old mesh')).toMatchObject({ code: 0 });
    const old = await read<Manifest>(`${FOLDER}manifest.json`);

    expect(await publish('new mesh')).toMatchObject({ code: 0 });

    const now = await read<Manifest>(`${FOLDER}manifest.json`);
    const named = [now.volume, ...Object.values(now.meshes)].map((name) => FOLDER + name);
    expect(await keys()).toEqual(expect.arrayContaining(named));
    expect(await keys()).not.toContain(FOLDER + old.meshes['hepatic_vessels']!);
    expect(await hpbHere(['unpublish', 'case-7', '--from', place])).toMatchObject({ code: 0 });
    expect(await keys()).toEqual(['meta/cases.json']);
    expect(await read('meta/cases.json')).toEqual({ cases: [] });
  });

  it('lose no case when several are published at once, and one published twice is whole', async () => {
    const { place, read, keys } = await bucketPlace();
    const ids = ['case-1', 'case-2', 'case-3', 'case-7', 'case-7'];

    const ends = await Promise.all(
      ids.map((id, n) => hpbHere(['publish', caseFolder(`mesh ${n}`), '--to', place, '--id', id])),
    );

    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual(ids.map(() => [0, '']));
    const { cases } = await read<{ cases: { id: string }[] }>('meta/cases.json');
    expect(cases.map(({ id }) => id).toSorted()).toEqual([...new Set(ids)]);
    const { volume, meshes } = await read<Manifest>(`${FOLDER}manifest.json`);
    expect(await keys()).toEqual(
      expect.arrayContaining([volume, ...Object.values(meshes)].map((name) => FOLDER + name)),
    );
  });
});
