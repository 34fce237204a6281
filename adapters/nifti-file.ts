import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { constants, createGzip, gzip, type ZlibOptions } from 'node:zlib';
import { HpbError } from '../core/errors.ts';
import { NiftiDecoder, type NiftiVolume } from '../core/volume/nifti-decoder.ts';
import type { NiftiHeader, NiftiLimits } from '../core/volume/nifti-header.ts';
import { datatypeOf } from '../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../core/volume/nifti-encode.ts';
import type { LabelMap, Volume } from '../core/volume/volume.ts';
import { outputError } from './file-error.ts';
import { assertUnchanged, CHUNK_BYTES, FileChunks, openInput } from './input-file.ts';
import { BEST_GZIP_RATIO, copyInto, inflateInto, isGzip } from './nifti-stream.ts';
import { peekSmallNifti, readSmallNifti } from './nifti-small.ts';

export interface ReadNiftiOptions {
  readonly limits?: NiftiLimits;
  /** Put the voxels into memory that worker threads can share. */
  readonly shared?: boolean;
  /** Ends the read with `CANCELLED`. */
  readonly signal?: AbortSignal;
}

/** A NIfTI file as read: the volume and what identifies the file. */
export interface NiftiFile extends NiftiVolume {
  /** SHA-256 of the file as it lies on disk, hexadecimal. */
  readonly sha256: string;
  /** Size of the file on disk. */
  readonly fileBytes: number;
}

/**
 * Reads a `.nii` or `.nii.gz` file (told apart by content) in one pass: header checked first, voxels allocated
 * once, every byte and the gzip checksums verified. Throws `HpbError`: `NIFTI_*` for a bad file, `INPUT_*` for
 * something else (folder, DICOM, archive, missing, unreadable) and `INPUT_VANISHED` when the file changes, shrinks
 * or goes away meanwhile.
 */
export async function readNifti(path: string, options: ReadNiftiOptions = {}): Promise<NiftiFile> {
  const small = readSmallNifti(path, options);
  if (small !== null) return small;
  return openInput(path, async (file, facts) => {
    const source = new FileChunks(file, Number(facts.size), options.signal);
    const first = await source.next();
    const gzip = isGzip(first);
    const fileBytes = Number(facts.size);
    const decoder = new NiftiDecoder({
      ...(options.limits && { limits: options.limits }),
      ...(options.shared && { shared: true }),
      mostBytes: gzip ? fileBytes * BEST_GZIP_RATIO : fileBytes,
    });
    try {
      await (gzip ? inflateInto(decoder, source, first) : copyInto(decoder, source, first));
      const volume = decoder.finish();
      assertUnchanged(path, facts, source.bytes);
      return { ...volume, sha256: source.sha256(), fileBytes };
    } catch (error) {
      // A file that changed under us looks truncated or corrupt: say what really happened.
      if (error instanceof HpbError && error.code.startsWith('NIFTI_')) assertUnchanged(path, facts, 0);
      throw error;
    }
  });
}

/** Reads and checks only the header of a `.nii` or `.nii.gz` file; errors as `readNifti`. */
export async function peekNifti(path: string, options: ReadNiftiOptions = {}): Promise<NiftiHeader> {
  const small = peekSmallNifti(path, options);
  if (small !== null) return small;
  return openInput(path, async (file, facts) => {
    const source = new FileChunks(file, Number(facts.size), options.signal);
    const first = await source.next();
    const decoder = new NiftiDecoder({ ...(options.limits && { limits: options.limits }), headerOnly: true });
    await (isGzip(first) ? inflateInto(decoder, source, first) : copyInto(decoder, source, first));
    return decoder.header ?? decoder.finish().header;
  });
}

const LEAST_GZIP_CHUNK_BYTES = 2 ** 14;

export interface WriteNiftiOptions {
  /** gzip level 1 to 9; the default is 1: more gains a CT little, and label maps are packed as runs. */
  readonly level?: number;
}

/**
 * Writes a volume or label map as NIfTI-1 (header of `encodeNiftiHeader`), compressed unless `path` ends in
 * `.nii`. The file appears whole or not at all; the same volume gives the same bytes. Throws `DISK_FULL` or
 * `OUTPUT_UNWRITABLE`.
 */
export async function writeNifti(
  path: string,
  volume: Volume | LabelMap,
  options: WriteNiftiOptions = {},
): Promise<void> {
  const compressed = !path.endsWith('.nii');
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  try {
    if (compressed && isSmallVolume(volume))
      await writeFile(partial, await niftiGzip(volume, options), { flag: 'wx' });
    else
      await pipeline(
        Readable.from(pieces(volume), { objectMode: false }),
        compressed ? createGzip(gzipOptions(volume, options.level)) : new PassThrough(),
        createWriteStream(partial, { flags: 'wx' }),
      );
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
}

/** Most bytes of voxels that are packed in one piece: the streams would cost more. */
const SMALL_BYTES = 2 ** 18;
const gzipped = promisify<Uint8Array, ZlibOptions, Buffer>(gzip);

/** Whether `niftiGzip` is the way to pack a volume. */
export const isSmallVolume = ({ data }: Volume | LabelMap): boolean => data.byteLength <= SMALL_BYTES;

/** The bytes of the `.nii.gz` file that `writeNifti` writes, in memory. */
export function niftiGzip(volume: Volume | LabelMap, { level }: WriteNiftiOptions = {}): Promise<Uint8Array> {
  return gzipped(Buffer.concat([...pieces(volume)]), gzipOptions(volume, level));
}

/**
 * Runs are nearly all there is to find in a label map: looking for nothing else is four times as fast as level 6, and
 * comes out smaller than level 1, which nibabel writes.
 */
function gzipOptions(volume: Volume | LabelMap, level: number | undefined): ZlibOptions {
  const strategy =
    level === undefined && !('slope' in volume) ? constants.Z_RLE : constants.Z_DEFAULT_STRATEGY;
  return { level: level ?? 1, strategy, chunkSize: gzipChunkBytes(volume) };
}

/** No larger than what comes out can be: buffers of a megabyte for small volumes keep the collector busy. */
const gzipChunkBytes = ({ data }: Volume | LabelMap): number =>
  Math.min(CHUNK_BYTES, Math.max(LEAST_GZIP_CHUNK_BYTES, data.byteLength));

function* pieces(volume: Volume | LabelMap): Generator<Uint8Array> {
  const { grid, data } = volume;
  yield encodeNiftiHeader(grid, datatypeOf(data), ...('slope' in volume ? [volume] : []));
  for (let at = 0; at < data.byteLength; at += CHUNK_BYTES)
    yield new Uint8Array(data.buffer, data.byteOffset + at, Math.min(CHUNK_BYTES, data.byteLength - at));
}
