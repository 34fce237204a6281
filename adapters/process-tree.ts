import { readdirSync, readFileSync } from 'node:fs';

/**
 * Process groups of everything that a process of this machine has started, itself left out. Empty where the kernel
 * does not tell (only Linux does): there the children of a killed process end by themselves when its pipes close.
 */
export function descendantGroups(pid: number): readonly number[] {
  const children = new Map<number, { readonly pid: number; readonly group: number }[]>();
  for (const entry of processes()) {
    const siblings = children.get(entry.parent) ?? [];
    children.set(entry.parent, [...siblings, entry]);
  }
  const groups = new Set<number>();
  const waiting = [pid];
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop())
    for (const child of children.get(parent) ?? []) {
      groups.add(child.group);
      waiting.push(child.pid);
    }
  return [...groups].filter((group) => group > 1);
}

/** Kills process groups; those that are gone are no error. */
export function killGroups(groups: readonly number[]): void {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It is gone.
    }
  }
}

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

function processes(): readonly ProcessEntry[] {
  let names: readonly string[];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // Fields 4 and 5; the name in field 2 may hold spaces and brackets.
      const [, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parent: Number(parent), group: Number(group) }];
    } catch {
      return [];
    }
  });
}
