import { constants, createGunzip, type Gunzip } from 'node:zlib';
import { HpbError } from '../core/errors.ts';
import type { NiftiDecoder } from '../core/volume/nifti-decoder.ts';
import { shrinkBuffer } from '../core/volume/shrink-buffer.ts';
import { CHUNK_BYTES, type FileChunks } from './input-file.ts';

/** Least buffer of an inflated chunk; a CT inflates to two to four times its size. */
const LEAST_INFLATED_BYTES = 2 ** 16;

/** Deflate cannot do better: 258 bytes from 2 bits. */
export const BEST_GZIP_RATIO = 1032;

/** Whether a file that starts with `head` is compressed with gzip. */
export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** Feeds a plain file to the decoder, `first` being the chunk already taken. */
export async function copyInto(decoder: NiftiDecoder, source: FileChunks, first: Uint8Array): Promise<void> {
  for (let chunk = first; chunk.length > 0 && !decoder.sated; chunk = await source.next()) {
    decoder.push(chunk);
    source.hash(chunk);
  }
}

/**
 * Inflates a gzip file (of one or more members) into the decoder and stops as soon as the decoder refuses or is
 * sated, however much more the data would inflate to. Throws what the decoder throws, `NIFTI_BAD_GZIP`,
 * `NIFTI_TRUNCATED` or `NIFTI_TRAILING_DATA`.
 */
export async function inflateInto(
  decoder: NiftiDecoder,
  source: FileChunks,
  first: Uint8Array,
): Promise<void> {
  const chunkSize = gunzipChunkBytes(first.length);
  const gunzip = createGunzip({ chunkSize });
  let last: Buffer | null = null;
  const ended = new Promise<void>((resolve, reject) => {
    // Nothing is written behind the last chunk any more.
    gunzip.on('end', () => last && giveBack(last, chunkSize));
    gunzip.on('end', resolve).on('close', resolve);
    gunzip.on('error', (error) => reject(inflateError(error, decoder)));
  });
  // Its error is taken by whichever await comes next.
  ended.catch(() => undefined);
  gunzip.on('data', (chunk: Buffer) => {
    try {
      if (!gunzip.destroyed) decoder.push(chunk);
      last = release(chunk, chunkSize) ? null : chunk;
      if (decoder.sated) gunzip.destroy();
    } catch (error) {
      gunzip.destroy(error as HpbError);
    }
  });
  let given = 0;
  try {
    for (let chunk = first; chunk.length > 0 && !gunzip.destroyed; chunk = await source.next()) {
      const written = write(gunzip, chunk);
      source.hash(chunk);
      await Promise.race([written, ended]);
      given += chunk.length;
      const left = given - gunzip.bytesWritten;
      if (left > 0 && !decoder.sated && gunzip.errored === null) {
        // zlib takes a zero for the end of all members and would not look at what follows it.
        await assertPadding(source, chunk.subarray(chunk.length - left));
        break;
      }
    }
    if (!gunzip.destroyed) gunzip.end();
    await ended;
  } finally {
    gunzip.destroy();
  }
}

/** Throws `NIFTI_TRAILING_DATA` unless `rest` and all that still comes is zeros, as tapes and block devices add. */
async function assertPadding(source: FileChunks, rest: Uint8Array): Promise<void> {
  for (let chunk = rest; chunk.length > 0; source.hash(chunk)) {
    if (chunk.some((byte) => byte !== 0)) throw trailingData();
    chunk = await source.next();
  }
}

/** Buffers of a megabyte for small files would make the collector run at every second file. */
const gunzipChunkBytes = (firstBytes: number): number =>
  Math.min(CHUNK_BYTES, Math.max(LEAST_INFLATED_BYTES, 4 * firstBytes));

/**
 * Gives the memory of a used output buffer back now: the collector would let 100 MB of them pile up. Only a chunk
 * that ends its buffer, for zlib goes on writing behind any other. Returns whether it did.
 */
function release(chunk: Buffer, chunkSize: number): boolean {
  const { buffer, byteOffset, byteLength } = chunk;
  if (byteLength === 0 || byteOffset + byteLength !== buffer.byteLength) return false;
  giveBack(chunk, chunkSize);
  return true;
}

function giveBack({ buffer }: Buffer, chunkSize: number): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === chunkSize) shrinkBuffer(buffer, 0);
}

/** Resolves when the chunk is inflated and may be overwritten; errors come by the stream's own event. */
function write(gunzip: Gunzip, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    gunzip.write(chunk, () => resolve());
  });
}

function inflateError(error: NodeJS.ErrnoException, decoder: NiftiDecoder): Error {
  // Only zlib's own errors (Z_DATA_ERROR, …) are about the file.
  if (error.code?.startsWith('Z_') !== true) return error;
  const { header } = decoder;
  if (error.errno === constants.Z_BUF_ERROR)
    return new HpbError('NIFTI_TRUNCATED', 'The gzip stream ends too early: the file was cut short.', {
      remedy: 'Copy or upload the file again and compare its size with the original.',
      ...(header && { details: { promised: header.voxelBytes } }),
      cause: error,
    });
  // The first member began with gzip's magic, so this is about what follows a complete one.
  if (error.message === 'incorrect header check') return trailingData(error);
  return new HpbError(
    'NIFTI_BAD_GZIP',
    `The file is damaged: its gzip data cannot be inflated (${error.message}).`,
    {
      remedy: 'Copy or upload the file again; `gzip -t FILE` must be silent.',
      cause: error,
    },
  );
}

function trailingData(cause?: unknown): HpbError {
  return new HpbError('NIFTI_TRAILING_DATA', 'Something else follows after the compressed CT.', {
    remedy: 'Two files were joined or the copy is damaged; copy or upload the file again.',
    ...(cause === undefined ? {} : { cause }),
  });
}
