import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  RandomAccessReader,
  type Entry,
  type ZipFile,
} from 'yauzl';
import { isCtName, type ArchiveMember, type MemberFault } from '../../core/archive-cases.ts';
import { HpbError } from '../../core/errors.ts';
import {
  isBomb,
  MAX_LISTING_BYTES,
  MAX_MEMBER_BYTES,
  MAX_MEMBERS,
  memberCorrupt,
  tooLarge,
  unpacksToTooMuch,
  unreadable,
  type ArchiveBounds,
} from './archive-limits.ts';
import { hashed, type ByteSource } from './byte-source.ts';
import { memberName } from './member-name.ts';
import type { OpenedArchive } from './opened-archive.ts';

/**
 * Reads the directory of a ZIP and hashes the file. yauzl checks sizes; names, kinds, overlaps, bounds and CRCs are
 * checked here.
 *
 * @throws HpbError ARCHIVE_UNREADABLE, ARCHIVE_UNSAFE (members that share bytes), ARCHIVE_ENCRYPTED,
 * ARCHIVE_TOO_LARGE, and what reading the source throws
 */
export async function openZip(source: ByteSource, bounds: ArchiveBounds): Promise<OpenedArchive> {
  const reader = new SourceReader(source);
  const zip = await open(reader, source.bytes);
  const { members, entries } = await listEntries(zip, bounds);
  await assertNothingBehind(reader, Number(zip.readEntryCursor), source.bytes);
  const hash = createHash('sha256');
  for await (const _ of hashed(source.read(), hash));
  return {
    members,
    sha256: hash.digest('hex'),
    visit: async (indices, use) => {
      for (const index of indices) await use(index, contentOf(zip, entries.get(index)!));
    },
  };
}

async function open(reader: RandomAccessReader, bytes: number): Promise<ZipFile> {
  const zip = await fromRandomAccessReaderPromise(reader, bytes, {
    autoClose: false,
    decodeStrings: false,
  }).catch((error: unknown) => {
    throw zipError(error);
  });
  if (zip.entryCount > MAX_MEMBERS)
    throw tooLarge(`The archive holds ${zip.entryCount} members; at most ${MAX_MEMBERS} are read.`, {
      members: zip.entryCount,
      maxMembers: MAX_MEMBERS,
    });
  return zip;
}

interface Listing {
  readonly members: ArchiveMember[];
  /** Of those that may be CTs. */
  readonly entries: Map<number, Entry>;
}

async function listEntries(zip: ZipFile, bounds: ArchiveBounds): Promise<Listing> {
  const listing: Listing = { members: [], entries: new Map() };
  const extents: Extent[] = [];
  let unpacked = 0;
  let directoryBytes = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const member = memberOf(entry);
      unpacked += entry.uncompressedSize;
      directoryBytes += 46 + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength;
      if (unpacked > bounds.maxUnpackedBytes) throw unpacksToTooMuch(unpacked, bounds);
      if (directoryBytes > MAX_LISTING_BYTES)
        throw tooLarge(`The directory of the archive is larger than ${MAX_LISTING_BYTES} bytes.`, {
          maxBytes: MAX_LISTING_BYTES,
        });
      extents.push(extentOf(entry));
      if (isCtName(member.name)) listing.entries.set(listing.members.length, entry);
      listing.members.push(member);
    }
  } catch (error) {
    throw zipError(error);
  }
  const directoryStart = Number(zip.readEntryCursor) - directoryBytes;
  assertApart([...extents, { start: directoryStart, end: directoryStart }]);
  return listing;
}

function memberOf(entry: Entry): ArchiveMember {
  const name = memberName(entry.fileNameRaw, (bytes) =>
    getFileNameLowLevel(entry.generalPurposeBitFlag & ~UTF8_FLAG, bytes, entry.extraFields, true),
  );
  const kind = (entry.externalFileAttributes >>> 16) & 0o170000;
  const folder = name.endsWith('/') || kind === 0o040000;
  return { name, folder, bytes: entry.uncompressedSize, fault: folder ? null : faultOf(entry, kind) };
}

const UTF8_FLAG = 0x800;

