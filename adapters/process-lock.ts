import { constants, copyFile, link, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFull } from './file-error.ts';
import { makeFolder } from './make-folder.ts';
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
  await makeFolder(dirname(path));
  // Written aside and linked, so that a lock file is never seen half-written.
  const own = `${path}.${randomUUID()}`;
  let told = false;
  try {
    await writeName(own, JSON.stringify(ownIdentity()));
    while (!(await linked(own, path))) {
      const holder = await readOwner(path);
      // Released while we looked: to take it away as stale now could hit the lock of the next holder.
      if (holder === 'none') continue;
      if (holder !== null && isAlive(holder)) {
        if (!told) options.onWait?.(holder.pid);
        told = true;
        await sleep(options.pollMs ?? POLL_MS);
        throwIfCancelled(options.signal);
      } else await removeStale(path, own);
    }
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

/** On a full disk the name is the target of a link that leads nowhere: a short one takes no room. */
async function writeName(path: string, name: string): Promise<void> {
  await writeFile(path, name).catch(async (error: NodeJS.ErrnoException) => {
    if (!isFull(error.code)) throw error;
    await rm(path, { force: true });
    await symlink(name, path);
  });
}

/** The live process that holds a lock; null when none does. */
export async function lockHolder(path: string): Promise<number | null> {
  const holder = await readOwner(path);
  return holder === 'none' || holder === null || !isAlive(holder) ? null : holder.pid;
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

/**
 * Removes the lock of a dead process, one taker at a time: between the look and the removal of another, the lock could
 * have become that of a live one.
 *
 * @param own File that names this process.
 */
async function removeStale(path: string, own: string): Promise<void> {
  const guard = `${path}.taking`;
  if (await linked(own, guard)) {
    try {
      if (isGone(await readOwner(path))) await rm(path, { force: true });
    } finally {
      await rm(guard, { force: true });
    }
  } else if (isGone(await readOwner(guard))) await rm(guard, { force: true });
}

/** Whether a lock file is there, of nobody who lives. */
const isGone = (owner: ProcessIdentity | null | 'none'): boolean =>
  owner !== 'none' && (owner === null || !isAlive(owner));

/** Who a lock file names: null when it names nobody, 'none' when it is gone. */
async function readOwner(path: string): Promise<ProcessIdentity | null | 'none'> {
  try {
    const owner = JSON.parse(await readName(path)) as Partial<ProcessIdentity> | null;
    return typeof owner?.pid === 'number' ? { pid: owner.pid, started: owner.started ?? null } : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // EINVAL: it was gone, and there is another one by now.
    return code === 'ENOENT' || code === 'EINVAL' ? 'none' : null;
  }
}

async function readName(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return readlink(path);
  });
}
