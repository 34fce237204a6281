import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder with its parents. Node's recursive `mkdir` tries forever where a folder is there but takes none, as
 * /proc does; this fails.
 *
 * @throws errors of the file system, for `outputError`.
 */
export async function makeFolder(folder: string): Promise<void> {
  const path = resolve(folder);
  try {
    await makeOne(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeOne(path);
  }
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const facts = await stat(path).catch(() => null);
    if (facts?.isDirectory() !== true) throw error;
  }
}
