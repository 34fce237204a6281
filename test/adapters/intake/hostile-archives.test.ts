import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  PACKED_CT,
  PLAIN_CT,
  rawTarPart,
  TAR_END,
  tarGzOf,
  tarOf,
  zipOf,
  type TarPart,
  type ZipPart,
} from '../../fixtures/bad-archives.ts';
import { intakeBench, outcomes } from '../../fixtures/intake.ts';

const GOOD = { name: 'good/raw.nii.gz', content: PACKED_CT };
const MIB = 2 ** 20;

/** Takes an archive that must be refused as a whole; nothing may stay anywhere. */
async function refusal(bytes: Uint8Array, maxUnpackedBytes = 2 ** 30): Promise<string> {
  const bench = intakeBench();
  const error: unknown = await bench.take(bytes, { maxUnpackedBytes }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(bench.leftovers()).toEqual([]);
  expect(await bench.stored()).toEqual({});
  expect(error).toMatchObject({ name: expect.any(String), remedy: expect.any(String) });
  return (error as { code: string }).code;
}

/** Takes an archive of which only some cases are bad; the good ones must be stored whole. */
async function isolated(bytes: Uint8Array): Promise<readonly string[]> {
  const bench = intakeBench();
  const report = await bench.take(bytes);
  const good = report.cases.filter(({ error }) => error === null);
  expect(Object.keys(await bench.stored())).toEqual(good.map(({ key }) => key));
  expect(bench.leftovers()).toEqual([]);
  return outcomes(report);
}

const zipWith = (...parts: readonly ZipPart[]): Buffer => zipOf([GOOD, ...parts]);
const tarWith = (...parts: readonly TarPart[]): Promise<Buffer> => tarOf([GOOD, ...parts]);
const bad = (change: Partial<ZipPart>): ZipPart => ({
  name: 'bad/raw.nii.gz',
  content: PACKED_CT,
  ...change,
});

describe('a hostile archive is refused as a whole', () => {
  it.each([
    '../a.nii.gz',
    'x/../../raw.nii.gz',
    '/etc/raw.nii.gz',
    'C:/raw.nii.gz',
    '..\\raw.nii.gz',
    'a\\raw.nii.gz',
  ])('for a member called %j', async (name) => {
    expect(await refusal(zipWith({ name }))).toBe('ARCHIVE_UNSAFE');
    expect(await refusal(await tarWith({ name }))).toBe('ARCHIVE_UNSAFE');
  });

  it.each([
    [
      'two records of one member',
      zipWith(bad({}), { name: 'c/raw.nii.gz', sameAs: 1, content: PACKED_CT }),
      'ARCHIVE_UNSAFE',
    ],
    [
      'a thousand records of one member',
      zipWith(
        ...Array.from({ length: 1000 }, (_, n) => ({ name: `${n}.nii`, sameAs: 0, content: PACKED_CT })),
      ),
      'ARCHIVE_UNSAFE',
    ],
    [
      'a directory with more records than it says',
      zipOf([GOOD, bad({})], { count: 1 }),
      'ARCHIVE_UNREADABLE',
    ],
    [
      'a directory with fewer records than it says',
      zipOf([GOOD, bad({})], { count: 3 }),
      'ARCHIVE_UNREADABLE',
    ],
    ['strong encryption', zipWith(bad({ flags: 0x841 })), 'ARCHIVE_ENCRYPTED'],
    ['junk in front', Buffer.concat([Buffer.alloc(1000, 1), zipWith()]), 'ARCHIVE_UNREADABLE'],
    ['junk behind', Buffer.concat([zipWith(), Buffer.alloc(1000, 1)]), 'ARCHIVE_UNREADABLE'],
    ['a tail that is missing', zipWith().subarray(0, -30), 'ARCHIVE_UNREADABLE'],
    ['sizes of terabytes', zipWith(bad({ states: 0xfffffff0 })), 'ARCHIVE_UNREADABLE'],
    [
      'members of more bytes than allowed',
      zipWith({ name: 'x.bin', content: Buffer.alloc(4 * MIB), deflate: true }),
      'ARCHIVE_TOO_LARGE',
    ],
  ] as const)('as a ZIP with %s', async (what, bytes, code) => {
    const junkPrefix =
      what === 'junk in front' ? Buffer.concat([Buffer.from('504b0304', 'hex'), bytes]) : bytes;

    expect(await refusal(junkPrefix, 2 * MIB)).toBe(code);
  });

  it.each([
    ['a header that is damaged', async () => damaged(await tarWith(), 512 * 4), 'ARCHIVE_UNREADABLE'],
    [
      'a size beyond its end',
      async () => Buffer.concat([rawTarPart(Buffer.from('a.nii'), PLAIN_CT, { states: 1e9 }), TAR_END]),
      'ARCHIVE_UNREADABLE',
    ],
    ['junk behind', async () => Buffer.concat([await tarWith(), Buffer.alloc(512, 1)]), 'ARCHIVE_UNREADABLE'],
    [
      'half a block behind',
      async () => Buffer.concat([await tarWith(), Buffer.alloc(100)]),
      'ARCHIVE_UNREADABLE',
    ],
    ['a cut in a member', async () => (await tarWith()).subarray(0, 900), 'ARCHIVE_UNREADABLE'],
    ['a cut between members', async () => (await tarWith()).subarray(0, -1024), 'ARCHIVE_UNREADABLE'],
    ['a gzip that is cut', async () => (await tarGzOf([GOOD])).subarray(0, -4), 'ARCHIVE_UNREADABLE'],
    ['a gzip with a wrong checksum', async () => damaged(await tarGzOf([GOOD]), -6), 'ARCHIVE_UNREADABLE'],
    [
      'something behind the gzip',
      async () => Buffer.concat([await tarGzOf([GOOD]), Buffer.from('hello')]),
      'ARCHIVE_UNREADABLE',
    ],
    [
      'something behind the gzip and zeros',
      async () => Buffer.concat([await tarGzOf([GOOD]), Buffer.alloc(512), Buffer.from('hello')]),
      'ARCHIVE_UNREADABLE',
    ],
    [
      'another archive behind the gzip and many zeros',
      async () => Buffer.concat([await tarGzOf([GOOD]), Buffer.alloc(3 * MIB), await tarGzOf([GOOD])]),
      'ARCHIVE_UNREADABLE',
    ],
    [
      'more bytes than allowed',
      async () => gzipSync(await tarWith({ name: 'x.bin', content: Buffer.alloc(4 * MIB) })),
      'ARCHIVE_TOO_LARGE',
    ],
  ] as const)('as a tar with %s', async (_, make, code) => {
    expect(await refusal(await make(), 2 * MIB)).toBe(code);
  });

  it('that unpacks to far more than it is large: 300 MB out of 300 kB', async () => {
    const zeros = gzipSync(
      Buffer.concat([
        await tarOf([GOOD]).then((tar) => tar.subarray(0, -1024)),
        rawTarPart(Buffer.from('bomb.nii'), Buffer.alloc(300 * MIB)),
        TAR_END,
      ]),
    );

    expect(zeros.length).toBeLessThan(MIB);
    expect(await refusal(zeros)).toBe('ARCHIVE_TOO_LARGE');
  });
});

describe('a bad case of an archive does not touch the others', () => {
  it.each([
    ['link', bad({ mode: 0o120777 }), 'ARCHIVE_UNSAFE'],
    ['device', bad({ mode: 0o020644 }), 'ARCHIVE_UNSAFE'],
    ['fifo', bad({ mode: 0o010644 }), 'ARCHIVE_UNSAFE'],
    ['encrypted', bad({ flags: 0x801, deflate: true }), 'ARCHIVE_ENCRYPTED'],
    ['packed by an unknown method', bad({ method: 14 }), 'ARCHIVE_UNREADABLE'],
    ['wrong CRC', bad({ crc: 1 }), 'ARCHIVE_MEMBER_CORRUPT'],
    ['wrong CRC, deflated', bad({ crc: 1, deflate: true }), 'ARCHIVE_MEMBER_CORRUPT'],
    ['states less than it holds', bad({ states: 100, deflate: true }), 'ARCHIVE_MEMBER_CORRUPT'],
    ['states more than it holds', bad({ states: 10_000, deflate: true }), 'ARCHIVE_MEMBER_CORRUPT'],
    ['damaged deflate data', bad({ method: 8 }), 'ARCHIVE_MEMBER_CORRUPT'],
    [
      'honest bomb',
      bad({ name: 'bad/raw.nii', content: Buffer.alloc(100 * MIB), deflate: true }),
      'ARCHIVE_TOO_LARGE',
    ],
    [
      'bomb that says it is small',
      bad({ content: Buffer.alloc(100 * MIB), deflate: true, states: 1000 }),
      'ARCHIVE_MEMBER_CORRUPT',
    ],
    [
      'gzip bomb as a CT',
      bad({ content: gzipSync(Buffer.concat([PLAIN_CT, Buffer.alloc(100 * MIB)])) }),
      'NIFTI_TRAILING_DATA',
    ],
  ] as const)('in a ZIP: %s', async (_, part, code) => {
    expect(await isolated(zipWith(part))).toEqual([`bad ! ${code}`, 'good']);
  });

  it('in a ZIP: twice, or once more with other capitals', async () => {
    expect(await isolated(zipWith(bad({}), bad({})))).toEqual(['bad ! INPUT_DUPLICATE_NAME', 'good']);
    expect(await isolated(zipWith(bad({}), bad({ name: 'BAD/raw.nii.gz' })))).toEqual([
      'BAD ! INPUT_DUPLICATE_NAME',
      'bad ! INPUT_DUPLICATE_NAME',
      'good',
    ]);
  });

  it.each([
    ['symlink', '2'],
    ['hard link', '1'],
    ['character device', '3'],
    ['block device', '4'],
    ['fifo', '6'],
    ['sparse file', 'S'],
  ])('in a tar: %s', async (what, type) => {
    const tar = Buffer.concat([
      rawTarPart(Buffer.from('bad/raw.nii.gz'), Buffer.alloc(0), { type }),
      await tarWith(),
    ]);

    const code = what === 'sparse file' ? 'ARCHIVE_UNREADABLE' : 'ARCHIVE_UNSAFE';
    expect(await isolated(tar)).toEqual([`bad ! ${code}`, 'good']);
    expect(await isolated(gzipSync(tar))).toEqual([`bad ! ${code}`, 'good']);
  });

  it('in a tar: a path through a link', async () => {
    const tar = await tarWith(
      { name: 'link', type: 'symlink', linkname: '/etc' },
      { name: 'link/raw.nii.gz', content: PACKED_CT },
    );

    expect(await isolated(tar)).toEqual(['good', 'link']);
  });

  it('in a tar: twice, as an update appends it', async () => {
    expect(await isolated(await tarWith(GOOD, { ...GOOD, name: 'other.nii.gz' }))).toEqual([
      'good ! INPUT_DUPLICATE_NAME',
      'other',
    ]);
  });
});

function damaged(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = copy[index]! ^ 0xff;
  return copy;
}
