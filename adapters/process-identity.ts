import { readFileSync } from 'node:fs';

/** What tells a process of this machine from all others, also from a later one with the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start of the process in kernel ticks; null where that is not known. */
  readonly started: string | null;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: statusOf(process.pid)?.started ?? null };
}

/**
 * Whether the process, one of this machine and container, still runs. A zombie does not: in a container whose first
 * process collects no orphans, a killed process stays one for ever.
 */
export function isAlive({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = statusOf(pid);
  if (now === null) return true;
  return now.state !== 'Z' && (started === null || now.started === started);
}

/** State letter and start of a process as the kernel tells them; null where it does not. */
function statusOf(pid: number): { readonly state: string; readonly started: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields 3 and 22; the name in field 2 may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, started: fields[19]! };
  } catch {
    return null;
  }
}
