import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';

/**
 * The key that signs the links of this data root, made at the first call and kept in a file that only its owner can
 * read: links given before a restart are good after it.
 *
 * @throws HpbError OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function linkSecret(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'link-secret');
  try {
    await mkdir(dataRoot, { recursive: true });
    const own = `${path}.${randomUUID()}`;
    await writeFile(own, randomBytes(32).toString('hex'), { mode: 0o600, flush: true });
    // Whoever comes first decides; a half-written key is never seen.
    await link(own, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(own);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw outputError(error);
  }
}
