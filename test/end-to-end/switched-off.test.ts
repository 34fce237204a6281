import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isFinal } from '../../core/job.ts';
import { goodCt, RunningService } from '../fixtures/running-service.ts';

const NIGHT_MS = 12 * 3_600_000;

/** Lets a night pass for what lies in a data root: all that was written there is as much older. */
function night(dataRoot: string, jobId: string): void {
  const path = join(dataRoot, 'objects', 'jobs', jobId, 'job.json');
  const job = JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
  job['deadlineAt']! -= NIGHT_MS;
  writeFileSync(path, JSON.stringify(job));
  for (const entry of readdirSync(dataRoot, { withFileTypes: true }).filter((one) => one.isFile())) {
    const { mtimeMs } = statSync(join(dataRoot, entry.name));
    utimesSync(join(dataRoot, entry.name), new Date(), new Date(mtimeMs - NIGHT_MS));
  }
}

it('a job that ran when the machine was switched off for the night goes on in the morning', async () => {
  const evening = new RunningService('slow');
  onTestFinished(async () => void (await evening.stop('SIGKILL')));
  const { jobId } = await evening.submit('liver', 'ct.nii.gz', await goodCt(1));
  await evening.until(jobId, ({ stage }) => stage === 'segment');
  await evening.stop('SIGKILL');
  night(evening.folder, jobId);

  const morning = new RunningService('ok', evening.folder);
  onTestFinished(async () => void (await morning.stop('SIGKILL')));

  expect(await morning.until(jobId, ({ state }) => isFinal(state))).toMatchObject({
    state: 'SUCCEEDED',
    error: null,
  });
});
