import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { crc32, createDeflateRaw, deflateRaw, deflateRawSync, type ZlibOptions } from 'node:zlib';
import { Zip, type ZipInputFile } from 'fflate';
import { HpbError } from '../core/errors.ts';
import {
  BLOCK_BYTES,
  contentOf,
  levelOf,
  memberChanged,
  MODE,
  MTIME,
  type PackedMember,
  type ZipSource,
} from './zip-members.ts';

/** fflate writes no numbers of more than 32 bits, and counts members in 16. */
const MOST = { bytes: 2 ** 32 - 2 ** 26, members: 65_000 };
/** Headers of a member, beside its name. */
const HEADER_BYTES = 150;
/** What is larger is passed on as it is, smaller pieces together: each would cost a call. */
const PIECE_BYTES = 2 ** 16;
/** Up to here a member is deflated in one synchronous call, faster than the thread pool could be asked to. */
const SYNCHRONOUS_BYTES = 2 ** 14;
const UNIX = 3;
const deflated = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);

/** Whether `smallZip` can hold them all; sizes as they are before they are packed. */
export function fitsSmallZip(members: readonly { readonly name: string; readonly bytes: number }[]): boolean {
  const bytes = members.reduce(
    (sum, member) => sum + member.bytes + 2 * Buffer.byteLength(member.name) + HEADER_BYTES,
    0,
  );
  return members.length <= MOST.members && bytes <= MOST.bytes;
}

/**
 * A ZIP without fields of 64 bits as a stream, several times as fast as `zipStream` where members are small; what lay in
 * another ZIP goes over as it is packed. The same members give the same bytes: `sources` must come sorted by name
 * (`zipOrder`), each name once, and must fit (`fitsSmallZip`). A source is opened when its turn comes, and closed when
 * nobody wants the rest. Members of at most 256 KiB go in as a whole, larger ones chunk by chunk.
 *
 * @throws HpbError UNEXPECTED for a source that is not of its size; what a source throws
 */
export function smallZip(
  sources: AsyncIterable<ZipSource | PackedMember> | Iterable<ZipSource | PackedMember>,
): AsyncGenerator<Uint8Array> {
  return joined(pieces(sources));
}

async function* pieces(
  sources: AsyncIterable<ZipSource | PackedMember> | Iterable<ZipSource | PackedMember>,
): AsyncGenerator<Uint8Array> {
  const written: Uint8Array[] = [];
  let [bytes, members] = [0, 0];
  const zip = new Zip((error, piece) => {
    if (error !== null) throw error;
    written.push(piece);
    bytes += piece.length;
  });
  for await (const source of sources) {
    members += 1;
    requireFit({ bytes, members });
    if ('packed' in source) addWhole(zip, source);
    else if (source.bytes <= BLOCK_BYTES) addWhole(zip, await packed(source));
    else for await (const _ of streamed(zip, source)) yield* written.splice(0);
    yield* written.splice(0);
  }
  requireFit({ bytes, members });
  zip.end();
  yield* written;
}

/** fflate would go on, with numbers that are cut off. */
function requireFit({ bytes, members }: typeof MOST): void {
  if (bytes <= MOST.bytes && members <= MOST.members) return;
  throw new HpbError(
    'UNEXPECTED',
    `The archive is too large for its kind: ${bytes} bytes, ${members} members.`,
    {
      remedy: 'Report this with the number of cases and the size of their results.',
    },
  );
}

/** As fflate wants a member; size and sum may come with its last piece. */
function opened(
  zip: Zip,
  { name, method, bytes }: Pick<PackedMember, 'name' | 'method' | 'bytes'>,
): Required<Pick<ZipInputFile, 'crc' | 'ondata'>> {
  const file: ZipInputFile = {
    filename: name,
    compression: method,
    size: bytes,
    crc: 0,
    mtime: MTIME,
    os: UNIX,
    attrs: (MODE << 16) >>> 0,
  };
  zip.add(file);
  return file as ZipInputFile & Required<Pick<ZipInputFile, 'ondata'>>;
}

/** fflate's types want it said; what is packed here is never shared between threads. */
const unshared = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => bytes as Uint8Array<ArrayBuffer>;

function addWhole(zip: Zip, member: PackedMember): void {
  const file = opened(zip, member);
  file.crc = member.crc32;
  file.ondata(null, unshared(member.packed), true);
}

/** Yields whenever a piece has gone into `zip`. */
async function* streamed(zip: Zip, { name, bytes, open }: ZipSource): AsyncGenerator<void> {
  const level = levelOf(name);
  const file = opened(zip, { name, method: level === 0 ? 0 : 8, bytes });
  let seen = 0;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of open()) {
      file.crc = crc32(chunk, file.crc);
      seen += chunk.length;
      yield chunk;
    }
  };
  for await (const piece of level === 0 ? counted() : deflatedPieces(counted(), level)) {
    file.ondata(null, unshared(piece), false);
    yield;
  }
  if (seen !== bytes) throw memberChanged(seen, bytes);
  file.ondata(null, new Uint8Array(), true);
}

function deflatedPieces(chunks: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array> {
  const deflate = createDeflateRaw({ level });
  // Whoever reads gets the error.
  pipeline(Readable.from(chunks, { objectMode: false }), deflate, () => undefined);
  return deflate;
}

async function packed(source: ZipSource): Promise<PackedMember> {
  const { name, bytes } = source;
  const content = await contentOf(source);
  const level = levelOf(name);
  const out = level === 0 ? content : await deflatedWhole(content, level);
  return { name, bytes, method: level === 0 ? 0 : 8, crc32: crc32(content), packed: out };
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
