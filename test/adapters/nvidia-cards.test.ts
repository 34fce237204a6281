import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readCards } from '../../adapters/nvidia-cards.ts';

const BIN = join(import.meta.dirname, '../fixtures/bin');
const withProgram = (folder: string): { PATH: string } => ({ PATH: `${join(BIN, folder)}:/usr/bin:/bin` });

it('a card is read as the driver tells it', async () => {
  expect(await readCards(withProgram('busy-card'))).toEqual([
    {
      uuid: 'GPU-6c1d0a52-0000-4000-8000-000000000001',
      memoryUsedBytes: 5 * 2 ** 30,
      utilisationPercent: 87,
    },
  ]);
});

it('a card whose driver does not tell how busy it is is a card', async () => {
  expect(await readCards(withProgram('shared-card'))).toMatchObject([{ utilisationPercent: null }]);
});

it('a driver that answers something else tells of no card', async () => {
  expect(await readCards(withProgram('t4'))).toEqual([]);
});

it('a machine without a driver has no card', async () => {
  expect(await readCards({ PATH: '/nowhere' })).toEqual([]);
});
