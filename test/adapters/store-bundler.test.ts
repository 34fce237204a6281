import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import type { ObjectStore } from '../../core/ports.ts';
import { pythonJson } from '../fixtures/engine-python.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const KEY = 'jobs/job-00000001/results.zip';
/** More than is read before its turn. */
const LARGE = 2 ** 21;

/** A store with one object more that behaves badly. */
function storeWith(change: Partial<ObjectStore>): FileObjectStore {
  return Object.assign(new FileObjectStore(join(tempFolder(), 'store')), change);
}

describe('a bundle of objects', () => {
  it('holds its members in order, the same bytes whenever it is made, and says size and hash', async () => {
    const folder = tempFolder();
    const store = new FileObjectStore(join(folder, 'store'));
    const contents = { 'b/meta.json': '{"a":1}'.repeat(20_000), 'a/liver.nii.gz': 'mask', 'a/empty.txt': '' };
    await store.put('jobs/x/b', contents['b/meta.json']);
    await store.put('jobs/x/a', contents['a/liver.nii.gz']);

    const members = [
      { name: 'b/meta.json', source: { key: 'jobs/x/b', bytes: 140_000 } },
      { name: 'a/empty.txt', source: { text: '' } },
      { name: 'a/liver.nii.gz', source: { key: 'jobs/x/a', bytes: 4 } },
    ];
    const first = await new StoreBundler(store).bundle('jobs/job-00000001/first.zip', members);
    const bundled = await new StoreBundler(store).bundle(KEY, members.toReversed());

    expect(bundled).toEqual(first);
    const content = Buffer.from(await store.get(KEY));
    expect(bundled).toEqual({
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    });
    const listing = `import io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
print(json.dumps([z.testzip()] + [[i.filename, i.file_size] for i in z.infolist()]))`;
    expect(pythonJson(listing, content)).toEqual([
      null,
      ['a/empty.txt', 0],
      ['a/liver.nii.gz', 4],
      ['b/meta.json', 140_000],
    ]);
  });

  it('takes what lies in a ZIP over as it is packed there, into a folder', async () => {
    const folder = tempFolder();
    const store = new FileObjectStore(join(folder, 'store'));
    await store.put('jobs/x/doc', '{"a":1}'.repeat(50));
    await store.put('jobs/x/scan', Buffer.alloc(300_000, 'CT'));
    const bundler = new StoreBundler(store);
    const zip = 'jobs/x/case.zip';
    const { bytes } = await bundler.bundle(zip, [
      { name: 'a/meta.json', source: { key: 'jobs/x/doc', bytes: 350 } },
      { name: 'ct.vti', source: { key: 'jobs/x/scan', bytes: 300_000 } },
      { name: 'é.json', source: { key: 'jobs/x/scan', bytes: 300_000 } },
      { name: 'empty.txt', source: { text: '' } },
    ]);

    await bundler.bundle(KEY, [
      { name: 'case 1', source: { zip, bytes } },
      { name: 'case 2', source: { zip, bytes } },
      { name: 'manifest.json', source: { text: '{}' } },
    ]);

    const listing = `import io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
print(json.dumps([z.testzip()] + [[i.filename, i.file_size, i.compress_type] for i in z.infolist()]))`;
    const files = (name: string) => [
      [`${name}/a/meta.json`, 350, 8],
      [`${name}/ct.vti`, 300_000, 0],
      [`${name}/empty.txt`, 0, 8],
      [`${name}/é.json`, 300_000, 8],
    ];
    expect(pythonJson(listing, await store.get(KEY))).toEqual([
      null,
      ...files('case 1'),
      ...files('case 2'),
      ['manifest.json', 2, 8],
    ]);
  });

  it('does so as well when they are too many for a ZIP without fields of 64 bits', async () => {
    const store = storeWith({});
    const bundler = new StoreBundler(store);
    const zip = 'jobs/x/case.zip';
    const { bytes } = await bundler.bundle(zip, [
      { name: 'a.json', source: { text: '{"a":1}'.repeat(50) } },
      { name: 'b.png', source: { text: 'png' } },
    ]);

    const members = Array.from({ length: 1300 }, (_, at) => ({ name: `case ${at}`, source: { zip, bytes } }));
    const first = await bundler.bundle(KEY, members);
    expect(await bundler.bundle(KEY, members.toReversed())).toEqual(first);

    const listing = `import collections, io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
kinds = collections.Counter((i.filename[-6:], i.file_size, i.compress_type) for i in z.infolist())
print(json.dumps([z.testzip()] + sorted([*kind, count] for kind, count in kinds.items())))`;
    expect(pythonJson(listing, await store.get(KEY))).toEqual([
      null,
      ['/b.png', 3, 0, 1300],
      ['a.json', 350, 8, 1300],
    ]);
  });

  it.each([
    ['is cut short', (zip: Uint8Array) => zip.subarray(0, -1)],
    ['is none', () => new Uint8Array(100)],
    ['points behind its end', (zip: Uint8Array) => zip.fill(0xfe, zip.length - 22 - 10, zip.length - 22)],
    ['has another directory', (zip: Uint8Array) => zip.fill(7, zip.length - 22 - 47, zip.length - 22 - 40)],
  ])('is not stored when a ZIP that it is to take over %s', async (_, damaged) => {
    const store = storeWith({});
    const zip = 'jobs/x/case.zip';
    await new StoreBundler(store).bundle(zip, [{ name: 'a', source: { text: 'mask' } }]);
    const damage = damaged(await store.get(zip));
    await store.put(zip, damage);

    const bundling = new StoreBundler(store).bundle(KEY, [
      { name: 'case 1', source: { zip, bytes: damage.length } },
    ]);

    await expect(bundling).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
    expect(await store.head(KEY)).toBeNull();
  });

  it.each([4, LARGE])('is not stored when an object is missing, %s bytes large', async (bytes) => {
    const store = storeWith({});
    await store.put('jobs/x/a', 'mask');

    const bundling = new StoreBundler(store).bundle(KEY, [
      { name: 'a', source: { key: 'jobs/x/a', bytes: 4 } },
      { name: 'b', source: { key: 'jobs/x/b', bytes } },
    ]);

    await expect(bundling).rejects.toMatchObject({ code: 'OBJECT_NOT_FOUND' });
    expect(await store.head(KEY)).toBeNull();
  });

  it('is not stored when an object breaks off while it is read, and its error comes out', async () => {
    const store = storeWith({
      stream: async () =>
        (async function* () {
          yield Buffer.from('ma');
          throw new Error('the line is cut');
        })(),
    });
    await store.put('jobs/x/a', 'mask');

    const bundling = new StoreBundler(store).bundle(KEY, [
      { name: 'a', source: { key: 'jobs/x/a', bytes: LARGE } },
    ]);

    await expect(bundling).rejects.toThrow('the line is cut');
    expect(await store.head(KEY)).toBeNull();
  });

  it.each([3, 5, LARGE])('is not stored when an object is not of its size, %s bytes', async (bytes) => {
    const store = storeWith({});
    await store.put('jobs/x/a', 'mask');

    const bundling = new StoreBundler(store).bundle(KEY, [{ name: 'a', source: { key: 'jobs/x/a', bytes } }]);

    await expect(bundling).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
    expect(await store.head(KEY)).toBeNull();
  });

  it('asks for nothing but the content, and for small objects before their turn, a few at a time', async () => {
    const asked: string[] = [];
    let waiting = 0;
    let most = 0;
    const store = storeWith({
      head: async () => {
        throw new Error('its size is known');
      },
      get: async (key) => {
        asked.push(key);
        most = Math.max(most, ++waiting);
        await new Promise((resolve) => setTimeout(resolve, 2));
        waiting -= 1;
        return Buffer.from('mask');
      },
    });
    const names = Array.from({ length: 100 }, (_, at) => String(at).padStart(3, '0'));

    await new StoreBundler(store).bundle(
      KEY,
      names.map((name) => ({ name, source: { key: `jobs/x/${name}`, bytes: 4 } })),
    );

    expect(asked).toEqual(names.map((name) => `jobs/x/${name}`));
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThanOrEqual(16);
  });

  it('passes on what the store says, and lets go of what it was reading', async () => {
    let open = 0;
    const store = storeWith({
      stream: async () =>
        (async function* () {
          open += 1;
          try {
            for (;;) yield Buffer.alloc(2 ** 16);
          } finally {
            open -= 1;
          }
        })(),
      putStream: async (_, chunks) => {
        for await (const chunk of chunks) if (open > 0 && chunk.length > 1000) throw new Error('no room');
        throw new Error('never');
      },
    });
    await store.put('jobs/x/a', 'mask');

    const bundling = new StoreBundler(store).bundle(KEY, [
      { name: 'a.gz', source: { key: 'jobs/x/a', bytes: LARGE } },
    ]);

    await expect(bundling).rejects.toThrow('no room');
    await expect.poll(() => open, { timeout: 20_000 }).toBe(0);
  });

  it('refuses the same name twice', async () => {
    const bundling = new StoreBundler(storeWith({})).bundle(KEY, [
      { name: 'a', source: { text: '' } },
      { name: 'a', source: { text: '' } },
    ]);

    await expect(bundling).rejects.toMatchObject({ code: 'UNEXPECTED' });
  });

  it('holds no more than a few chunks of a large object at any time', async () => {
    const chunk = Buffer.alloc(2 ** 20, 7);
    let produced = 0;
    let stored = 0;
    let most = 0;
    const store = storeWith({
      stream: async () =>
        (async function* () {
          for (let n = 0; n < 100; n += 1) {
            produced += chunk.length;
            yield chunk;
          }
        })(),
      putStream: async (key, chunks) => {
        for await (const { length } of chunks) {
          stored += length;
          most = Math.max(most, produced - stored);
          // A slow store: whoever does not wait for it runs ahead now.
          await new Promise((resolve) => setImmediate(resolve));
        }
        return { key, bytes: stored, tag: '1', modifiedAt: 0 };
      },
    });

    await new StoreBundler(store).bundle(KEY, [
      { name: 'a.gz', source: { key: 'jobs/x/a', bytes: 100 * chunk.length } },
    ]);

    expect(stored).toBeGreaterThan(100 * chunk.length);
    expect(most).toBeLessThan(20 * chunk.length);
  });
});
