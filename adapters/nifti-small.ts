import { hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { NiftiDecoder } from '../core/volume/nifti-decoder.ts';
import type { NiftiHeader } from '../core/volume/nifti-header.ts';
import type { NiftiFile, ReadNiftiOptions } from './nifti-file.ts';
import { BEST_GZIP_RATIO, isGzip } from './nifti-stream.ts';

/** Most bytes of a file that is read in one piece, and of what it inflates to: a millisecond of the event loop. */
export const SMALL_NIFTI_BYTES = 2 ** 17;
const MOST_INFLATED = 2 ** 19;
/** More than any header, also when it is packed. */
const HEAD_BYTES = 2 ** 12;
const LEAST_CHUNK = 2 ** 16;

/**
 * Reads a small `.nii` or `.nii.gz` file at once, without the streams and promises that cost several times as much as its
 * bytes. Null for a larger one, and whenever anything about it is out of the ordinary: reading it piece by piece says what.
 */
export function readSmallNifti(path: string, options: ReadNiftiOptions): NiftiFile | null {
  const file = smallFile(path);
  return file === null || options.signal?.aborted === true ? null : decodeSmallNifti(file, options);
}

/** The same of a file that is in memory. */
export function decodeSmallNifti(
  file: Uint8Array,
  { limits, shared }: Pick<ReadNiftiOptions, 'limits' | 'shared'>,
): NiftiFile | null {
  if (file.length > SMALL_NIFTI_BYTES) return null;
  const gzip = isGzip(file);
  const decoder = new NiftiDecoder({
    ...(limits && { limits }),
    ...(shared && { shared }),
    mostBytes: gzip ? file.length * BEST_GZIP_RATIO : file.length,
  });
  try {
    const plain = gzip ? inflated(file) : file;
    if (plain === null) return null;
    decoder.push(plain);
    return { ...decoder.finish(), sha256: hash('sha256', file), fileBytes: file.length };
  } catch {
    return null;
  }
}

/** The header of a file of any size, from its first bytes; null whenever anything about it is out of the ordinary. */
export function peekSmallNifti(path: string, { limits }: ReadNiftiOptions): NiftiHeader | null {
  const decoder = new NiftiDecoder({ ...(limits && { limits }), headerOnly: true });
  try {
    const head = headOf(path);
    if (head === null) return null;
    decoder.push(isGzip(head) ? gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }) : head);
    return decoder.header;
  } catch {
    return null;
  }
}

function headOf(path: string): Buffer | null {
  // To open a pipe would wait for its writer.
  if (!statSync(path).isFile()) return null;
  const file = openSync(path, 'r');
  try {
    const head = Buffer.allocUnsafe(HEAD_BYTES);
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

function smallFile(path: string): Buffer | null {
  try {
    const facts = statSync(path);
    if (!facts.isFile() || facts.size > SMALL_NIFTI_BYTES) return null;
    const content = readFileSync(path);
    return content.length === facts.size ? content : null;
  } catch {
    return null;
  }
}

/** Null when something follows the compressed file that is no part of it. */
function inflated(file: Uint8Array): Uint8Array | null {
  const chunkSize = Math.max(LEAST_CHUNK, 2 * file.length);
  // With `info` more comes out than the types know.
  const { buffer, engine } = gunzipSync(file, {
    info: true,
    chunkSize,
    maxOutputLength: MOST_INFLATED,
  }) as unknown as { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  return engine.bytesWritten === file.length ? buffer : null;
}
