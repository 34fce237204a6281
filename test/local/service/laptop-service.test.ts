import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, onTestFinished, vi } from 'vitest';
import { parseSettings } from '../../../core/settings.ts';
import { startLaptopService } from '../../../local/service/laptop-service.ts';
import { submitted } from '../../adapters/job-index.contract.ts';
import { ROOT } from '../../fixtures/hpb-command.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

afterEach(() => void vi.useRealTimers());

/** A service whose rounds come when the test wants them. */
async function service() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const dataRoot = tempFolder();
  const settings = parseSettings({ HPB_DATA_ROOT: dataRoot, HPB_PORT: '0', HPB_DEVICE: 'cpu' });
  const options = { settings, packageRoot: ROOT, environment: {}, log: memoryLog() };
  const { ports, close } = await startLaptopService(options);
  onTestFinished(close);
  return { dataRoot, index: ports.index };
}

it.each([
  ['slept for a night gives its jobs that time back', 12 * HOUR_MS, false],
  ['was awake ends a job that is past its deadline', MINUTE_MS, true],
])('a machine that %s', async (_, silentMs, isTimedOut) => {
  const { dataRoot, index } = await service();
  const job = { ...submitted(1), state: 'RUNNING', deadlineAt: Date.now() - 11 * HOUR_MS } as const;
  await index.create(job);
  const lastSeen = new Date(Date.now() - silentMs);
  utimesSync(join(dataRoot, 'alive'), lastSeen, lastSeen);

  await vi.advanceTimersByTimeAsync(MINUTE_MS);

  const look = async () => (await index.get(job.jobId))!;
  await expect
    .poll(async () => (await look()).error !== null || (await look()).deadlineAt! > Date.now())
    .toBe(true);
  expect((await look()).error?.code === 'JOB_TIMEOUT').toBe(isTimedOut);
});
