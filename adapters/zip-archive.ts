import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { callbackify } from 'node:util';
import { ZipFile } from 'yazl';
import { HpbError } from '../core/errors.ts';
import { outputError } from './file-error.ts';
import { releaseChunk } from './release-chunk.ts';

/** A file that goes into an archive. */
export interface ZipMember {
  /** Relative path with `/`, as it stands in the archive. */
  readonly name: string;
  /** Local path of the content. */
  readonly path: string;
}

/** Size and lower-case hex SHA-256 of a written file. */
export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Local parts, not UTC: with `forceDosTimestamp` the archive then is the same in every time zone. */
const MTIME = new Date(1980, 0, 1);
const MODE = 0o100644;
/** Of a large member, at a time; up to here a member is a small one. */
const BLOCK_BYTES = 2 ** 18;
/** Content that is compressed already. */
const STORED = /\.(gz|png|jpg|zip|mz3|vti|vtp)$/;

/** Coordinates: the usual level takes twice the time for one percent. */
const HARD = /\.glb$/;
const [FAST, USUAL] = [1, 6];

/** A member whose content is opened when its turn comes. */
export interface ZipSource {
  readonly name: string;
  readonly bytes: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/**
 * A ZIP as a stream: the same members give the same bytes, for `sources` may come one by one but must be sorted by
 * name (`zipOrder`), each name once; time and mode are fixed. An error of a source is the stream's error; a stream that
 * is destroyed stops the source it reads from. Members go through chunk by chunk; with `keepSmall` those of at most
 * 256 KiB as a whole, several times as fast, but yazl keeps them until the archive ends.
 */
export function zipStream(
  sources: AsyncIterable<ZipSource> | Iterable<ZipSource>,
  { keepSmall = false }: { readonly keepSmall?: boolean } = {},
): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  // Without this a member that cannot be read would leave the output waiting for ever.
  zip.on('error', (error: Error) => output.destroy(error));
  // Whoever reads gets it; before anybody does, nobody would be there to take it.
  output.on('error', () => undefined);
  // After its end the output can be destroyed no more; before it, somebody does not want the rest.
  let current: Readable | undefined;
  output.on('close', () => current?.destroy());
  void addAll().catch((error: unknown) => zip.emit('error', error));
  return output;

  async function addAll(): Promise<void> {
    for await (const source of sources) {
      if (keepSmall && source.bytes <= BLOCK_BYTES) await addWhole(zip, source);
      else addStreamed(source);
    }
    zip.end();
  }

  function addStreamed({ name, bytes, open }: ZipSource): void {
    zip.addReadStreamLazy(name, { ...optionsOf(name), size: bytes }, (take) => {
      current = Readable.from(open(), { objectMode: false });
      // yazl hears no error of a source.
      current.on('error', (error) => zip.emit('error', error));
      take(null, current);
    });
  }
}

const optionsOf = (name: string) =>
  ({
    mtime: MTIME,
    mode: MODE,
    forceDosTimestamp: true,
    compressionLevel: STORED.test(name) ? 0 : HARD.test(name) ? FAST : USUAL,
  }) as const;

/** A member that comes as a stream goes through five of them. */
async function addWhole(zip: ZipFile, { name, bytes, open }: ZipSource): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of open()) chunks.push(chunk);
  const content = Buffer.concat(chunks);
  if (content.length !== bytes) throw changed(content.length, bytes);
  zip.addBuffer(content, name, optionsOf(name));
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
  members: readonly ZipMember[] | AsyncIterable<ZipMember>,
): Promise<WrittenFile> {
  const sorted = Symbol.asyncIterator in members ? members : zipOrder(members);
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  const measured = new Measured();
  try {
    await writeChunks(partial, zipStream(fileSources(sorted), { keepSmall: true }), measured);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
  return measured.written();
}

/**
 * Piped, not iterated over: a readable joins what waits in it for who iterates, a copy of all bytes, and blocks that are
 * given back one by one spare a collector that looks for them.
 */
async function writeChunks(path: string, chunks: Readable, measured: Measured): Promise<void> {
  const file = await open(path, 'wx');
  const write = async (chunk: Buffer): Promise<void> => {
    measured.take(chunk);
    for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
    if (chunk.length === BLOCK_BYTES) releaseChunk(chunk);
  };
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => callbackify(write)(chunk, done),
    // What came while another was written: headers and small members, of which each would cost a call.
    writev: (waiting, done) =>
      callbackify(write)(Buffer.concat(waiting.map(({ chunk }) => chunk as Buffer)), done),
  });
  try {
    await pipeline(chunks, sink);
  } finally {
    await file.close();
  }
}

async function* fileSources(
  members: Iterable<ZipMember> | AsyncIterable<ZipMember>,
): AsyncGenerator<ZipSource> {
  for await (const { name, path } of members) {
    const { size } = statSync(path);
    yield { name, bytes: size, open: () => (size <= BLOCK_BYTES ? smallFile(path) : largeFile(path)) };
  }
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
