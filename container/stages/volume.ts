import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflate, type ZlibOptions } from 'node:zlib';
import { BlockDeflate } from '../../adapters/block-deflate.ts';
import { outputError } from '../../adapters/file-error.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { bothSettled } from '../../core/both-settled.ts';
import { VOLUME_FILE } from '../../core/results/meshed-structures.ts';
import { writeVti } from '../../core/results/vti.ts';
import { VTK_BLOCK_BYTES } from '../../core/results/vtk-file.ts';
import { shrinkBuffer } from '../../core/volume/shrink-buffer.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { hashedFile, written, type PackagedFile } from './written.ts';

const LEVEL = 1;
/** Most bytes of a CT for which a file of its own costs more than the memory. */
const SMALL_BYTES = 2 ** 17;
const deflated = promisify<Uint8Array, ZlibOptions, Buffer>(deflate);

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

/** Put together in memory. */
async function smallVolume(folder: string, ct: Volume): Promise<PackagedFile> {
  const parts: { readonly bytes: Uint8Array; readonly position: number }[] = [];
  const writeAt = async (bytes: Uint8Array, position: number): Promise<void> =>
    void parts.push({ bytes, position });
  await writeVti(ct, { deflate: async (bytes) => [await deflated(bytes, { level: LEVEL })], writeAt });
  parts.sort((a, b) => a.position - b.position);
  return written(folder, VOLUME_FILE, Buffer.concat(parts.map(({ bytes }) => bytes)));
}

async function writtenVolume(folder: string, ct: Volume, signal: AbortSignal): Promise<PackagedFile> {
  if (ct.data.byteLength <= SMALL_BYTES) return smallVolume(folder, ct);
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
