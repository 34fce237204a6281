import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Of folders that hold what belongs to patients: other users of the machine may not even look inside. */
export const PRIVATE_MODE = 0o700;

/**
 * Makes a folder with its parents; `mode` is that of the folder itself, if it was not there. Node's recursive `mkdir`
 * tries forever where a folder is there but takes none, as /proc does; this fails.
 *
 * @throws errors of the file system, for `outputError`.
 */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  const path = resolve(folder);
  try {
    await makeOne(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await makeOne(path, mode);
  }
}

async function makeOne(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const facts = await stat(path).catch(() => null);
    if (facts?.isDirectory() !== true) throw error;
  }
}
