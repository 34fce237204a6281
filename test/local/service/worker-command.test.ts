import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workerCommand, workerSlots } from '../../../local/service/worker-command.ts';
import { parseSettings } from '../../../core/settings.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const packageRoot = join(import.meta.dirname, '../../..');

/** A folder whose `nvidia-smi` lists so many cards. */
function driver(cards: number): string {
  const folder = tempFolder();
  const path = join(folder, 'nvidia-smi');
  writeFileSync(path, `#!/bin/sh\n${'echo "Tesla T4, 550.54, 7.5, 15360"\n'.repeat(cards)}`);
  chmodSync(path, 0o755);
  return folder;
}

describe('workers at once', () => {
  const [first, second] = [{ CUDA_VISIBLE_DEVICES: '0' }, { CUDA_VISIBLE_DEVICES: '1' }];

  it.each([
    ['a card each', 2, {}, [first, second]],
    ['fewer when the settings say so', 2, { HPB_MAX_CONCURRENCY: '1' }, [first]],
    ['never two on a card', 2, { HPB_MAX_CONCURRENCY: '5' }, [first, second]],
    ['one on a card that was named', 2, { HPB_DEVICE: 'cuda:1', HPB_MAX_CONCURRENCY: '3' }, [{}]],
    ['one on a CPU', 0, {}, [{}]],
    ['as many on a CPU as the settings say', 0, { HPB_MAX_CONCURRENCY: '3' }, [{}, {}, {}]],
    ['none on cards when the CPU was asked for', 2, { HPB_DEVICE: 'cpu' }, [{}]],
  ])('%s', async (_, cards, set, slots) => {
    const environment = { PATH: driver(cards), ...set };
    const settings = parseSettings(environment);

    expect(await workerSlots({ settings, packageRoot, environment, log: memoryLog() })).toEqual(slots);
  });
});

it('a worker gets the settings, what of our environment it needs, and a bound on the arenas of its threads', () => {
  const environment = { HPB_DATA_ROOT: '/data', PATH: '/usr/bin', AWS_SECRET_ACCESS_KEY: 'secret' };
  const settings = parseSettings(environment);

  const started = workerCommand({ settings, packageRoot, environment, log: memoryLog() });

  expect(started.environment).toMatchObject({
    HPB_DATA_ROOT: '/data',
    PATH: '/usr/bin',
    MALLOC_ARENA_MAX: '2',
    UV_THREADPOOL_SIZE: '8',
  });
  expect(JSON.stringify(started)).not.toContain('secret');
});
