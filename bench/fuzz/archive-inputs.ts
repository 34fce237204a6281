import * as fc from 'fast-check';
import {
  PACKED_CT,
  PLAIN_CT,
  rawTarPart,
  TAR_END,
  zipOf,
  type ZipPart,
} from '../../test/fixtures/bad-archives.ts';
import { damage, damaged, type Damage } from './damage.ts';
import { gzipWrap, wrapped, type GzipWrap } from './gzip-wrap.ts';

/** Lies and oddities of a member; those that a format cannot express are left out there. */
const TRICKS = [
  'link', 'hard-link', 'device', 'fifo', 'sparse', 'encrypted', 'wrong-crc', 'states-less', 'states-more',
  'odd-method', 'bad-deflate', 'shared', 'folder-mode', 'strong-encryption', 'comment',
] as const; // prettier-ignore
type Trick = (typeof TRICKS)[number];

const CONTENTS = {
  packed: PACKED_CT,
  plain: PLAIN_CT,
  junk: Buffer.from('not a CT at all\n'.repeat(20)),
  cut: PACKED_CT.subarray(0, 700),
  empty: Buffer.alloc(0),
  zeros: Buffer.alloc(70_000),
} as const;

/** `X` is the name of the case. */
const LAYOUTS: readonly (readonly [path: string, weight: number])[] = [
  ['X/raw.nii.gz', 12], ['X.nii.gz', 10], ['w/X/raw.nii.gz', 6], ['X/raw_0000.nii.gz', 3], ['X_0000.nii.gz', 3],
  ['X/raw.nii', 3], ['w/X.nii', 3], ['a/b/X/raw.nii.gz', 1], ['X/other.nii.gz', 2], ['X/notes.txt', 2],
  ['__MACOSX/._X.nii.gz', 1], ['.X.nii.gz', 1], ['X.dcm', 1], ['X.zip', 1], ['X/', 2], ['./X.nii.gz', 1],
  ['X//raw.nii.gz', 1], ['X.NII.GZ', 1], ['X/RAW.nii', 1],
]; // prettier-ignore
const HOSTILE: readonly string[] = [
  '../X.nii.gz',
  'X/../../raw.nii.gz',
  '/X.nii.gz',
  'C:/X.nii.gz',
  'X\\raw.nii.gz',
];

/** Few, so that they meet; natural order, capitals, and characters outside ASCII decide things. */
const NAMES: readonly string[] = [
  'a', 'b', 'A', 'c 2', 'c 10', 'ä', 'Ä', 'e\u0301', 'long'.repeat(30), 'raw', 'x_0000', '.nii', '病人',
]; // prettier-ignore

interface Member {
  readonly path: string;
  readonly content: keyof typeof CONTENTS;
  readonly deflate: boolean;
  readonly trick: Trick | null;
}

/** Formats: ours made byte by byte, and Python's zipfile and tarfile as other people's tools write them. */
export const FORMATS = [
  'zip', 'tar', 'tar.gz', 'python-zip', 'python-zip64', 'python-zip-stream', 'python-tar-ustar', 'python-tar-gnu',
  'python-tar-pax',
] as const; // prettier-ignore
export type ArchiveFormat = (typeof FORMATS)[number];

/** How one archive of the corpus is made; the same recipe gives the same bytes. */
export interface ArchiveRecipe {
  readonly format: ArchiveFormat;
  readonly members: readonly Member[];
  /** Members that the directory of a ZIP says it has, beyond those that it has. */
  readonly countLie: number;
  readonly gzip: GzipWrap;
  readonly damage: readonly Damage[];
}

