import { setTimeout as sleep } from 'node:timers/promises';
import type { SpotNotice } from '../adapters/instance-metadata.ts';
import { asHpbError } from '../core/errors.ts';
import type { Clock, Log } from '../core/ports.ts';

export interface SpotWatchOptions {
  readonly metadata: { readonly spotNotice: () => Promise<SpotNotice | null> };
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** Called once, with the time that what runs may still take, s. */
  readonly onNotice: (secondsLeft: number) => void;
  /** Between two looks, ms. Default 5,000, as EC2 advises. */
  readonly everyMs?: number;
}

const EVERY_MS = 5_000;
/** For writing what became of the running case, and for ending. */
const RESERVE_SECONDS = 15;
/** Looks in vain after which this is taken for a machine without metadata, unless it ever had any. */
const PATIENCE = 5;

/** Asks for the interruption notice of a spot machine until there is one, or until it is stopped. */
export function watchSpot(options: SpotWatchOptions): { readonly stop: () => void } {
  const stopped = new AbortController();
  void watch(options, stopped.signal);
  return { stop: () => stopped.abort() };
}

async function watch(options: SpotWatchOptions, stopped: AbortSignal): Promise<void> {
  const { metadata, clock, log, onNotice, everyMs = EVERY_MS } = options;
  let isThere = false;
  for (let inVain = 0; !stopped.aborted && (isThere || inVain < PATIENCE);) {
    try {
      const notice = await metadata.spotNotice();
      if (stopped.aborted) return;
      if (notice !== null) {
        const secondsLeft = Math.max(0, (notice.at - clock.now()) / 1000 - RESERVE_SECONDS);
        log.warn('worker:spot-notice', { action: notice.action, secondsLeft });
        return onNotice(secondsLeft);
      }
      isThere = true;
    } catch (thrown) {
      inVain += 1;
      if (!isThere && inVain === PATIENCE) log.warn('worker:no-metadata', { code: asHpbError(thrown).code });
    }
    await sleep(everyMs, undefined, { signal: stopped, ref: false }).catch(() => undefined);
  }
}
