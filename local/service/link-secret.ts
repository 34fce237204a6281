import { randomBytes, randomUUID } from 'node:crypto';
import { constants, copyFile, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The key that signs the links of this data root, made at the first call and kept in a file that only its owner can
 * read: links given before a restart are good after it. One that is damaged is replaced: whoever knows it could sign.
 *
 * Throws errors of the file system as they are.
 */
export async function linkSecret(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'link-secret');
  const own = `${path}.${randomUUID()}`;
  // Without a write: on a full disk too.
  const present = await readFile(path, 'utf8').catch(() => '');
  if (isSecret(present)) return present;
  try {
    await mkdir(dataRoot, { recursive: true });
    await writeFile(own, randomBytes(32).toString('hex'), { mode: 0o600, flush: true });
    await keepFirst(own, path);
    if (!isSecret(await readFile(path, 'utf8'))) await rename(own, path);
    return await readFile(path, 'utf8');
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
}

const isSecret = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** Whoever comes first decides; a half-written key is never seen. */
async function keepFirst(own: string, path: string): Promise<void> {
  const unlessThere = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EEXIST') throw error;
  };
  await link(own, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return;
    // A file system without hard links.
    await copyFile(own, path, constants.COPYFILE_EXCL).catch(unlessThere);
  });
}
