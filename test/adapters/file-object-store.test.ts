import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { objectStoreContract } from './object-store.contract.ts';

objectStoreContract('a folder', () => new FileObjectStore(join(tempFolder(), 'objects')));

describe('a folder of objects', () => {
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
});
