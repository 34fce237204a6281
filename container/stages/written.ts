import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import type { ZipMember } from '../../adapters/zip-archive.ts';

/** Makes a folder below the files of a case. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function madeFolder(out: string, name: string): Promise<void> {
  try {
    await mkdir(join(out, name), { recursive: true });
  } catch (error) {
    throw outputError(error);
  }
}

/** Writes a file of a case into a folder that is there. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function written(out: string, name: string, content: string | Uint8Array): Promise<ZipMember> {
  const path = join(out, name);
  try {
    await writeFile(path, content);
  } catch (error) {
    throw outputError(error);
  }
  return { name, path };
}
