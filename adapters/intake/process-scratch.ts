import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../file-error.ts';
import { isAlive, ownIdentity } from '../process-identity.ts';

const OWN_NAME = /^(\d+)-(\d+)$/;
const UNKNOWN = '0';

/**
 * A folder below `root` that is this process's own, made when missing. What processes that are gone have left beside it
 * is removed: one that is killed, as a function is that runs out of time, cannot do it, and its disk goes on to the next.
 *
 * @throws HpbError `DISK_FULL`, `OUTPUT_UNWRITABLE`
 */
export async function processScratch(root: string): Promise<string> {
  const { pid, started } = ownIdentity();
  const folder = join(root, `${pid}-${started ?? UNKNOWN}`);
  try {
    await mkdir(root, { recursive: true });
    // First: they may be what has filled the disk.
    for (const name of await readdir(root))
      if (isLeft(name)) await rm(join(root, name), { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw outputError(error);
  }
  return folder;
}

/** Names that are not of ours are left alone. */
function isLeft(name: string): boolean {
  const [, pid, started] = OWN_NAME.exec(name) ?? [];
  if (pid === undefined) return false;
  return !isAlive({ pid: Number(pid), started: started === UNKNOWN ? null : started! });
}
