import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { crc32, createDeflateRaw, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';
import { HpbError } from '../core/errors.ts';
import { outputError } from './file-error.ts';
import { releaseChunk } from './release-chunk.ts';
import {
  archiveEnd,
  centralRecord,
  descriptor,
  localHeader,
  openHeader,
  type PackedMember,
  type ZipEntry,
} from './zip-format.ts';

/** A file that goes into an archive. */
export interface ZipMember {
  /** Relative path with `/`, as it stands in the archive. */
  readonly name: string;
  /** Local path of the content. */
  readonly path: string;
}

/** The same of a file that is in memory. */
export interface HeldMember {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Size and lower-case hex SHA-256 of a written file. */
export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Of a large member, at a time; up to here a member is a small one. */
const BLOCK_BYTES = 2 ** 18;
/** What is larger is passed on as it is, smaller pieces together: each would cost a call. */
const PIECE_BYTES = 2 ** 16;
/** Up to here a member is deflated in one synchronous call, faster than the thread pool could be asked to. */
const SYNCHRONOUS_BYTES = 2 ** 14;
/** Content that is compressed already. */
const STORED = /\.(gz|png|jpg|zip|mz3|vti|vtp)$/;

/** Coordinates, and a page that is mostly pictures: the usual level takes several times the time for a few percent. */
const HARD = /\.(glb|html)$/;
const [FAST, USUAL] = [1, 6];
const deflated = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/** A member whose content is opened when its turn comes. */
export interface ZipSource {
  readonly name: string;
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

type Sources = AsyncIterable<ZipSource | PackedMember> | Iterable<ZipSource | PackedMember>;

/**
 * A ZIP as a stream: the same members give the same bytes, for `sources` may come one by one but must be sorted by
 * name (`zipOrder`), each name once; time and mode are fixed. A source is opened when its turn comes, and closed when
 * nobody wants the rest. Members of at most 256 KiB go in as a whole, larger ones chunk by chunk; what lay in another
 * ZIP goes over as it was packed there.
 *
 * @throws HpbError UNEXPECTED for a source that is not of its size; what a source throws
 */
export function zipStream(sources: Sources): AsyncGenerator<Uint8Array> {
  return joined(pieces(sources));
}

async function* pieces(sources: Sources): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for await (const source of sources) {
    const { entry, described, before, behind } = yield* memberPieces(source);
    directory.push(centralRecord({ ...entry, offset, described }));
    offset += before + entry.packedBytes + behind;
  }
  yield* directory;
  const bytes = directory.reduce((sum, { length }) => sum + length, 0);
  yield archiveEnd({ entries: directory.length, offset, bytes });
}

/** A member that is written, and the bytes of its own that stand before and behind its content. */
interface WrittenMember {
  readonly entry: ZipEntry;
  readonly described: boolean;
  readonly before: number;
  readonly behind: number;
}

async function* memberPieces(source: ZipSource | PackedMember): AsyncGenerator<Uint8Array, WrittenMember> {
  if (!('packed' in source) && source.bytes > BLOCK_BYTES) return yield* streamed(source);
  const member = 'packed' in source ? source : await packed(source);
  const header = localHeader(member);
  yield header;
  yield member.packed;
  return { entry: member, described: false, before: header.length, behind: 0 };
}

async function* streamed({ name, bytes, open }: ZipSource): AsyncGenerator<Uint8Array, WrittenMember> {
  const { method, level } = packing(name);
  const header = openHeader({ name, method, bytes });
  yield header;
  let [sum, seen, packedBytes] = [0, 0, 0];
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of open()) {
      sum = crc32(chunk, sum);
      seen += chunk.length;
      yield chunk;
    }
  };
  for await (const piece of method === 0 ? counted() : deflatedPieces(counted(), level)) {
    packedBytes += piece.length;
    yield piece;
  }
  if (seen !== bytes) throw changed(seen, bytes);
  const entry = { name, method, crc32: sum, bytes, packedBytes };
  const end = descriptor(entry);
  yield end;
  return { entry, described: true, before: header.length, behind: end.length };
}

