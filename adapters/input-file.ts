import { createHash, type Hash } from 'node:crypto';
import { statSync, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { HpbError } from '../core/errors.ts';
import { fileError } from './file-error.ts';

/** Bytes read and inflated at a time: 64 KiB would cost half as much time again, more gains nothing. */
export const CHUNK_BYTES = 2 ** 20;
const LEAST_BYTES = 4096;

/** A file in chunks, hashed on the way; a chunk is valid until the next one is asked for. */
export class FileChunks {
  readonly #file: FileHandle;
  readonly #signal: AbortSignal | undefined;
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer: Buffer;
  /** Bytes read so far. */
  bytes = 0;

  /** `fileBytes`: size of the file, for a buffer no larger than that. */
  constructor(file: FileHandle, fileBytes: number, signal?: AbortSignal) {
    this.#file = file;
    this.#signal = signal;
    // Buffers of a megabyte for small files would make the collector run at every second file.
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(fileBytes, LEAST_BYTES)));
  }

  /** The next bytes; empty at the end of the file. */
  async next(): Promise<Uint8Array> {
    if (this.#signal?.aborted === true)
      throw new HpbError('CANCELLED', 'Reading the CT was cancelled.', {
        remedy: 'Start again if this was not meant.',
      });
    const { bytesRead } = await this.#file.read(this.#buffer, 0, this.#buffer.length, null);
    this.bytes += bytesRead;
    return this.#buffer.subarray(0, bytesRead);
  }

  /** Adds a chunk to the hash: apart from `next` so that it can run while the chunk is being inflated. */
  hash(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  /** Hash of all chunks given to `hash`; once only. */
  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/** What is neither file nor folder, where a file is needed. To open a pipe would wait for its writer. */
export const noFileError = (): HpbError =>
  new HpbError('INPUT_UNREADABLE', 'The input is a device, a socket or a pipe, not a file.', {
    remedy: 'Save it to a file first.',
  });

/**
 * Opens the caller's file for `use` and closes it; `facts` are those at the start. Every failure of the file system
 * becomes an `INPUT_*` error; a folder, a pipe or a device is refused.
 */
export async function openInput<T>(
  path: string,
  use: (file: FileHandle, facts: BigIntStats) => Promise<T>,
): Promise<T> {
  let file: FileHandle | undefined;
  try {
    // Before opening: to open a pipe would wait for its writer.
    const kind = statSync(path);
    if (kind.isDirectory()) throw folderError();
    if (!kind.isFile()) throw noFileError();
    file = await open(path, 'r');
    return await use(file, await file.stat({ bigint: true }));
  } catch (error) {
    throw fileError(error);
  } finally {
    await file?.close();
  }
}

function folderError(): HpbError {
  return new HpbError('INPUT_IS_FOLDER', 'The input is a folder, not a CT file.', {
    remedy:
      'Give one .nii or .nii.gz file. If the folder holds a DICOM series: `dcm2niix -z y -o OUT FOLDER` writes it.',
  });
}

/**
 * Throws `INPUT_VANISHED` unless `path` still names the file that was opened, with the size and time it had, and
 * `bytesRead` (0: unknown) is all of it.
 */
export function assertUnchanged(path: string, before: BigIntStats, bytesRead: number): void {
  const now = statsOf(path);
  const same =
    now !== null && now.ino === before.ino && now.size === before.size && now.mtimeNs === before.mtimeNs;
  if (same && (bytesRead === 0 || BigInt(bytesRead) === before.size)) return;
  throw new HpbError(
    'INPUT_VANISHED',
    now === null ? 'The file was removed while we read it.' : 'The file changed while we read it.',
    { remedy: 'Wait until the CT is completely written, leave it in place, and start again.' },
  );
}

function statsOf(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
}
