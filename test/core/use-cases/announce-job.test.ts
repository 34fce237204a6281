import { describe, expect, it } from 'vitest';
import { caseIdOf, type JobId } from '../../../core/layout.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { failJob, settleExecution } from '../../../core/use-cases/fail-job.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

const ENDED = { status: 'SUCCEEDED', error: null, cause: null } as const;

async function runJob(ports: ServiceFakes): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await storeResult(ports, jobId, caseIdOf(1), {});
  return jobId;
}

const announced = ({ finished }: ServiceFakes): readonly string[] =>
  finished.map(({ jobId, attempt, state }) => `${jobId} ${attempt} ${state}`);

/** The ports of a worker, which has no way to announce. */
function mute(ports: ServiceFakes): Omit<ServiceFakes, 'onFinished'> {
  const { onFinished, ...rest } = ports;
  expect(onFinished).toBeDefined();
  return rest;
}

describe('the end of a job is announced once', () => {
  it('when a function publishes it, twice, and its execution ends', async () => {
    const ports = serviceFakes();
    const jobId = await runJob(ports);

    await publishResults(ports, { jobId, attempt: 1 });
    await publishResults(ports, { jobId, attempt: 1 });
    await settleExecution(ports, { name: `${jobId}-a1`, ...ENDED });

    expect(announced(ports)).toEqual([`${jobId} 1 SUCCEEDED`]);
  });

  it('by the function that confirms what a worker has published', async () => {
    const ports = serviceFakes();
    const jobId = await runJob(ports);

    await publishResults(mute(ports), { jobId, attempt: 1 });
    expect(announced(ports)).toEqual([]);
    await publishResults(ports, { phase: 'confirm', jobId, attempt: 1 });
    await publishResults(ports, { phase: 'confirm', jobId, attempt: 1 });

    expect(announced(ports)).toEqual([`${jobId} 1 SUCCEEDED`]);
  });

  it('by the function that fails a job whose worker has ended it', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const failure = { jobId, attempt: 1, failure: { Error: 'ARCHIVE_UNREADABLE' } };

    await failJob(mute(ports), failure);
    await failJob(ports, failure);

    expect(announced(ports)).toEqual([`${jobId} 1 FAILED`]);
  });

  it('when it is cancelled and its execution aborts', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);

    await cancelJob(ports, jobId, LINKS);
    await settleExecution(ports, { name: `${jobId}-a1`, ...ENDED, status: 'ABORTED' });

    expect(announced(ports)).toEqual([`${jobId} 1 CANCELLED`]);
  });

  it('for each attempt, and never for one that is over', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    await failJob(ports, { jobId, attempt: 1, failure: { Error: 'X' } });

    await retryJob(ports, jobId, LINKS);
    await settleExecution(ports, { name: `${jobId}-a1`, ...ENDED, status: 'FAILED' });
    expect(announced(ports)).toEqual([`${jobId} 1 FAILED`]);
    await failJob(ports, { jobId, attempt: 2, failure: { Error: 'X' } });

    expect(announced(ports)).toEqual([`${jobId} 1 FAILED`, `${jobId} 2 FAILED`]);
  });

  it('by whoever comes next, when the first could not', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const away = { ...ports, onFinished: () => Promise.reject(new Error('away')) };

    await failJob(away, { jobId, attempt: 1, failure: { Error: 'X' } });
    expect(ports.log.events()).toContain('notify:failed');
    await settleExecution(ports, { name: `${jobId}-a1`, ...ENDED, status: 'FAILED' });

    expect(announced(ports)).toEqual([`${jobId} 1 FAILED`]);
  });
});
