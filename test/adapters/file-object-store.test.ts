import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FileStoreKeys } from '../../adapters/file-store-keys.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('a folder', () => new FileObjectStore(join(tempFolder(), 'objects')));

describe('a folder of objects', () => {
  it('is for its owner only', async () => {
    const root = join(tempFolder(), 'objects');
    await new FileObjectStore(root).put('jobs/a/input.nii.gz', 'a CT');

    expect(statSync(root).mode & 0o077).toBe(0);
  });

  it('is for the users whom the umask allows where it is shared', async () => {
    const folder = tempFolder();
    const [root, usual] = [join(folder, 'viewer'), join(folder, 'usual')];
    mkdirSync(usual);
    await new FileObjectStore(root, { shared: true }).put('liverCases/a/manifest.json', '{}');

    for (const made of ['.', 'liverCases', 'liverCases/a'])
      expect(statSync(join(root, made)).mode).toBe(statSync(usual).mode);
  });

  it.each([
    '../secret',
    'jobs/../../secret',
    '/etc/hostname',
    'jobs//a',
    'jobs/.hidden',
    '.partial/x',
    'jobs\\..\\secret',
    'a\0b',
    '',
    'C:/secret',
    'jobs/',
  ])('holds nothing under the key %j', async (key) => {
    const outer = tempFolder();
    writeFileSync(join(outer, 'secret'), 'secret');
    const store = new FileObjectStore(join(outer, 'objects'));
    mkdirSync(join(outer, 'objects'));

    const refused = { code: 'OBJECT_NOT_FOUND' };
    await expect(store.get(key)).rejects.toMatchObject(refused);
    await expect(store.put(key, 'x')).rejects.toMatchObject(refused);
    await expect(store.getFile(key, join(outer, 'copy'))).rejects.toMatchObject(refused);
    await expect(store.remove(key)).rejects.toMatchObject(refused);
    expect(readdirSync(outer).sort()).toEqual(['objects', 'secret']);
    expect(readdirSync(join(outer, 'objects'))).toEqual([]);
  });

  it('lists nothing outside itself', async () => {
    const outer = tempFolder();
    writeFileSync(join(outer, 'secret'), 'secret');
    const store = new FileObjectStore(join(outer, 'objects'));
    await store.put('a', 'x');

    expect(await store.list('../')).toEqual([]);
    expect(await store.list('/')).toEqual([]);
  });

  it('copies what a link of the caller leads to, not the link', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'ct'), 'voxels');
    symlinkSync(join(folder, 'ct'), join(folder, 'link'));
    const store = new FileObjectStore(join(folder, 'objects'));

    await store.putFile('ct', join(folder, 'link'));

    expect(await store.head('ct')).toMatchObject({ key: 'ct', bytes: 6 });
  });

  it('takes a file that is given up instead of a copy of it', async () => {
    const folder = tempFolder();
    const path = join(folder, 'mask');
    writeFileSync(path, 'labels');
    const { ino } = statSync(path);
    const store = new FileObjectStore(join(folder, 'objects'));

    await store.putFile('mask', path, { givenUp: true });

    expect(existsSync(path)).toBe(false);
    expect(statSync(join(folder, 'objects', 'mask')).ino).toBe(ino);
  });

  it('copies what is given up by a link, and leaves its target', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'ct'), 'voxels');
    symlinkSync(join(folder, 'ct'), join(folder, 'link'));
    const store = new FileObjectStore(join(folder, 'objects'));

    await store.putFile('ct', join(folder, 'link'), { givenUp: true });
    writeFileSync(join(folder, 'ct'), 'edited');

    expect(Buffer.from(await store.get('ct')).toString()).toBe('voxels');
  });

  it('copies what is given up on another disk', async () => {
    const [folder, elsewhere] = [tempFolder(), mkdtempSync('/dev/shm/hpb-test-')];
    onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
    const path = join(elsewhere, 'mask');
    writeFileSync(path, 'labels');
    const store = new FileObjectStore(join(folder, 'objects'));

    expect(statSync(elsewhere).dev).not.toBe(statSync(folder).dev);
    await store.putFile('mask', path, { givenUp: true });

    expect(Buffer.from(await store.get('mask')).toString()).toBe('labels');
  });

  it('leaves nothing half-written when a write fails', async () => {
    const root = join(tempFolder(), 'objects');
    const store = new FileObjectStore(root);
    await store.put('a/b', 'x');

    // A folder stands where the object should go.
    await expect(store.put('a', 'y')).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });

    expect(readdirSync(join(root, '.partial'))).toEqual([]);
  });

  it('says that its place cannot be written', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), '');

    await expect(new FileObjectStore(join(folder, 'file')).put('k', 'x')).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
  });

  it('loses no change of several processes that write to it at once', async () => {
    const root = join(tempFolder(), 'objects');
    const store = new FileObjectStore(root);
    await store.put('count', '0');
    const script = join(import.meta.dirname, '../fixtures/bin/count-in-store.ts');

    await Promise.all(
      Array.from({ length: 3 }, async () => promisify(execFile)(process.execPath, [script, root, '40'])),
    );

    expect(new TextDecoder().decode(await store.get('count'))).toBe('120');
  });

  it('takes over the lock of a writer that was killed', async () => {
    const root = join(tempFolder(), 'objects');
    const store = new FileObjectStore(root);
    await store.put('k', 'first');
    const lock = new FileStoreKeys(root).lockOf('k');
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1, started: null }));

    await store.put('k', 'second');

    expect(new TextDecoder().decode(await store.get('k'))).toBe('second');
  });

  it('never gives two versions one tag, however fast they follow', async () => {
    const store = new FileObjectStore(join(tempFolder(), 'objects'));
    const tags = new Set<string>();

    for (let version = 0; version < 300; version += 1) tags.add((await store.put('k', 'same size')).tag);

    expect(tags.size).toBe(300);
  });

  it('removes what killed writers left behind, and not what is being written', async () => {
    const root = join(tempFolder(), 'objects');
    const store = new FileObjectStore(root);
    await store.put('k', 'x');
    for (const name of ['old', 'young']) writeFileSync(join(root, '.partial', name), 'half');
    utimesSync(join(root, '.partial', 'old'), 1_000, 1_000);

    await store.removeUnfinished(3_600_000);

    expect(readdirSync(join(root, '.partial'))).toEqual(['young']);
    expect(await store.head('k')).not.toBeNull();
  });

  it('keeps no empty folders of what was removed', async () => {
    const root = join(tempFolder(), 'objects');
    const store = new FileObjectStore(root);
    await store.put('jobs/a/cases/c0001/input', 'x');
    await store.put('jobs/b/x', 'x');

    await store.put('jobs/c/job.json', 'x');
    await store.put('jobs/c/progress/c0001', 'x');
    mkdirSync(join(root, '..', 'beside'));

    await store.removeAll('jobs/a/');
    for (const name of ['progress/c0001', 'job.json']) await store.remove(`jobs/c/${name}`);
    for (const prefix of ['jobs/c/', '../beside/']) await store.removeAll(prefix);

    expect(readdirSync(join(root, 'jobs'))).toEqual(['b']);
    expect(readdirSync(join(root, '..'))).toContain('beside');
  });
});
