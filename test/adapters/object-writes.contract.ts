import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../core/ports.ts';
import { bytesOf, chunksOf, slices } from '../fixtures/chunks.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Of `objectStoreContract`: writes under a condition. */
export function describeConditions(make: () => ObjectStore | Promise<ObjectStore>): void {
  describe('conditions', () => {
    it('writes only where nothing is, when told so', async () => {
      const store = await make();
      const ifAbsent = { ifAbsent: true };
      const path = join(tempFolder(), 'file');
      writeFileSync(path, 'third');
      await store.put('k', 'first', ifAbsent);

      const refused = { code: 'OBJECT_EXISTS' };
      await expect(store.put('k', 'second', ifAbsent)).rejects.toMatchObject(refused);
      await expect(store.putFile('k', path, ifAbsent)).rejects.toMatchObject(refused);
      await expect(store.putStream('k', chunksOf('fourth'), ifAbsent)).rejects.toMatchObject(refused);

      expect(text(await store.get('k'))).toBe('first');
    });

    it('lets one of many win who write where nothing is', async () => {
      const store = await make();
      const bodies = Array.from({ length: 8 }, (_, index) => `writer ${index}`);

      const ends = await Promise.allSettled(
        bodies.map(async (body) => store.put('k', body, { ifAbsent: true }).then(() => body)),
      );

      const winners = ends.filter((end) => end.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      expect(text(await store.get('k'))).toBe(winners[0]!.value);
      for (const end of ends)
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'OBJECT_EXISTS' });
    });

    it('replaces only the version that was read, when told so', async () => {
      const store = await make();
      const first = await store.put('k', 'first');
      const second = await store.put('k', 'other', { ifTag: first.tag });

      const refused = { code: 'OBJECT_CHANGED' };
      await expect(store.put('k', 'third', { ifTag: first.tag })).rejects.toMatchObject(refused);
      await expect(store.put('missing', 'x', { ifTag: first.tag })).rejects.toMatchObject(refused);

      expect(text(await store.get('k'))).toBe('other');
      await store.remove('k');
      await expect(store.put('k', 'x', { ifTag: second.tag })).rejects.toMatchObject(refused);
    });

    it('loses no increment of writers who count in one object', async () => {
      const store = await make();
      await store.put('count', '0');
      const increment = async (): Promise<void> => {
        for (;;) {
          const { body, facts } = await store.read('count');
          try {
            await store.put('count', String(Number(text(body)) + 1), { ifTag: facts.tag });
            return;
          } catch (error) {
            if ((error as { code?: string }).code !== 'OBJECT_CHANGED') throw error;
          }
        }
      };

      await Promise.all(Array.from({ length: 6 }, async () => increment()));

      expect(text(await store.get('count'))).toBe('6');
    });
  });
}

/** Of `objectStoreContract`: streams and large files. */
export function describeStreams(make: () => ObjectStore | Promise<ObjectStore>): void {
  describe('streams', () => {
    it('stores streams of unknown length, small and large', async () => {
      const store = await make();
      const large = bytesOf(35 * 2 ** 20);

      const small = await store.putStream('small', chunksOf('ab', 'c'));
      const facts = await store.putStream('large', slices(large));

      expect(small.bytes).toBe(3);
      expect(text(await store.get('small'))).toBe('abc');
      expect(facts.bytes).toBe(large.byteLength);
      expect(Buffer.compare(await store.get('large'), large)).toBe(0);
    });

    it('copies a large file in and out', async () => {
      const store = await make();
      const folder = tempFolder();
      const large = bytesOf(17 * 2 ** 20 + 1);
      writeFileSync(join(folder, 'in'), large);

      await store.putFile('large', join(folder, 'in'));
      await store.getFile('large', join(folder, 'out'));

      expect(Buffer.compare(readFileSync(join(folder, 'out')), large)).toBe(0);
    });

    it('stores a file that is given up, on the same conditions', async () => {
      const store = await make();
      const [first, second] = ['first', 'second'].map((name) => join(tempFolder(), name));
      writeFileSync(first!, 'first');
      writeFileSync(second!, 'second');

      const facts = await store.putFile('k', first!, { givenUp: true });
      await expect(store.putFile('k', second!, { givenUp: true, ifAbsent: true })).rejects.toMatchObject({
        code: 'OBJECT_EXISTS',
      });

      expect(facts).toMatchObject({ key: 'k', bytes: 5 });
      expect(await store.head('k')).toMatchObject({ bytes: 5, tag: facts.tag });
      expect(text(await store.get('k'))).toBe('first');
    });

    it.each([3, 20 * 2 ** 20])('stores nothing of a stream that breaks off after %d bytes', async (bytes) => {
      const store = await make();
      const broken = new Error('the line went dead');
      async function* breaking(): AsyncGenerator<Uint8Array> {
        yield* slices(bytesOf(bytes));
        throw broken;
      }

      await expect(store.putStream('k', breaking())).rejects.toBe(broken);

      expect(await store.list('')).toEqual([]);
    });
  });
}
