import { expect, it } from 'vitest';
import { EngineHost } from '../../adapters/engine-host.ts';
import { systemClock } from '../../adapters/system.ts';
import { fakeHost } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { stillRunning } from '../fixtures/processes.ts';

it('callers who ask for an engine at the same time share one process, also when it has died', async () => {
  const log = memoryLog();
  const host = new EngineHost({ host: fakeHost('ok'), log, clock: systemClock, oomKills: async () => 0 });
  const pids = async (): Promise<readonly number[]> =>
    (await Promise.all([host.hello(), host.hello(), host.hello()])).map(({ pid }) => pid);
  const starts = (): number => log.events().filter((event) => event === 'engine:start').length;

  const first = await pids();
  process.kill(first[0]!, 'SIGKILL');
  while (!log.events().includes('engine:exit')) await new Promise(setImmediate);
  const second = await pids();
  await host.stop();

  expect(new Set(first).size).toBe(1);
  expect(new Set(second).size).toBe(1);
  expect(starts()).toBe(2);
  expect(await stillRunning([first[0]!, second[0]!])).toEqual([]);
});
