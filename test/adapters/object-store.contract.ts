import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../core/ports.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What every `ObjectStore` does, whatever it lies on; `make` gives an empty one. */
export function objectStoreContract(name: string, make: () => ObjectStore | Promise<ObjectStore>): void {
  describe(`${name}, as an object store`, () => {
    it('gives back what was put, text or bytes', async () => {
      const store = await make();

      await store.put('jobs/a/plan.json', '{"é":1}');
      await store.put('jobs/a/raw', new Uint8Array([0, 255, 7]));

      expect(text(await store.get('jobs/a/plan.json'))).toBe('{"é":1}');
      expect([...(await store.get('jobs/a/raw'))]).toEqual([0, 255, 7]);
      expect(await store.head('jobs/a/raw')).toMatchObject({ key: 'jobs/a/raw', bytes: 3 });
    });

    it('replaces an object whole', async () => {
      const store = await make();
      await store.put('k', 'a long first version');

      await store.put('k', 'short');

      expect(text(await store.get('k'))).toBe('short');
    });

    it('copies files in and out', async () => {
      const store = await make();
      const folder = tempFolder();
      writeFileSync(join(folder, 'in'), 'content');

      await store.putFile('jobs/a/file', join(folder, 'in'));
      writeFileSync(join(folder, 'in'), 'changed afterwards');
      await store.getFile('jobs/a/file', join(folder, 'new', 'out'));
      writeFileSync(join(folder, 'new', 'out'), 'changed too');

      expect(text(await store.get('jobs/a/file'))).toBe('content');
    });

    it('replaces the local file that it copies to', async () => {
      const store = await make();
      const path = join(tempFolder(), 'out');
      writeFileSync(path, 'something old and longer');
      await store.put('k', 'new');

      await store.getFile('k', path);

      expect(readFileSync(path, 'utf8')).toBe('new');
    });

    it('says that a key is missing', async () => {
      const store = await make();
      const folder = tempFolder();
      await store.put('jobs/a/b', 'x');

      for (const key of ['nothing', 'jobs/a', 'jobs/a/b/c']) {
        expect(await store.head(key)).toBeNull();
        await expect(store.get(key)).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
        await expect(store.getFile(key, join(folder, 'out'))).rejects.toMatchObject({
          code: 'OBJECT_NOT_FOUND',
        });
      }
    });

    it('refuses a local file that is not there, and stores nothing', async () => {
      const store = await make();

      await expect(store.putFile('k', join(tempFolder(), 'nothing'))).rejects.toMatchObject({
        code: 'INPUT_NOT_FOUND',
      });
      expect(await store.list('')).toEqual([]);
    });

    it('refuses a folder in place of a file', async () => {
      const store = await make();
      const folder = join(tempFolder(), 'folder');
      mkdirSync(folder);

      await expect(store.putFile('k', folder)).rejects.toMatchObject({ code: 'INPUT_IS_FOLDER' });
    });

    it('lists by prefix, in key order, with sizes', async () => {
      const store = await make();
      for (const key of ['jobs/b/2', 'jobs/a/10', 'jobs/a/1', 'jobs/ab', 'other']) await store.put(key, key);

      const keys = async (prefix: string): Promise<string[]> =>
        (await store.list(prefix)).map(({ key }) => key);

      expect(await keys('jobs/a')).toEqual(['jobs/a/1', 'jobs/a/10', 'jobs/ab']);
      expect(await keys('jobs/a/')).toEqual(['jobs/a/1', 'jobs/a/10']);
      expect(await keys('')).toEqual(['jobs/a/1', 'jobs/a/10', 'jobs/ab', 'jobs/b/2', 'other']);
      expect(await keys('nothing/')).toEqual([]);
      expect(await store.list('other')).toMatchObject([{ key: 'other', bytes: 5 }]);
    });

    it('removes an object, also one that is not there', async () => {
      const store = await make();
      await store.put('k', 'x');

      await store.remove('k');
      await store.remove('k');

      expect(await store.head('k')).toBeNull();
    });

    it('shows an object whole or not at all while it is replaced', async () => {
      const store = await make();
      const versions = ['a', 'b'].map((letter) => letter.repeat(200_000));
      await store.put('k', versions[0]!);

      const writing = Promise.all(versions.map((version) => store.put('k', version)));
      const seen = await Promise.all(Array.from({ length: 20 }, async () => text(await store.get('k'))));
      await writing;

      expect(seen.filter((body) => !versions.includes(body))).toEqual([]);
    });
  });
}
