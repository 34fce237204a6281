import { randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface LeaseOptions {
  /** How long to wait for another holder, ms. Default: as long as it lives. */
  readonly waitMs?: number;
  /** How often the holder says that it lives, ms; after six beats without a word it counts as dead. Default 5,000. */
  readonly beatMs?: number;
}

const BEAT_MS = 5_000;
const DEAD_AFTER_BEATS = 6;

/**
 * Takes a lock between containers of one machine, which cannot see each other's processes: the file at `path` is
 * touched by its holder as long as that lives, and taken over when it no longer is. Returns what releases it, or null
 * when another held it for all of `waitMs`.
 */
export async function acquireLease(
  path: string,
  { waitMs = Infinity, beatMs = BEAT_MS }: LeaseOptions = {},
): Promise<(() => Promise<void>) | null> {
  await mkdir(dirname(path), { recursive: true });
  const until = Date.now() + waitMs;
  while (!(await created(path))) {
    await removeDead(path, beatMs);
    if (Date.now() >= until) return null;
    await sleep(beatMs / 4);
  }
  const stop = keepAlive(path, beatMs);
  return async () => {
    stop();
    await rm(path, { force: true });
  };
}

async function created(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Shows by touching a file that its owner lives, until what it returns is called. */
export function keepAlive(path: string, beatMs: number = BEAT_MS): () => void {
  const beat = setInterval(() => {
    const now = new Date();
    // A file that was taken away, after a long sleep of this machine, is not won back by touching it.
    void utimes(path, now, now).catch(() => clearInterval(beat));
  }, beatMs);
  beat.unref();
  return () => clearInterval(beat);
}

/** Whether nobody has touched the file for so long that its owner is dead; not of a file that is gone. */
export async function isAbandoned(path: string, beatMs: number = BEAT_MS): Promise<boolean> {
  const facts = await stat(path).catch(() => null);
  return facts !== null && Date.now() - facts.mtimeMs > beatMs * DEAD_AFTER_BEATS;
}

async function removeDead(path: string, beatMs: number): Promise<void> {
  if (!(await isAbandoned(path, beatMs))) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  // Another one has taken the dead one's place between our look and our rename: give it back.
  if (!(await isAbandoned(aside, beatMs))) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}
