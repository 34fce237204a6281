import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { outputError } from '../../adapters/file-error.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { bothSettled } from '../../core/both-settled.ts';
import { VOLUME_FILE } from '../../core/results/meshed-structures.ts';
import { writeVti } from '../../core/results/vti.ts';
import { shrinkBuffer } from '../../core/volume/shrink-buffer.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { hashedFile, type PackagedFile } from './written.ts';

const compress = promisify(deflate);
const LEVEL = 1;
/** More than deflate adds to what it cannot compress. */
const SLACK_BYTES = 4096;

/**
 * Does `work` while the CT is written below `out` as the viewer's volume, which waits for nothing else and takes Node's
 * own threads; ends when both have.
 *
 * @throws HpbError DISK_FULL, OUTPUT_UNWRITABLE, CANCELLED, and what `work` throws.
 */
export async function besideVolume<T>(
  { out, cancel }: { readonly out: string; readonly cancel: AbortSignal },
  ct: Volume,
  work: (volume: Promise<PackagedFile>) => Promise<T>,
): Promise<T> {
  const failed = new AbortController();
  const volume = writtenVolume(out, ct, AbortSignal.any([cancel, failed.signal]));
  const working = work(volume).catch((error: unknown) => {
    failed.abort();
    throw error;
  });
  const [result] = await bothSettled(working, volume);
  return result;
}

async function writtenVolume(folder: string, ct: Volume, signal: AbortSignal): Promise<PackagedFile> {
  const path = join(folder, VOLUME_FILE);
  try {
    const file = await open(path, 'w');
    try {
      const compressedBlocks = new WeakSet<Uint8Array>();
      const deflated = async (bytes: Uint8Array): Promise<Uint8Array> => {
        const block = await compressed(bytes);
        compressedBlocks.add(block);
        giveBack(bytes);
        return block;
      };
      const writeAt = async (bytes: Uint8Array, position: number): Promise<void> => {
        throwIfCancelled(signal);
        // A full disk or a signal may cut a single write short.
        for (let done = 0; done < bytes.length;)
          done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        if (compressedBlocks.has(bytes)) giveBack(bytes);
      };
      await writeVti(ct, { deflate: deflated, writeAt });
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputError(error);
  }
  return hashedFile({ name: VOLUME_FILE, path });
}

/** In one go: by default Node would come back to the main thread for every 16 KiB. */
const compressed = (bytes: Uint8Array): Promise<Uint8Array> =>
  compress(bytes, { level: LEVEL, chunkSize: bytes.length + SLACK_BYTES });

/** Frees a block now, which the collector would look for all the time; small ones lie in the pool that Node shares out. */
function giveBack({ buffer }: Uint8Array): void {
  if (buffer.byteLength > Buffer.poolSize) shrinkBuffer(buffer, 0);
}
