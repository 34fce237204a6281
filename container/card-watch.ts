import type { CardReading } from '../adapters/nvidia-cards.ts';

/** What a worker used of its card. */
export interface CardUse {
  /** Most memory in use, bytes. */
  readonly peakBytes: number;
  /** Of its time, 0 to 100; null where the driver never said. */
  readonly meanUtilisation: number | null;
}

const EVERY_MS = 5_000;

/** Looks at the first card that `read` lists until it is stopped; `stop` gives null when there was none. */
export function watchCard(
  read: () => Promise<readonly CardReading[]>,
  everyMs: number = EVERY_MS,
): { readonly stop: () => Promise<CardUse | null> } {
  const readings: CardReading[] = [];
  let looking: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    const [card] = await read();
    if (card !== undefined) readings.push(card);
  };
  const timer = setInterval(() => {
    // One look at a time, however slow the driver is.
    looking = looking.then(look).catch(() => undefined);
  }, everyMs);
  timer.unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      if (readings.length === 0) return null;
      const busy = readings.flatMap(({ utilisationPercent }) => utilisationPercent ?? []);
      return {
        peakBytes: Math.max(...readings.map(({ memoryUsedBytes }) => memoryUsedBytes)),
        meanUtilisation: busy.length === 0 ? null : busy.reduce((sum, one) => sum + one, 0) / busy.length,
      };
    },
  };
}
