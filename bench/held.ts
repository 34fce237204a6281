import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How long the main thread did not answer at most, ms. */
export interface Held {
  readonly wallMs: number;
  /** Of its own work: on a machine that does other things it waits for a core as well. */
  readonly cpuMs: number;
}

const TICK_MS = 5;

/** Watches the main thread from now on until the returned function is called. */
export function watchHeld(): () => Held {
  const delay = monitorEventLoopDelay({ resolution: TICK_MS });
  delay.enable();
  let cpuMs = 0;
  let last = process.threadCpuUsage();
  // What the thread worked between two ticks is at least what held the second one up.
  const ticking = setInterval(() => {
    const now = process.threadCpuUsage();
    cpuMs = Math.max(cpuMs, (now.user + now.system - last.user - last.system) / 1000);
    last = now;
  }, TICK_MS);
  return () => {
    clearInterval(ticking);
    delay.disable();
    return { wallMs: delay.max / 1e6, cpuMs };
  };
}
