import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  type BigIntStats,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ObjectFacts, WriteCondition } from '../core/ports.ts';
import { isFull } from './file-error.ts';
import type { FileStoreKeys } from './file-store-keys.ts';
import { acquireProcessLock } from './process-lock.ts';
import { objectChanged, objectExists } from './store-errors.ts';

/** Locks are held for the time of a look and a rename. */
const LOCK_POLL_MS = 2;
/** A folder that is emptied and removed while we write into it is made again. */
const FOLDER_TRIES = 5;
const NO_HARD_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** Facts of the file of an object. The tag is never that of another version, however fast versions follow. */
export function factsOf(key: string, stats: BigIntStats): ObjectFacts {
  const tag = [stats.ino, stats.size, stats.mtimeNs].map((number) => number.toString(36)).join('-');
  return { key, bytes: Number(stats.size), tag, modifiedAt: Number(stats.mtimeNs / 1_000_000n) };
}

/** Stats of the file at a path; null when there is none, or a folder. */
export function fileStats(path: string): BigIntStats | null {
  try {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats?.isFile() === true ? stats : null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

/**
 * The last step of a write: finished files become objects. A new object appears by a hard link, which fails when
 * another writer was first; replacing and removing happen under a lock of the key that holds between processes, so
 * that what a condition was checked against is what is replaced. Calls that only change names are synchronous: they take
 * microseconds, a tenth of what the way through the thread pool costs.
 */
export class FileCommit {
  readonly #keys: FileStoreKeys;
  /** Writers of this process queue here, so that they do not poll for each other's lock. */
  readonly #queues = new Map<string, Promise<unknown>>();

  constructor(keys: FileStoreKeys) {
    this.#keys = keys;
  }

  /**
   * Makes the file at `partial` the object of `key`; it is gone from there afterwards.
   *
   * @throws HpbError OBJECT_EXISTS, OBJECT_CHANGED; errors of the file system as they are.
   */
  async commit(partial: string, key: string, condition: WriteCondition = {}): Promise<ObjectFacts> {
    if (condition.ifTag === undefined && this.#create(partial, key)) return committed(key, partial);
    return this.#locked(key, () => {
      const target = this.#keys.pathOf(key);
      const present = fileStats(target);
      if (condition.ifAbsent === true && present !== null) throw objectExists(key);
      if (
        condition.ifTag !== undefined &&
        (present === null || factsOf(key, present).tag !== condition.ifTag)
      )
        throw objectChanged(key);
      const stats = laterThan(partial, present);
      inFolder({ path: dirname(target), mode: this.#keys.mode }, () => renameSync(partial, target));
      return factsOf(key, stats);
    });
  }

  /** Removes an object. Returns whether there was one. */
  async remove(key: string): Promise<boolean> {
    const target = this.#keys.pathOf(key);
    const removed = (): boolean => {
      if (fileStats(target) === null) return false;
      rmSync(target, { force: true });
      return true;
    };
    if (fileStats(target) === null) return false;
    return this.#locked(key, removed).catch((error: NodeJS.ErrnoException) => {
      // A full disk takes no lock either, and removing is what makes room.
      if (isFull(error.code)) return removed();
      throw error;
    });
  }

  /** Whether the object could be made; false when there is something of that name, or the file system has no links. */
  #create(partial: string, key: string): boolean {
    const target = this.#keys.pathOf(key);
    try {
      inFolder({ path: dirname(target), mode: this.#keys.mode }, () => linkSync(partial, target));
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' || NO_HARD_LINKS.has(code)) return false;
      throw error;
    }
  }

  async #locked<T>(key: string, work: () => T): Promise<T> {
    const before = this.#queues.get(key) ?? Promise.resolve();
    const turn = before.then(async () => {
      const release = await acquireProcessLock(this.#keys.lockOf(key), { pollMs: LOCK_POLL_MS });
      try {
        return work();
      } finally {
        await release();
      }
    });
    const settled = turn.catch(() => undefined);
    this.#queues.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#queues.get(key) === settled) this.#queues.delete(key);
    }
  }
}

/** Facts of a new object; its file goes by the object's name only from now on. */
function committed(key: string, partial: string): ObjectFacts {
  const stats = statSync(partial, { bigint: true });
  try {
    unlinkSync(partial);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return factsOf(key, stats);
}

/** Sets the time of a version after that of the one it replaces: the kernel's clock ticks in milliseconds only. */
function laterThan(partial: string, present: BigIntStats | null): BigIntStats {
  const stats = statSync(partial, { bigint: true });
  if (present === null || stats.mtimeNs > present.mtimeNs) return stats;
  const seconds = Number(present.mtimeNs + 2_000n) / 1e9;
  utimesSync(partial, seconds, seconds);
  return statSync(partial, { bigint: true });
}

/** Does the work in a folder, which is made when it is not there. */
function inFolder<T>({ path, mode }: { readonly path: string; readonly mode: number }, work: () => T): T {
  // Tried first: nearly always the folder is there.
  for (let tries = 0; ; tries += 1) {
    try {
      return work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === FOLDER_TRIES) throw error;
      mkdirSync(path, { recursive: true, mode });
    }
  }
}