function faultOf(entry: Entry, kind: number): MemberFault | null {
  if (kind === 0o120000) return 'link';
  if (kind !== 0 && kind !== 0o100000) return 'special';
  if (entry.isEncrypted()) return 'encrypted';
  if (!entry.canDecodeFileData()) return 'unsupported';
  const { uncompressedSize, compressedSize } = entry;
  return uncompressedSize > MAX_MEMBER_BYTES || isBomb(uncompressedSize, compressedSize) ? 'too-large' : null;
}

/** The least that a member takes of the file: its local header, its name and its content. */
interface Extent {
  readonly start: number;
  readonly end: number;
}

function extentOf({ relativeOffsetOfLocalHeader: start, fileNameLength, compressedSize }: Entry): Extent {
  return { start, end: start + 30 + fileNameLength + compressedSize };
}

/** Many names for the same bytes are how a small file unpacks to a huge one. */
function assertApart(extents: readonly Extent[]): void {
  const sorted = extents.toSorted((a, b) => a.start - b.start);
  if (sorted.every(({ end }, at) => end <= (sorted[at + 1]?.start ?? Infinity))) return;
  throw new HpbError('ARCHIVE_UNSAFE', 'Members of the archive share the same bytes.', {
    remedy: 'Pack the cases again with a usual tool.',
  });
}

/** A directory with more records than it says would hide cases from us that other tools see. */
async function assertNothingBehind(reader: SourceReader, at: number, bytes: number): Promise<void> {
  if (at + 4 > bytes) return;
  const next = await reader.bytesAt(at, 4);
  if (next.readUInt32LE(0) === 0x02014b50)
    throw unreadable('The directory of the archive holds more members than the archive says it has.');
}

async function* contentOf(zip: ZipFile, entry: Entry): AsyncGenerator<Uint8Array> {
  let sum = 0;
  try {
    const stream = await zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (error) {
    throw error instanceof HpbError ? error : memberCorrupt(plainReason(error), error);
  }
  if (sum !== entry.crc32) throw memberCorrupt('its checksum is not the one that the archive states');
}

/** What yauzl says, without names: in errors of names it repeats them, but we do not ask it to look at names. */
const plainReason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function zipError(error: unknown): HpbError {
  if (error instanceof HpbError) return error;
  const reason = plainReason(error);
  if (reason.includes('encryption'))
    return new HpbError('ARCHIVE_ENCRYPTED', 'The archive is encrypted.', {
      remedy: 'Pack the cases without a password.',
      cause: error,
    });
  return unreadable(`The ZIP archive is damaged or was cut short: ${reason}`, error);
}

const BLOCK_BYTES = 256 * 1024;
const KEPT_BLOCKS = 4;

/** What yauzl reads from: small reads of the directory come out of few large ones. */
class SourceReader extends RandomAccessReader {
  readonly #source: ByteSource;
  readonly #blocks = new Map<number, Buffer>();

  constructor(source: ByteSource) {
    super();
    this.#source = source;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.#source.read({ start, end: end - 1 }), { objectMode: false });
  }

  override read(
    ...[buffer, offset, length, position, callback]: Parameters<RandomAccessReader['read']>
  ): void {
    const answer: (error: Error | null, bytesRead?: number) => void = callback;
    const bytes = this.bytesAt(position, length);
    // Caught as well: yauzl's own callback may throw, and nobody else would hear of it.
    bytes.then((found) => answer(null, found.copy(buffer, offset))).catch(answer);
  }

  /** As many bytes as there are from a position on, at most `length`. */
  async bytesAt(position: number, length: number): Promise<Buffer> {
    const end = Math.min(position + length, this.#source.bytes);
    const parts: Buffer[] = [];
    for (let at = position; at < end;) {
      const block = await this.#block(Math.floor(at / BLOCK_BYTES));
      const from = at % BLOCK_BYTES;
      const part = block.subarray(from, from + end - at);
      if (part.length === 0) throw unreadable('The archive became shorter while we read it.');
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  }

  async #block(number: number): Promise<Buffer> {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    const start = number * BLOCK_BYTES;
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#source.read({
      start,
      end: Math.min(start + BLOCK_BYTES, this.#source.bytes) - 1,
    }))
      chunks.push(Uint8Array.from(chunk));
    const block = Buffer.concat(chunks);
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= KEPT_BLOCKS) this.#blocks.delete(oldest!);
    this.#blocks.set(number, block);
    return block;
  }
}