function deflatedPieces(chunks: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array> {
  const deflate = createDeflateRaw({ level });
  // Whoever reads gets the error.
  pipeline(Readable.from(chunks, { objectMode: false }), deflate, () => undefined);
  return deflate;
}

const packing = (name: string): { readonly method: ZipEntry['method']; readonly level: number } =>
  STORED.test(name) ? { method: 0, level: 0 } : { method: 8, level: HARD.test(name) ? FAST : USUAL };

async function packed({ name, bytes, open }: ZipSource): Promise<PackedMember> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of open()) chunks.push(chunk);
  const content = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (content.length !== bytes) throw changed(content.length, bytes);
  const { method, level } = packing(name);
  const out = method === 0 ? content : await deflatedWhole(content, level);
  return { name, method, crc32: crc32(content), bytes, packedBytes: out.length, packed: out };
}

const deflatedWhole = async (content: Uint8Array, level: number): Promise<Uint8Array> =>
  content.length <= SYNCHRONOUS_BYTES ? deflateRawSync(content, { level }) : deflated(content, { level });

async function* joined(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    const isLarge = piece.length >= PIECE_BYTES;
    if (!isLarge) {
      waiting.push(piece);
      bytes += piece.length;
    }
    if (bytes >= BLOCK_BYTES || (isLarge && bytes > 0)) {
      yield Buffer.concat(waiting);
      [waiting, bytes] = [[], 0];
    }
    if (isLarge) yield piece;
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

function changed(seen: number, bytes: number): HpbError {
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

/** Size and hash of chunks that go by. */
export class Measured {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  take(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
  }

  async *through(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.take(chunk);
      yield chunk;
    }
  }

  /** Of everything that went by; once only. */
  written(): WrittenFile {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}

/**
 * Writes a ZIP of a case's local files that appears whole or not at all; bytes as `zipStream` makes them. Members that come one
 * by one stand as they come; an error of theirs comes out. Throws `DISK_FULL` or `OUTPUT_UNWRITABLE`.
 */
export async function writeZip(
  path: string,
  members: readonly (ZipMember | HeldMember)[] | AsyncIterable<ZipMember | HeldMember>,
): Promise<WrittenFile> {
  const sorted = Symbol.asyncIterator in members ? members : zipOrder(members);
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  const measured = new Measured();
  try {
    await writeChunks(partial, zipStream(fileSources(sorted)), measured);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
  return measured.written();
}

/** The same ZIP in memory, of small members. Throws what reading them throws. */
export async function zipBytes(members: AsyncIterable<ZipMember | HeldMember>): Promise<Uint8Array> {
  const chunks = await Array.fromAsync(zipStream(fileSources(members)));
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

async function writeChunks(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  measured: Measured,
): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const chunk of chunks) {
      measured.take(chunk);
      for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
      // Blocks that are given back one by one spare a collector that looks for them.
      if (chunk.length === BLOCK_BYTES) releaseChunk(chunk);
    }
  } finally {
    await file.close();
  }
}

async function* fileSources(
  members: Iterable<ZipMember | HeldMember> | AsyncIterable<ZipMember | HeldMember>,
): AsyncGenerator<ZipSource> {
  for await (const member of members) {
    const name = member.name.replaceAll('\\', '/');
    if ('content' in member) {
      const { content } = member;
      yield { name, bytes: content.length, open: () => inMemory(content) };
      continue;
    }
    const { path } = member;
    const { size } = statSync(path);
    yield { name, bytes: size, open: () => (size <= BLOCK_BYTES ? smallFile(path) : largeFile(path)) };
  }
}

async function* inMemory(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}

/** In one piece: a stream costs more than the bytes of a small file. */
async function* smallFile(path: string): AsyncGenerator<Uint8Array> {
  yield readFileSync(path);
}

/** Block by block, each in a buffer of its own: a `ReadStream` joins them for who iterates. */
async function* largeFile(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(BLOCK_BYTES));
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
