import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import { isSmallVolume, niftiGzip, writeNifti } from '../../adapters/nifti-file.ts';
import { sha256OfFile } from '../../adapters/sha256-of-file.ts';
import type { HeldMember, WrittenFile, ZipMember } from '../../adapters/zip-archive.ts';
import type { LabelMap, Volume } from '../../core/volume/volume.ts';

/** A file of the package with what its receipt says of it; a small one stays in memory until it is stored. */
export type PackagedFile = WrittenFile & (ZipMember | HeldMember);

/** Most bytes of a file that stays in memory: a case has some twenty, and each would be made, read and removed again. */
const HELD_BYTES = 2 ** 18;

/** Makes a file of a case, a large one below the folder `out`. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function written(
  out: string,
  name: string,
  content: string | Uint8Array,
): Promise<PackagedFile> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const facts = { name, bytes: bytes.length, sha256: hash('sha256', bytes) };
  if (bytes.length <= HELD_BYTES) return { ...facts, content: bytes };
  const path = await placeFor(out, name);
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw outputError(error);
  }
  return { ...facts, path };
}

/** The same of a volume or label map as `.nii.gz`. */
export async function writtenVolume(
  out: string,
  name: string,
  volume: Volume | LabelMap,
): Promise<PackagedFile> {
  if (isSmallVolume(volume)) return written(out, name, await niftiGzip(volume));
  const path = await placeFor(out, name);
  await writeNifti(path, volume);
  return hashedFile({ name, path });
}

async function placeFor(out: string, name: string): Promise<string> {
  const path = join(out, name);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw outputError(error);
  }
  return path;
}

/** A file with its size and hash, read piece by piece. */
export async function hashedFile({ name, path }: ZipMember): Promise<PackagedFile> {
  return { name, path, bytes: statSync(path).size, sha256: await sha256OfFile(path) };
}
