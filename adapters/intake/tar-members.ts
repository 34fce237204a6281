import { createHash, type Hash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import { extract, type Extract, type Header } from 'tar-stream';
import type { ArchiveMember, MemberFault } from '../../core/archive-cases.ts';
import { HpbError } from '../../core/errors.ts';
import {
  isBomb,
  MAX_LISTING_BYTES,
  MAX_MEMBER_BYTES,
  MAX_MEMBERS,
  tooLarge,
  unpacksToTooMuch,
  unreadable,
  type ArchiveBounds,
} from './archive-limits.ts';
import { hashed, type ByteSource } from './byte-source.ts';
import { memberName } from './member-name.ts';
import type { OpenedArchive } from './opened-archive.ts';

/** A tar has no directory: it is read once to see what it holds, and once more for the CTs. */
export interface TarSource {
  readonly source: ByteSource;
  readonly gzip: boolean;
  readonly bounds: ArchiveBounds;
}

/**
 * Reads a tar or tar.gz to its end: names, hash, and whether it is whole.
 *
 * @throws HpbError ARCHIVE_UNREADABLE, ARCHIVE_TOO_LARGE, and what reading the source throws
 */
export async function openTar(tar: TarSource): Promise<OpenedArchive> {
  const members: ArchiveMember[] = [];
  const hash = createHash('sha256');
  let listingBytes = 0;
  for await (const entry of entriesOf(tar, hash)) {
    const member = memberOf(entry.header as TarHeader);
    members.push(member);
    listingBytes += member.name.length;
    if (members.length > MAX_MEMBERS)
      throw tooLarge(`The archive holds more than ${MAX_MEMBERS} members.`, { maxMembers: MAX_MEMBERS });
    if (listingBytes > MAX_LISTING_BYTES)
      throw tooLarge(`The names in the archive are longer than ${MAX_LISTING_BYTES} bytes together.`, {
        maxBytes: MAX_LISTING_BYTES,
      });
    entry.resume();
  }
  return {
    members,
    sha256: hash.digest('hex'),
    visit: async (indices, use) => {
      const wanted = new Set(indices);
      let index = 0;
      for await (const entry of wanted.size === 0 ? [] : entriesOf(tar)) {
        if (wanted.delete(index)) await use(index, contentOf(entry));
        entry.resume();
        index += 1;
        if (wanted.size === 0) break;
      }
    },
  };
}

type Entry = Extract extends AsyncIterable<infer Member> ? Member : never;

/** What tar-stream's types leave out. */
interface TarHeader extends Omit<Header, 'type' | 'pax'> {
  /** Null for a type that tar-stream does not know. */
  readonly type: Header['type'] | null;
  /** Where the content begins in the (inflated) tar. */
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

/** Names come as bytes, to be decoded here. */
const PARSER: object = { allowUnknownFormat: true, filenameEncoding: 'latin1' };
const BLOCK = 512;

/** The members one after the other; each is to be read or resumed before the next one is asked for. */
async function* entriesOf(tar: TarSource, hash?: Hash): AsyncGenerator<Entry> {
  const { source, bounds } = tar;
  const parser = extract(PARSER);
  const packed = new PackedBytes(hash === undefined ? source.read() : hashed(source.read(), hash));
  const gunzip = tar.gzip ? createGunzip({ chunkSize: 2 ** 18 }) : null;
  const count = { packed, unpacked: 0 };
  const fed = pipeline(
    packed,
    gunzip ?? new PassThrough(),
    (chunks: AsyncIterable<Buffer>) => bounded(chunks, count, gunzip === null ? null : bounds),
    parser,
  );
  const failure = fed.then(
    () => null,
    (error: unknown) => error,
  );
  let end = 0;
  try {
    for await (const entry of parser) {
      const { byteOffset, size } = entry.header as TarHeader;
      end = byteOffset + Math.ceil(size / BLOCK) * BLOCK;
      yield entry;
    }
    const first = await failure;
    if (first !== null) throw tarError(first);
    if (count.unpacked < end + BLOCK)
      throw unreadable('The tar archive was cut short: the mark of its end is missing.');
    // zlib takes a zero behind a member for the end of all and does not look at what follows it.
    for await (const _ of packed);
    if (gunzip !== null && packed.contentBytes > gunzip.bytesWritten) throw somethingFollows();
  } catch (error) {
    // The parser tells what happened to it; the pipeline, what happened first.
    throw tarError((await failure) ?? error);
  } finally {
    parser.destroy();
    await packed.close();
  }
}

/** The bytes of an archive as they come; who stops to read can go on later. */
class PackedBytes implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Bytes so far. */
  bytes = 0;
  /** Bytes so far without zeros at their end. */
  contentBytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done === true) return;
      const last = value.findLastIndex((byte) => byte !== 0);
      if (last >= 0) this.contentBytes = this.bytes + last + 1;
      this.bytes += value.length;
      yield value;
    }
  }

  /** Closes the source, wherever it is. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/** Without bounds (a plain tar is as large as it is) only counts. */
async function* bounded(
  chunks: AsyncIterable<Buffer>,
  count: { readonly packed: PackedBytes; unpacked: number },
  bounds: ArchiveBounds | null,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count.unpacked += chunk.length;
    if (bounds !== null && count.unpacked > bounds.maxUnpackedBytes)
      throw unpacksToTooMuch(count.unpacked, bounds);
    if (bounds !== null && isBomb(count.unpacked, count.packed.bytes))
      throw tooLarge(
        `The first ${count.packed.bytes} bytes of the archive unpack to ${count.unpacked} bytes, which no CTs do.`,
        { packedBytes: count.packed.bytes, unpackedBytes: count.unpacked },
      );
    yield chunk;
  }
}

function memberOf(header: TarHeader): ArchiveMember {
  const { size, pax } = header;
  const latin1 = Buffer.from(header.name, 'latin1');
  const name = pax?.path ?? memberName(latin1, () => header.name);
  const folder = header.type === 'directory';
  return { name, folder, bytes: size, fault: folder ? null : faultOf(header, size) };
}

function faultOf({ type, pax }: TarHeader, bytes: number): MemberFault | null {
  if (type === 'link' || type === 'symlink') return 'link';
  if (type === null) return 'unsupported';
  if (type !== 'file' && type !== 'contiguous-file') return 'special';
  if (Object.keys(pax ?? {}).some((key) => key.startsWith('GNU.sparse'))) return 'unsupported';
  return bytes > MAX_MEMBER_BYTES ? 'too-large' : null;
}

async function* contentOf(entry: Entry): AsyncGenerator<Uint8Array> {
  try {
    yield* entry as AsyncIterable<Buffer>;
  } catch (error) {
    throw tarError(error);
  }
}

function tarError(error: unknown): HpbError {
  if (error instanceof HpbError) return error;
  const { errno, message } = error as Error & { errno?: number };
  if (errno === constants.Z_BUF_ERROR || message === 'Unexpected end of data')
    return unreadable('The archive was cut short.', error);
  if (message === 'incorrect header check') return somethingFollows(error);
  return unreadable(`The tar archive is damaged, or something else follows after it: ${message}`, error);
}

const somethingFollows = (cause?: unknown): HpbError =>
  unreadable('Something else follows after the compressed archive.', cause);
