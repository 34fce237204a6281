import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../adapters/process-identity.ts';

/** Waits until something holds. Throws when it does not within so many seconds. */
export async function within(
  seconds: number,
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  for (const end = performance.now() + seconds * 1000; !(await holds()); await sleep(25))
    if (performance.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
}

/** Sends a signal; a process that is gone is no error. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

/** Whether a process has been stopped by a signal. */
export function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

/** Children of a process, by the kernel. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Living processes that have a folder in their environment: server, workers and engines of a data root. */
export function processesOf(folder: string): readonly number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      const names = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(folder);
      return names && isAlive({ pid, started: null });
    } catch {
      return false;
    }
  });
}
