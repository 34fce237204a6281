import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { writeZip, zipStream, type ZipMember } from '../../adapters/zip-archive.ts';
import type { ZipSource } from '../../adapters/zip-members.ts';
import { pythonJson } from '../fixtures/engine-python.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

function members(folder: string, contents: Readonly<Record<string, string>>): ZipMember[] {
  return Object.entries(contents).map(([name, content]) => {
    const path = join(folder, name.replaceAll('/', '_'));
    writeFileSync(path, content);
    return { name, path };
  });
}

const LISTING = `
import io, json, sys, zipfile
z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
print(json.dumps([[i.filename, i.compress_type, oct(i.external_attr >> 16), list(i.date_time), z.read(i).decode()]
                  for i in z.infolist()] + [z.testzip()]))`;

describe('the result archive', () => {
  it('is read by another tool: names sorted, masks stored, documents deflated, fixed mode and time', async () => {
    const folder = tempFolder();
    const path = join(folder, 'results.zip');

    await writeZip(path, members(folder, { 'meta.json': '{}', 'liver.nii.gz': 'mask', 'a/b.png': 'png' }));

    const when = [1980, 1, 1, 0, 0, 0];
    expect(pythonJson(LISTING, readFileSync(path))).toEqual([
      ['a/b.png', 0, '0o100644', when, 'png'],
      ['liver.nii.gz', 0, '0o100644', when, 'mask'],
      ['meta.json', 8, '0o100644', when, '{}'],
      null,
    ]);
  });

  it('is the same bytes for the same content, whatever the order and the times of the files', async () => {
    const folder = tempFolder();
    const some = members(folder, { 'meta.json': '{"a":1}', 'liver.nii.gz': 'mask' });

    const first = await writeZip(join(folder, 'a.zip'), some);
    utimesSync(some[0]!.path, 1e9, 1e9);
    const second = await writeZip(join(folder, 'b.zip'), [...some].reverse());

    expect(second).toEqual(first);
    const bytes = readFileSync(join(folder, 'b.zip'));
    expect(bytes).toEqual(readFileSync(join(folder, 'a.zip')));
    expect(first).toEqual({
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
  });

  it('is the same bytes in every time zone', () => {
    const folder = tempFolder();
    const [member] = members(folder, { 'meta.json': '{}' });
    const module = new URL('../../adapters/zip-archive.ts', import.meta.url).href;
    const script = `const { writeZip } = await import(${JSON.stringify(module)});
      console.log((await writeZip(process.argv[1], [${JSON.stringify(member)}])).sha256)`;

    const hashes = ['UTC', 'America/New_York', 'Asia/Kolkata'].map((TZ) =>
      execFileSync(process.execPath, ['--input-type=module', '-e', script, join(folder, 'tz.zip')], {
        env: { TZ },
        encoding: 'utf8',
      }),
    );

    expect(new Set(hashes).size).toBe(1);
  });

  it('is not there when a member cannot be read', async () => {
    const folder = tempFolder();
    const [good] = members(folder, { 'meta.json': '{}' });

    await expect(
      writeZip(join(folder, 'results.zip'), [good!, { name: 'z.json', path: join(folder, 'nothing') }]),
    ).rejects.toThrow();

    expect(readdirSync(folder)).toEqual(['meta.json']);
  });

  it('refuses the same name twice', async () => {
    const folder = tempFolder();
    const [one] = members(folder, { 'meta.json': '{}' });

    await expect(writeZip(join(folder, 'results.zip'), [one!, one!])).rejects.toMatchObject({
      code: 'UNEXPECTED',
    });
  });

  it('says that its folder cannot be written', async () => {
    const folder = tempFolder();

    await expect(writeZip(join(folder, 'nowhere', 'results.zip'), [])).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
    });
    expect(statSync(folder).isDirectory()).toBe(true);
  });
});

/** Many members of 100 kB, and how many were opened. */
function manyMembers(): { readonly sources: readonly ZipSource[]; readonly seen: { opened: number } } {
  const seen = { opened: 0 };
  async function* open(): AsyncGenerator<Uint8Array> {
    seen.opened += 1;
    yield Buffer.alloc(1e5, seen.opened);
  }
  const sources = Array.from({ length: 200 }, (_, at) => ({
    name: `${String(at).padStart(3, '0')}.png`,
    bytes: 1e5,
    open,
  }));
  return { sources, seen };
}

describe('an archive as a stream', () => {
  it('holds small and large members, compressed or not', async () => {
    const folder = tempFolder();
    const path = join(folder, 'results.zip');
    const large = 'a liver '.repeat(80_000);

    await writeZip(
      path,
      members(folder, { 'a.json': '{}', 'b.json': large, 'c.png': 'png', 'd.vti': large, 'e.txt': '' }),
    );

    const listed = pythonJson(LISTING, readFileSync(path)) as readonly (readonly unknown[] | null)[];
    expect(listed.map((one) => one && [one[0], one[1], one[4]])).toEqual([
      ['a.json', 8, '{}'],
      ['b.json', 8, large],
      ['c.png', 0, 'png'],
      ['d.vti', 0, large],
      ['e.txt', 8, ''],
      null,
    ]);
  });

  it('takes its members only as fast as it is read, and no more when nobody wants the rest', async () => {
    const { sources, seen } = manyMembers();
    const zip = zipStream(sources);
    await sleep(50);
    expect(seen.opened).toBeLessThan(5);

    for await (const _ of zip) if (seen.opened === 50) break;
    await sleep(50);

    expect(zip.destroyed).toBe(true);
    expect(seen.opened).toBeLessThan(55);
  });

  it.each([10, 400_000])('fails when a member of %i bytes is not of the size that is said', async (bytes) => {
    async function* open(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(bytes - 1);
    }
    for (const keepSmall of [true, false]) {
      const zip = zipStream([{ name: 'a.png', bytes, open }], { keepSmall });
      await expect(Array.fromAsync(zip)).rejects.toThrow(/bytes/);
    }
  });
});
