import { expect, it, onTestFinished } from 'vitest';
import { EngineHost } from '../../adapters/engine-host.ts';
import { systemClock } from '../../adapters/system.ts';
import type { OpenedCt } from '../../core/engine-port.ts';
import { fakeHost } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { stillRunning } from '../fixtures/processes.ts';

it('an engine is replaced between cases after as many as it may serve, never while a CT is open', async () => {
  const log = memoryLog();
  const oomKills = async (): Promise<number> => 0;
  const host = new EngineHost({ host: fakeHost('ok'), log, clock: systemClock, oomKills, recycleCases: 2 });
  onTestFinished(() => host.stop());
  const pids: number[] = [];
  const opened = async (): Promise<OpenedCt> => {
    const ct = await host.open('ct.nii.gz');
    pids.push((await host.hello()).pid);
    return ct;
  };

  for (let at = 0; at < 3; at++) await (await opened()).close();
  const together = [await opened(), await opened(), await opened()];
  for (const ct of together) await ct.close();
  await (await opened()).close();

  expect(pids.map((pid) => pids.indexOf(pid))).toEqual([0, 0, 2, 2, 2, 2, 6]);
  expect(log.events().filter((event) => event === 'engine:recycle')).toHaveLength(2);
  expect(await stillRunning([pids[0]!, pids[2]!])).toEqual([]);
});
