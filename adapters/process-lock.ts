import { constants, copyFile, link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, ownIdentity, type ProcessIdentity } from './process-identity.ts';
import { throwIfCancelled } from './run-process.ts';

interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when another process holds the lock. */
  readonly onWait?: (pid: number) => void;
  /** How often a lock that another holds is looked at. Default 250. */
  readonly pollMs?: number;
}

const POLL_MS = 250;

/**
 * Takes a lock between processes of this machine: the file at `path` names its owner. Waits while the owner
 * lives; the lock of a dead one is taken over. Call the returned function to release it.
 *
 * @throws HpbError CANCELLED when `signal` is aborted while waiting.
 */
export async function acquireProcessLock(
  path: string,
  options: LockOptions = {},
): Promise<() => Promise<void>> {
  await mkdir(dirname(path), { recursive: true });
  // Written aside and linked, so that a lock file is never seen half-written.
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, JSON.stringify(ownIdentity()));
  let told = false;
  try {
    while (!(await linked(own, path))) {
      const holder = await readOwner(path);
      // Released while we looked: to take it away as stale now could hit the lock of the next holder.
      if (holder === 'none') continue;
      if (holder !== null && isAlive(holder)) {
        if (!told) options.onWait?.(holder.pid);
        told = true;
        await sleep(options.pollMs ?? POLL_MS);
        throwIfCancelled(options.signal);
      } else await removeStale(path);
    }
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      // A file system without hard links.
      await copyFile(from, to, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const moved = await readOwner(aside);
  // Another process took the stale lock over between our look and our rename: give it back.
  if (moved !== null && moved !== 'none' && isAlive(moved)) await linked(aside, path);
  await rm(aside, { force: true });
}

/** Who a lock file names: null when it names nobody, 'none' when it is gone. */
async function readOwner(path: string): Promise<ProcessIdentity | null | 'none'> {
  try {
    const owner = JSON.parse(await readFile(path, 'utf8')) as Partial<ProcessIdentity> | null;
    return typeof owner?.pid === 'number' ? { pid: owner.pid, started: owner.started ?? null } : null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : null;
  }
}
