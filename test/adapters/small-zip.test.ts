import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateRawSync, crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { packedMembers } from '../../adapters/packed-members.ts';
import { fitsSmallZip, smallZip } from '../../adapters/small-zip.ts';
import type { PackedMember, ZipSource } from '../../adapters/zip-members.ts';
import { pythonJson } from '../fixtures/engine-python.ts';

const LISTING = `
import io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
print(json.dumps([[i.filename, i.compress_type, oct(i.external_attr >> 16), list(i.date_time), z.read(i).decode()]
                  for i in z.infolist()] + [z.testzip()]))`;

const LARGE = 'a liver '.repeat(80_000);

function source(name: string, content: string): ZipSource {
  const bytes = Buffer.from(content);
  return {
    name,
    bytes: bytes.length,
    open: async function* () {
      for (let at = 0; at < bytes.length; at += 1e5) yield bytes.subarray(at, at + 1e5);
    },
  };
}

function packed(name: string, content: string): PackedMember {
  const bytes = Buffer.from(content);
  const method = 8;
  return { name, method, packed: deflateRawSync(bytes), crc32: crc32(bytes), bytes: bytes.length };
}

const zipOf = async (sources: readonly (ZipSource | PackedMember)[]): Promise<Buffer> =>
  Buffer.concat(await Array.fromAsync(smallZip(sources)));

/** Many members of so many bytes, and how many were opened and closed. */
function manyMembers(bytes: number) {
  const seen = { opened: 0, closed: 0 };
  async function* open(): AsyncGenerator<Uint8Array> {
    seen.opened += 1;
    try {
      for (let at = 0; at < bytes; at += 1e5) yield Buffer.alloc(1e5, seen.opened);
    } finally {
      seen.closed += 1;
    }
  }
  const sources = Array.from({ length: 200 }, (_, at): ZipSource => ({
    name: `${String(at).padStart(3, '0')}.png`,
    bytes,
    open,
  }));
  return { sources, seen };
}

describe('a ZIP without fields of 64 bits', () => {
  it('is read by another tool: small and large members, stored, deflated or packed before', async () => {
    const zip = await zipOf([
      source('a.json', '{}'),
      source('b.json', LARGE),
      source('c.png', 'png'),
      source('d.vti', LARGE),
      source('e.txt', ''),
      packed('é/f.json', LARGE),
    ]);

    const facts = ['0o100644', [1980, 1, 1, 0, 0, 0]];
    expect(pythonJson(LISTING, zip)).toEqual([
      ['a.json', 8, ...facts, '{}'],
      ['b.json', 8, ...facts, LARGE],
      ['c.png', 0, ...facts, 'png'],
      ['d.vti', 0, ...facts, LARGE],
      ['e.txt', 8, ...facts, ''],
      ['é/f.json', 8, ...facts, LARGE],
      null,
    ]);
  });

  it('gives its members back as they are packed', async () => {
    const members = [packed('a.json', '{}'), packed('é/b.json', LARGE)];

    expect(await packedMembers(await zipOf(members))).toEqual(members);
  });

  it('is the same bytes in every time zone', () => {
    const module = new URL('../../adapters/small-zip.ts', import.meta.url).href;
    const script = `const { smallZip } = await import(${JSON.stringify(module)});
      const member = { name: 'a', method: 0, packed: new Uint8Array(2), crc32: 0x41d912ff, bytes: 2 };
      for await (const piece of smallZip([member])) console.log(Buffer.from(piece).toString('hex'))`;

    const archives = ['UTC', 'America/New_York', 'Asia/Kolkata'].map((TZ) =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { TZ },
        encoding: 'utf8',
      }),
    );

    expect(archives[0]).toMatch(/^504b0304/);
    expect(new Set(archives).size).toBe(1);
  });

  it.each([1e5, 1e6])('opens members of %i bytes only as it is read, and closes them', async (bytes) => {
    const { sources, seen } = manyMembers(bytes);
    const zip = smallZip(sources);
    await sleep(20);
    expect(seen.opened).toBe(0);

    for await (const _ of zip) if (seen.opened === 50) break;
    await sleep(20);

    expect(seen).toEqual({ opened: 50, closed: 50 });
  });

  it('closes a member that is being deflated when nobody wants the rest', async () => {
    const { sources, seen } = manyMembers(1e8);
    const zip = smallZip([{ ...sources[0]!, name: 'a.json' }]);

    for await (const { length } of zip) if (length > 1000) break;

    await expect.poll(() => seen).toEqual({ opened: 1, closed: 1 });
  });

  it.each([10, 400_000])('fails when a member of %i bytes is not of the size that is said', async (bytes) => {
    async function* open(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(bytes - 1);
    }
    for (const name of ['a.png', 'a.json'])
      await expect(zipOf([{ name, bytes, open }])).rejects.toThrow(/bytes/);
  });

  it('passes an error of a member on', async () => {
    async function* open(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(1e5);
      throw new Error('the line is cut');
    }
    for (const name of ['a.png', 'a.json'])
      await expect(zipOf([{ name, bytes: 1e6, open }])).rejects.toThrow('the line is cut');
  });

  it('fits what stays below 4 GB and 65,000 members, and is never written beyond', async () => {
    const named = (bytes: number) => ({ name: 'a', bytes });
    const many = Array.from({ length: 65_001 }, () => named(0));
    expect(fitsSmallZip([named(4e9)])).toBe(true);
    expect(fitsSmallZip([named(2e9), named(2.3e9)])).toBe(false);
    expect(fitsSmallZip(many.slice(1))).toBe(true);
    expect(fitsSmallZip(many)).toBe(false);

    await expect(zipOf(many.map(() => packed('a', '')))).rejects.toMatchObject({ code: 'UNEXPECTED' });
  });
});
