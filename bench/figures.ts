import { availableParallelism, cpus, totalmem } from 'node:os';
import { versions } from 'node:process';
import type { HelloResult } from '../core/engine-protocol.ts';

/** Middle value; the mean of the two middle ones for an even count. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length % 2 === 1) return sorted[Math.floor(middle)]!;
  return sorted.length === 0 ? NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What a figure depends on, in one line: cores, memory, Node and, where an engine runs, its libraries. */
export function machineFacts(hello?: HelloResult): string {
  const facts = [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown CPU'})`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `node ${versions.node}`,
  ];
  if (hello !== undefined) {
    const shown = ['python', 'torch', 'nnunet', 'nnunetv2', 'totalsegmentator', 'TotalSegmentator'];
    for (const name of shown) {
      const version = hello.versions[name];
      if (version !== undefined) facts.push(`${name} ${version}`);
    }
    facts.push(`device ${hello.deviceName ?? hello.device}`);
  }
  return facts.join(', ');
}

/** Bytes as GiB with two decimals. */
export function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}
