import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  PACKED_CT,
  PLAIN_CT,
  rawTarPart,
  TAR_END,
  tarOf,
  zipOf,
  type TarPart,
  type ZipPart,
} from '../../fixtures/bad-archives.ts';
import { pythonJson } from '../../fixtures/engine-python.ts';
import { intakeBench, keyOf, outcomes, sha256Of } from '../../fixtures/intake.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const GOOD = { name: 'good/raw.nii.gz', content: PACKED_CT };
const zipWith = (...parts: readonly ZipPart[]): Buffer => zipOf([GOOD, ...parts]);
const tarWith = (...parts: readonly TarPart[]): Promise<Buffer> => tarOf([GOOD, ...parts]);
const taken = async (bytes: Uint8Array): Promise<readonly string[]> =>
  outcomes(await intakeBench().take(bytes));

describe('an odd but honest archive is taken', () => {
  it('with names in any encoding', async () => {
    const cp437 = Buffer.from([0x84, 0x2e, 0x6e, 0x69, 0x69]);
    const latin1 = Buffer.from('\u00e4.nii', 'latin1');
    const utf8 = Buffer.from('\u00e4.nii');
    const zip = zipOf([
      { name: cp437, flags: 0, content: PLAIN_CT },
      { name: Buffer.from('\u00f6.nii'), flags: 0, content: PLAIN_CT },
      { name: Buffer.from([0xff, 0x2e, 0x6e, 0x69, 0x69]), content: PLAIN_CT },
    ]);
    const tar = (name: Buffer): Buffer => Buffer.concat([rawTarPart(name, PLAIN_CT), TAR_END]);

    expect(await taken(zip)).toEqual(['\u00a0', '\u00e4', '\u00f6']);
    // Byte 127 is a sign of code page 437, no control character.
    const house = Buffer.from([0x84, 0x7f, 0x2e, 0x6e, 0x69, 0x69]);
    expect(await taken(zipOf([{ name: house, flags: 0, content: PLAIN_CT }]))).toEqual(['\u00e4\u2302']);
    expect(await taken(tar(latin1))).toEqual(['\u00e4']);
    expect(await taken(tar(utf8))).toEqual(['\u00e4']);
    expect(await taken(await tarOf([{ name: `${'\u4e2d'.repeat(50)}/raw.nii`, content: PLAIN_CT }]))).toEqual(
      ['\u4e2d'.repeat(50)],
    );
  });

  it('with names of any length', async () => {
    const long = `${'n'.repeat(5000)}.nii.gz`;
    for (const bytes of [
      zipWith({ name: long, content: PACKED_CT }),
      await tarWith({ name: long, content: PACKED_CT }),
    ]) {
      const report = await intakeBench().take(bytes);

      expect([outcomes(report), report.ignoredCount]).toEqual([['good'], 1]);
      expect(JSON.stringify(report).length).toBeLessThan(2000);
    }
  });

  it('with a thousand junk files and nested archives', async () => {
    const junk = Array.from({ length: 1000 }, (_, n) => ({
      name: `junk/${n}.zip`,
      content: Buffer.from('PK'),
    }));
    for (const bytes of [zipWith(...junk), await tarWith(...junk), gzipSync(await tarWith(...junk))]) {
      const report = await intakeBench().take(bytes);

      expect([outcomes(report), report.ignored.length, report.ignoredCount]).toEqual([['good'], 100, 1000]);
      expect(report.ignored[0]!.reason).toBe('an archive inside the archive is not opened');
    }
  });

  it('of more members than a ZIP without ZIP64 can count, as Python writes it', async () => {
    const bench = intakeBench();

    const report = await bench.take(zipOfMany(70_000));

    expect([outcomes(report), report.ignoredCount]).toEqual([['good'], 70_000]);
    expect(Object.keys(await bench.stored())).toEqual([keyOf(1)]);
  });

  it('of a gzip with more zeros behind it than are read at once, and the hash is that of all of it', async () => {
    const packed = gzipSync(await tarOf([GOOD]));
    const bytes = Buffer.concat([packed, Buffer.alloc(3 * 2 ** 20)]);

    const report = await intakeBench().take(bytes);

    expect([outcomes(report), report.sha256]).toEqual([['good'], sha256Of(bytes)]);
  });

  it('but not of more members than any batch has', async () => {
    await expect(intakeBench().take(zipOfMany(100_001))).rejects.toMatchObject({ code: 'ARCHIVE_TOO_LARGE' });
  });
});

/** A ZIP64 with that many members and one case, written by Python. */
function zipOfMany(count: number): Buffer {
  const path = join(tempFolder(), 'many.zip');
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as z:
  for n in range(int(sys.argv[2])): z.writestr(f'{n}.txt', '')
  z.writestr('good/raw.nii.gz', sys.stdin.buffer.read())
print(1)`;
  pythonJson(script, PACKED_CT, [path, String(count)]);
  return readFileSync(path);
}
