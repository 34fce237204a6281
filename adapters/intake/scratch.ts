import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../file-error.ts';

/** Runs `use` with a new folder below `root`, which is made when missing, and removes it. Throws `DISK_FULL`, `OUTPUT_UNWRITABLE`. */
export async function withScratch<T>(root: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdir(root, { recursive: true })
    .then(() => mkdtemp(join(root, 'hpb-intake-')))
    .catch((error: unknown) => {
      throw outputError(error);
    });
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
