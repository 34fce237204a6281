import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { CardReading } from '../../adapters/nvidia-cards.ts';
import { watchCard } from '../../container/card-watch.ts';

const reading = (memoryUsedBytes: number, utilisationPercent: number): CardReading => ({
  uuid: 'GPU-1',
  memoryUsedBytes,
  utilisationPercent,
});

async function used(readings: readonly (readonly CardReading[] | Error)[]) {
  let at = 0;
  const watch = watchCard(async () => {
    const now = readings[at++] ?? [];
    if (now instanceof Error) throw now;
    return now;
  }, 5);
  while (at < readings.length) await sleep(2);
  return watch.stop();
}

it('the peak of the memory and the mean of the utilisation are kept', async () => {
  const readings = [[reading(3e9, 90)], [reading(5e9, 60)], [reading(1e9, 0)]];

  expect(await used(readings)).toEqual({ peakBytes: 5e9, meanUtilisation: 50 });
});

it('a look in vain counts for nothing', async () => {
  expect(await used([[], new Error('the driver hangs'), [reading(2e9, 40)]])).toEqual({
    peakBytes: 2e9,
    meanUtilisation: 40,
  });
});

it('without a card there is nothing to tell', async () => {
  expect(await used([[], []])).toBeNull();
});
