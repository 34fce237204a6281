import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockDeflate } from '../../adapters/block-deflate.ts';
import { outputError } from '../../adapters/file-error.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { bothSettled } from '../../core/both-settled.ts';
import { VOLUME_FILE } from '../../core/results/meshed-structures.ts';
import { writeVti } from '../../core/results/vti.ts';
import { VTK_BLOCK_BYTES } from '../../core/results/vtk-file.ts';
import { shrinkBuffer } from '../../core/volume/shrink-buffer.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { hashedFile, type PackagedFile } from './written.ts';

const LEVEL = 1;

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
  const blocks = new BlockDeflate(LEVEL, Math.min(VTK_BLOCK_BYTES, ct.data.byteLength));
  try {
    const file = await open(path, 'w');
    try {
      const deflate = async (bytes: Uint8Array): Promise<readonly Uint8Array[]> => {
        const pieces = await blocks.deflate(bytes);
        shrinkBuffer(bytes.buffer, 0);
        return pieces;
      };
      const writeAt = async (bytes: Uint8Array, position: number): Promise<void> => {
        throwIfCancelled(signal);
        // A full disk or a signal may cut a single write short.
        for (let done = 0; done < bytes.length;)
          done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
        blocks.release(bytes);
      };
      await writeVti(ct, { deflate, writeAt });
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputError(error);
  } finally {
    blocks.close();
  }
  return hashedFile({ name: VOLUME_FILE, path });
}
