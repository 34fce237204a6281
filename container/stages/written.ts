import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import { sha256OfFile } from '../../adapters/sha256-of-file.ts';
import type { WrittenFile, ZipMember } from '../../adapters/zip-archive.ts';

/** A file of the package with what its receipt says of it. */
export interface PackagedFile extends ZipMember, WrittenFile {}

/** Up to here a file is written or read in one synchronous call, faster than the thread pool could be asked to. */
const SMALL_BYTES = 2 ** 16;

/** Makes a folder below the files of a case. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function madeFolder(out: string, name: string): Promise<void> {
  try {
    await mkdir(join(out, name), { recursive: true });
  } catch (error) {
    throw outputError(error);
  }
}

/** Writes a file of a case into a folder that is there. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function written(
  out: string,
  name: string,
  content: string | Uint8Array,
): Promise<PackagedFile> {
  const path = join(out, name);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    if (bytes.length <= SMALL_BYTES) writeFileSync(path, bytes);
    else await writeFile(path, bytes);
  } catch (error) {
    throw outputError(error);
  }
  return { name, path, bytes: bytes.length, sha256: sha256Of(bytes) };
}

/** A file with its size and hash; large ones are read piece by piece. */
export async function hashedFile({ name, path }: ZipMember): Promise<PackagedFile> {
  const { size } = statSync(path);
  const sha256 = size <= SMALL_BYTES ? sha256Of(readFileSync(path)) : await sha256OfFile(path);
  return { name, path, bytes: size, sha256 };
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
