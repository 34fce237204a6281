import { HpbError } from '../core/errors.ts';

/** A member whose content is opened when its turn comes. */
export interface ZipSource {
  /** Relative path with `/`, as it stands in the archive. */
  readonly name: string;
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** A member with its content as it lies in an archive. */
export interface PackedMember {
  readonly name: string;
  readonly packed: Uint8Array;
  /** How it is packed: stored (0) or deflated (8). */
  readonly method: 0 | 8;
  readonly crc32: number;
  /** Of the content before it was packed. */
  readonly bytes: number;
}

/** Of a large member, at a time; up to here a member is a small one, and goes in as a whole. */
export const BLOCK_BYTES = 2 ** 18;

/** Of every member. Local parts, not UTC: archives tell no time zone. */
export const [MTIME, MODE] = [new Date(1980, 0, 1), 0o100644] as const;

/** Content that is compressed already. */
const STORED = /\.(gz|png|jpg|zip|mz3|vti|vtp)$/;
/** Coordinates, and a page that is mostly pictures: the usual level takes several times the time for a few percent. */
const HARD = /\.(glb|html)$/;
const [FAST, USUAL] = [1, 6];

/** Level of zlib by which a member of this name is deflated; 0 where it is stored. */
export const levelOf = (name: string): number => (STORED.test(name) ? 0 : HARD.test(name) ? FAST : USUAL);

/** The content of a small member in one piece. Throws `UNEXPECTED` when it is not of the size that was said. */
export async function contentOf({ bytes, open }: ZipSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of open()) chunks.push(chunk);
  const content = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (content.length !== bytes) throw memberChanged(content.length, bytes);
  return content;
}

/** What is thrown for a member that is not of the size that was said. */
export function memberChanged(seen: number, bytes: number): HpbError {
  return new HpbError(
    'UNEXPECTED',
    `A file changed before it was packed: ${seen} bytes instead of ${bytes}.`,
    { remedy: 'Let nothing else write into the working folder, and run the case again.' },
  );
}

/** Members in the order of an archive. Throws `UNEXPECTED` when a name comes twice. */
export function zipOrder<T extends { readonly name: string }>(members: readonly T[]): readonly T[] {
  const sorted = members.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find(({ name }, at) => name === sorted[at + 1]?.name);
  if (twice === undefined) return sorted;
  throw new HpbError('UNEXPECTED', 'The archive would hold a member twice.', {
    remedy: 'Report this with the models that were asked for.',
  });
}
