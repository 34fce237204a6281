import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../core/ports.ts';

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  seconds: () => performance.now() / 1000,
};

/** Where Linux shows the memory group of a process; other places are for tests. */
export interface CgroupFiles {
  /** Default `/proc/self/cgroup`. */
  readonly membership: string;
  /** Default `/sys/fs/cgroup`. */
  readonly mount: string;
}

const CGROUP_FILES: CgroupFiles = { membership: '/proc/self/cgroup', mount: '/sys/fs/cgroup' };

/** Memory that this process and its children may use, bytes: that of the machine or the least cgroup limit. */
export async function memoryPresent(files: CgroupFiles = CGROUP_FILES): Promise<number> {
  const limits = memoryGroups(files).map(({ folder, version }) =>
    readNumber(join(folder, version === 2 ? 'memory.max' : 'memory.limit_in_bytes')),
  );
  return Math.min(totalmem(), ...limits.filter((limit) => limit !== null));
}

/**
 * Processes of our memory group that the kernel killed for lack of memory since the group exists; null where the
 * kernel does not say. A count that rose is the proof that a SIGKILL was the out-of-memory killer's.
 */
export async function oomKillCount(files: CgroupFiles = CGROUP_FILES): Promise<number | null> {
  for (const { folder, version } of memoryGroups(files)) {
    const name = version === 2 ? 'memory.events' : 'memory.oom_control';
    const text = textOf(join(folder, name));
    const count = /^oom_kill (\d+)$/m.exec(text)?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

interface MemoryGroup {
  readonly folder: string;
  readonly version: 1 | 2;
}

/** Our memory group and those around it, innermost first, up to the root that this process can see. */
function memoryGroups({ membership, mount }: CgroupFiles): readonly MemoryGroup[] {
  const text = textOf(membership);
  const lines = text.split('\n').map((line) => line.split(':'));
  const v1 = lines.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const v2 = lines.find(([hierarchy, controllers]) => hierarchy === '0' && controllers === '');
  const path = (v1 ?? v2)?.slice(2).join(':');
  if (path === undefined) return [];
  const version = v1 === undefined ? 2 : 1;
  const root = version === 1 ? join(mount, 'memory') : mount;
  const groups: MemoryGroup[] = [];
  // Inside a container the path can be that of the host, where only the root is there to see.
  for (let at = path; at !== '/' && at !== '.'; at = dirname(at))
    groups.push({ folder: join(root, at), version });
  return [...groups, { folder: root, version }];
}

function readNumber(path: string): number | null {
  const text = textOf(path);
  return /^\d+$/.test(text.trim()) ? Number(text) : null;
}

/** Of a file of the kernel, which answers at once; empty when there is none. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
