import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { HpbError } from '../core/errors.ts';
import { bytesText } from './text.ts';

/** Free bytes of the disk on which `path` lies or will lie. */
export async function freeBytesAt(path: string): Promise<number> {
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * Refuses to begin what the disk cannot hold.
 *
 * @throws HpbError DISK_FULL with both figures; `remedy` says where else it could go.
 */
export async function requireSpace(
  path: string,
  needed: number,
  { what, remedy }: { readonly what: string; readonly remedy: string },
): Promise<void> {
  const free = await freeBytesAt(path);
  if (free >= needed) return;
  throw new HpbError(
    'DISK_FULL',
    `${what} need ${bytesText(needed)} at ${path}; ${bytesText(free)} are free.`,
    { remedy, details: { needed, free } },
  );
}
