import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { callbackify } from 'node:util';
import { ZipFile } from 'yazl';
import { outputError } from './file-error.ts';
import { releaseChunk } from './release-chunk.ts';
import { smallZip } from './small-zip.ts';
import { BLOCK_BYTES, contentOf, levelOf, MODE, MTIME, zipOrder, type ZipSource } from './zip-members.ts';

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
    compressionLevel: levelOf(name),
  }) as const;

/** A member that comes as a stream goes through five of them. */
const addWhole = async (zip: ZipFile, source: ZipSource): Promise<void> =>
  zip.addBuffer(Buffer.from(await contentOf(source)), source.name, optionsOf(source.name));

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
    await writeChunks(partial, zipStream(fileSources(sorted), { keepSmall: true }), measured);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
  return measured.written();
}

/** A ZIP in memory, of members that must fit (`smallZip`). Throws what reading them throws. */
export async function zipBytes(members: AsyncIterable<ZipMember | HeldMember>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  // Array.fromAsync is of Node 22.
  for await (const chunk of smallZip(fileSources(members))) chunks.push(chunk);
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
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
