import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mapLimited } from '../../core/map-limited.ts';
import type { ObjectStore } from '../../core/ports.ts';
import { bytesOf, collect } from '../fixtures/chunks.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { describeConditions, describeStreams } from './object-writes.contract.ts';

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

    it('keeps an empty object', async () => {
      const store = await make();

      const facts = await store.put('index/empty', '');

      expect(facts.bytes).toBe(0);
      expect((await store.get('index/empty')).byteLength).toBe(0);
      expect(await collect(await store.stream('index/empty'))).toHaveLength(0);
    });

    it('tells of a write what a look at the object tells', async () => {
      const store = await make();

      const written = await store.put('k', 'some text');

      const seen = await store.head('k');
      expect(seen).toMatchObject({ key: 'k', bytes: 9, tag: written.tag });
      expect((await store.read('k')).facts.tag).toBe(written.tag);
      expect((await store.list('k'))[0]!.tag).toBe(written.tag);
      expect(Math.abs(seen!.modifiedAt - Date.now())).toBeLessThan(3_600_000);
    });

    describeConditions(make);
    describeStreams(make);

    it('streams an object, or a range of it', async () => {
      const store = await make();
      const body = bytesOf(300_000);
      await store.put('k', body);

      const read = async (range?: { start: number; end?: number }): Promise<Uint8Array> =>
        collect(await store.stream('k', range));

      expect(Buffer.compare(await read(), body)).toBe(0);
      expect([...(await read({ start: 5, end: 7 }))]).toEqual([...body.subarray(5, 8)]);
      expect([...(await read({ start: 299_998 }))]).toEqual([...body.subarray(299_998)]);
      expect((await read({ start: 299_990, end: 400_000 })).byteLength).toBe(10);
    });

    it('refuses a range that begins beyond the end, and a missing object, before anything is read', async () => {
      const store = await make();
      await store.put('k', 'abc');
      await store.put('empty', '');

      const refused = { code: 'RANGE_NOT_SATISFIABLE' };
      await expect(store.stream('k', { start: 3 })).rejects.toMatchObject(refused);
      await expect(store.stream('k', { start: 2, end: 1 })).rejects.toMatchObject(refused);
      await expect(store.stream('empty', { start: 0 })).rejects.toMatchObject(refused);
      await expect(store.stream('missing')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    });

    it('copies within itself', async () => {
      const store = await make();
      await store.put('uploads/u/input', 'bytes');

      const facts = await store.copy('uploads/u/input', 'jobs/a (1)/input');
      await store.put('uploads/u/input', 'changed');

      expect(facts).toMatchObject({ key: 'jobs/a (1)/input', bytes: 5 });
      expect(text(await store.get('jobs/a (1)/input'))).toBe('bytes');
      await expect(store.copy('missing', 'x')).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
      expect(await store.head('x')).toBeNull();
    });

    it('lists page by page, beyond a thousand, each key once and in order', async () => {
      const store = await make();
      const keys = Array.from(
        { length: 1_050 },
        (_, index) => `index/${String(index * 7919).padStart(8, '0')}`,
      );
      await mapLimited(keys, 16, async (key) => store.put(key, ''));
      await store.put('index-other', '');

      const all = (await store.list('index/')).map(({ key }) => key);
      const pages: string[] = [];
      for (let after: string | undefined; ; after = pages.at(-1)) {
        const page = await store.list('index/', { limit: 400, ...(after !== undefined && { after }) });
        pages.push(...page.map(({ key }) => key));
        if (page.length < 400) break;
      }

      expect(all).toEqual(keys.toSorted());
      expect(pages).toEqual(all);
      expect(await store.removeAll('index/')).toEqual({ objects: 1_050, bytes: 0 });
      expect((await store.list('')).map(({ key }) => key)).toEqual(['index-other']);
    });

    it('lists a key beside a folder of the same name in key order, also page by page', async () => {
      const store = await make();
      const keys = ['a-b', 'a/b', 'a/c/d', 'a0', 'ab'];
      for (const key of keys.toReversed()) await store.put(key, '');

      const after = async (key: string): Promise<string[]> =>
        (await store.list('', { after: key, limit: 2 })).map((facts) => facts.key);

      expect((await store.list('')).map(({ key }) => key)).toEqual(keys);
      expect(await after('a-b')).toEqual(['a/b', 'a/c/d']);
      expect(await after('a/b')).toEqual(['a/c/d', 'a0']);
      expect(await after('a/c/d')).toEqual(['a0', 'ab']);
      expect(await after('a/zzz')).toEqual(['a0', 'ab']);
    });

    it('removes everything below a prefix and says how much that was', async () => {
      const store = await make();
      for (const key of ['jobs/a/1', 'jobs/a/b/2', 'jobs/ab/3']) await store.put(key, 'four');

      expect(await store.removeAll('jobs/a/')).toEqual({ objects: 2, bytes: 8 });
      expect(await store.removeAll('jobs/a/')).toEqual({ objects: 0, bytes: 0 });
      expect((await store.list('')).map(({ key }) => key)).toEqual(['jobs/ab/3']);
    });
  });
}
