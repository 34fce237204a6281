import { readFileSync, writeFileSync } from 'node:fs';

/** What one input cost this process. */
export interface Cost {
  readonly ms: number;
  /** Resident memory at its peak beyond what was there before, bytes; NaN where the system does not tell. */
  readonly peakBytes: number;
}

/** Runs `work` and measures it. Memory on Linux only: the kernel's high-water mark is set back before. */
export async function costOf<T>(
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly cost: Cost }> {
  const before = lowerHighWater();
  const start = performance.now();
  const result = await work();
  const ms = performance.now() - start;
  return {
    result,
    cost: { ms, peakBytes: Number.isNaN(before) ? NaN : Math.max(0, highWaterBytes() - before) },
  };
}

function lowerHighWater(): number {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    return NaN;
  }
  return highWaterBytes();
}

function highWaterBytes(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)![1]) * 1024;
}