const path = fc
  .tuple(
    fc.oneof(
      {
        weight: 60,
        arbitrary: fc.oneof(...LAYOUTS.map(([text, weight]) => ({ weight, arbitrary: fc.constant(text) }))),
      },
      { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
    ),
    fc.constantFrom(...NAMES),
  )
  .map(([layout, name]) => layout.replace('X', () => name));

const member: fc.Arbitrary<Member> = fc.record({
  path,
  content: fc.oneof(
    { weight: 6, arbitrary: fc.constant('packed' as const) },
    { weight: 3, arbitrary: fc.constant('plain' as const) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('junk' as const, 'cut' as const, 'empty' as const, 'zeros' as const),
    },
  ),
  deflate: fc.boolean(),
  trick: fc.oneof(
    { weight: 12, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom(...TRICKS) },
  ),
});

/** Recipes of archives. */
export const archiveRecipe: fc.Arbitrary<ArchiveRecipe> = fc.record({
  format: fc.constantFrom(...FORMATS),
  members: fc.array(member, { minLength: 1, maxLength: 5 }),
  countLie: fc.oneof(
    { weight: 30, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(-1, 1) },
  ),
  gzip: gzipWrap,
  damage: fc.oneof(
    { weight: 7, arbitrary: fc.constant([]) },
    { weight: 3, arbitrary: fc.array(damage, { minLength: 1, maxLength: 3 }) },
  ),
});

/** A member for another tool to pack. */
export interface PlainMember {
  readonly name: string;
  /** Base64. */
  readonly content: string;
  readonly deflate: boolean;
  readonly link: boolean;
}

/** Packs members with a tool that is not ours. */
export type Packer = (format: ArchiveFormat, members: readonly PlainMember[]) => Promise<Buffer>;

/** The bytes of an archive. */
export async function archiveBytes(recipe: ArchiveRecipe, pack: Packer): Promise<Buffer> {
  return damaged(await packed(recipe, pack), recipe.damage);
}

async function packed({ format, members, countLie, gzip }: ArchiveRecipe, pack: Packer): Promise<Buffer> {
  if (format === 'zip') return zipOf(members.map(zipPart), { count: members.length + countLie });
  const tar = (): Buffer => Buffer.concat([...members.flatMap(tarPart), TAR_END]);
  if (format === 'tar') return tar();
  if (format === 'tar.gz') return wrapped(tar(), gzip);
  const plain = members.map(({ path, content, deflate, trick }) => ({
    name: path,
    content: CONTENTS[content].toString('base64'),
    deflate,
    link: trick === 'link',
  }));
  return pack(format, plain);
}

function zipPart({ path, content: kind, deflate, trick }: Member, at: number): ZipPart {
  const content = path.endsWith('/') ? Buffer.alloc(0) : CONTENTS[kind];
  const part: ZipPart = { name: path, content, deflate };
  const tricks: Readonly<Partial<Record<Trick, Partial<ZipPart>>>> = {
    link: { mode: 0o120777 },
    device: { mode: 0o020644 },
    fifo: { mode: 0o010644 },
    encrypted: { flags: 0x801, deflate: true },
    'wrong-crc': { crc: 1 },
    'states-less': { states: content.length >> 1, deflate: true },
    'states-more': { states: content.length + 1000, deflate: true },
    'odd-method': { method: 14 },
    'bad-deflate': { method: 8, deflate: false },
    'folder-mode': { mode: 0o040755 },
    'strong-encryption': { flags: 0x841, deflate: true },
    comment: { comment: Buffer.from('of the member') },
    ...(at > 0 && { shared: { sameAs: at - 1 } }),
  };
  return { ...part, ...(trick === null ? {} : tricks[trick]) };
}

const TAR_TYPES: Readonly<Partial<Record<Trick, string>>> = {
  link: '2',
  'hard-link': '1',
  device: '3',
  fifo: '6',
  sparse: 'S',
  'odd-method': '7',
  comment: '\0',
};

function tarPart({ path, content: kind, trick }: Member): Buffer[] {
  const folder = path.endsWith('/');
  const type = folder ? '5' : (trick !== null && TAR_TYPES[trick]) || '0';
  const content = '1236'.includes(type) || folder ? Buffer.alloc(0) : CONTENTS[kind];
  const name = Buffer.from(path);
  const part = (of: Buffer, bytes: Buffer, as: string): Buffer => rawTarPart(of, bytes, { type: as });
  if (name.length < 100) return [part(name, content, type)];
  // The long name of GNU tar.
  const long = part(Buffer.from('././@LongLink'), Buffer.concat([name, Buffer.alloc(1)]), 'L');
  return [long, part(name.subarray(0, 99), content, type)];
}
