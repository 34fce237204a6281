import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { caseIdOf, caseProgressKey, jobCasesKey, type JobId } from '../../../core/layout.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { failJob, settleExecution } from '../../../core/use-cases/fail-job.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { purgeJob } from '../../../core/use-cases/purge-job.ts';
import { listJobs, readJob } from '../../../core/use-cases/read-job.ts';
import { resumeJobs } from '../../../core/use-cases/resume-jobs.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

const stateOf = (ports: ServiceFakes, jobId: JobId) => ports.index.jobs.get(jobId)?.state;

async function finishedJob(ports: ServiceFakes, error?: 'ENGINE_FAILED'): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await storeResult(ports, jobId, caseIdOf(1), error === undefined ? {} : { error });
  await publishResults(ports, { jobId, attempt: 1 });
  return jobId;
}

describe('a failure that the workflow caught', () => {
  it.each([
    [
      { Error: 'STORE_UNAVAILABLE', Cause: '{"errorType":"x","errorMessage":"The store is away."}' },
      'STORE_UNAVAILABLE',
      'The store is away.',
    ],
    [{ Error: 'States.Timeout' }, 'JOB_TIMEOUT', 'The job did not end by its deadline.'],
    [
      { Error: 'TypeError', Cause: '{"errorMessage":"secret"}' },
      'WORKFLOW_FAILED',
      'The workflow failed with TypeError.',
    ],
    [
      { Error: 'States.TaskFailed', Cause: '{"JobId":"j","Container":{"ExitCode":137}}' },
      'UNCLEAN_EXIT',
      'The worker ended with exit code 137 and without a result.',
    ],
    [
      {
        Error: 'States.TaskFailed',
        Cause: '{"JobId":"j","StatusReason":"Job attempt duration exceeded timeout"}',
      },
      'JOB_TIMEOUT',
      'The job did not end by its deadline.',
    ],
  ])('%j ends the job as %s', async (failure, code, message) => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);

    const answer = await failJob(ports, { jobId, attempt: 1, failure });

    expect(answer).toEqual({ jobId, attempt: 1, code, message });
    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'FAILED', error: { code, message } });
  });

  it('of a purged job ends the execution all the same', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    await purgeJob(ports, jobId);

    const answer = await failJob(ports, { jobId, attempt: 1, failure: { Error: 'JOB_NOT_FOUND' } });

    expect(answer.code).toBe('JOB_NOT_FOUND');
  });
});

describe('an execution that ended otherwise than its job', () => {
  it.each([
    ['FAILED', 'FAILED', 'WORKFLOW_FAILED'],
    ['TIMED_OUT', 'FAILED', 'JOB_TIMEOUT'],
    ['ABORTED', 'CANCELLED', 'CANCELLED'],
    ['SUCCEEDED', 'FAILED', 'WORKFLOW_FAILED'],
  ] as const)('%s ends the job as %s, %s', async (status, state, code) => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);

    await settleExecution(ports, { name: `${jobId}-a1`, status, error: null, cause: null });

    expect(ports.index.jobs.get(jobId)).toMatchObject({ state, error: { code } });
  });

  it('leaves finished jobs, unknown jobs and foreign names alone', async () => {
    const ports = serviceFakes();
    const jobId = await finishedJob(ports);

    for (const name of [`${jobId}-a1`, 'job-of-nobody-a1', 'Somebody Else']) {
      await settleExecution(ports, { name, status: 'FAILED', error: 'X', cause: null });
    }

    expect(stateOf(ports, jobId)).toBe('SUCCEEDED');
  });
});

describe('cancelling', () => {
  it('ends job and execution, as often as one asks', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);

    await cancelJob(ports, jobId, LINKS);
    const answer = await cancelJob(ports, jobId, LINKS);

    expect(answer).toMatchObject({ state: 'CANCELLED', error: { code: 'CANCELLED' } });
    expect(ports.executions.facts.get(`${jobId}-a1`)!.status).toBe('ABORTED');
    expect(ports.finished).toHaveLength(1);
  });

  it('a finished job is refused', async () => {
    const ports = serviceFakes();
    const jobId = await finishedJob(ports);

    await expect(cancelJob(ports, jobId, LINKS)).rejects.toMatchObject({ code: 'JOB_FINISHED' });
  });
});

describe('a case that its worker finishes while it is being ended', () => {
  /** A running job of two cases, the first of which is done only when its execution is stopped. */
  async function racingJob(): Promise<{ readonly ports: ServiceFakes; readonly jobId: JobId }> {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(reportOf([foundCase(jobId, 1), foundCase(jobId, 2)]));
    await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
    const stop = ports.executions.stop.bind(ports.executions);
    ports.executions.stop = async (name) => {
      await ports.store.put(caseProgressKey(jobId, caseIdOf(1)), '{}');
      await storeResult(ports, jobId, caseIdOf(1));
      return stop(name);
    };
    return { ports, jobId };
  }

  it.each<[string, (ports: ServiceFakes, jobId: JobId) => Promise<unknown>]>([
    ['by its caller', (ports, jobId) => cancelJob(ports, jobId, LINKS)],
    [
      'by its deadline',
      (ports, jobId) => {
        ports.time.now = ports.index.jobs.get(jobId)!.deadlineAt! + 1;
        return resumeJobs(ports);
      },
    ],
  ])('%s counts in lists as in its job', async (_, end) => {
    const { ports, jobId } = await racingJob();

    await end(ports, jobId);

    const counts = { total: 2, succeeded: 1, failed: 1 };
    expect((await readJob(ports, jobId, LINKS)).counts).toEqual(counts);
    expect((await listJobs(ports, { limit: 10 }, LINKS)).jobs).toMatchObject([{ jobId, counts }]);
  });
});

describe('a retry', () => {
  it('of a job that was cancelled before its upload was taken in takes no cases of another upload for its own', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const others = {
      layoutVersion: 1,
      jobId,
      inputKey: 'another',
      kind: 'ct',
      sha256: '',
      bytes: 0,
      cases: [],
    };
    await ports.store.put(jobCasesKey(jobId), JSON.stringify({ ...others, ignored: [], ignoredCount: 0 }));
    await cancelJob(ports, jobId, LINKS);

    expect(await retryJob(ports, jobId, LINKS)).toMatchObject({ state: 'QUEUED', attempt: 2 });
  });

  it('begins one attempt, even when asked twice at once', async () => {
    const ports = serviceFakes();
    const jobId = await finishedJob(ports, 'ENGINE_FAILED');

    const answers = await Promise.all([retryJob(ports, jobId, LINKS), retryJob(ports, jobId, LINKS)]);

    expect(answers.map(({ attempt }) => attempt)).toEqual([2, 2]);
    expect(ports.executions.started.map(({ name }) => name)).toEqual([`${jobId}-a1`, `${jobId}-a2`]);
  });

  it.each([
    ['DISK_FULL', { admission: () => Promise.reject(new HpbError('DISK_FULL', 'Full.', { remedy: '' })) }],
    ['TOO_MANY_JOBS', {}],
  ])('is refused, as every other new work, with %s', async (code, full) => {
    const fakes = serviceFakes({ maxActiveJobs: 1 });
    const jobId = await finishedJob(fakes, 'ENGINE_FAILED');
    await submittedJob(fakes);
    const ports = { ...fakes, ...full };

    await expect(retryJob(ports, jobId, LINKS)).rejects.toMatchObject({ code });

    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'FAILED', attempt: 1 });
  });

  it('of a job that runs, or that lacks nothing, is refused', async () => {
    const ports = serviceFakes();
    const running = await submittedJob(ports);
    const finished = await finishedJob(ports);

    await expect(retryJob(ports, running, LINKS)).rejects.toMatchObject({ code: 'JOB_NOT_FINISHED' });
    await expect(retryJob(ports, finished, LINKS)).rejects.toMatchObject({ code: 'JOB_NOTHING_TO_RETRY' });
  });

  it('of a job whose cases were all refused is refused', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(reportOf([foundCase(jobId, 1, 'NIFTI_TRUNCATED')]));
    await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
    await publishResults(ports, { jobId, attempt: 1 });

    await expect(retryJob(ports, jobId, LINKS)).rejects.toMatchObject({ code: 'JOB_NOTHING_TO_RETRY' });
  });
});

describe('recovery', () => {
  it('ends jobs whose execution has ended', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const name = `${jobId}-a1`;
    ports.executions.facts.set(name, { name, status: 'FAILED', error: 'DISK_FULL', cause: null });

    expect(await resumeJobs(ports)).toEqual({ started: 0, ended: 1 });
    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'FAILED', error: { code: 'DISK_FULL' } });
  });

  it('ends jobs that are past their deadline, with their execution', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(reportOf([foundCase(jobId, 1)]));
    await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
    ports.time.now = ports.index.jobs.get(jobId)!.deadlineAt! + 1;

    await resumeJobs(ports);

    expect(ports.index.jobs.get(jobId)!.error!.code).toBe('JOB_TIMEOUT');
    expect(ports.executions.stopped).toEqual([`${jobId}-a1`]);
  });

  it('starts running jobs whose execution was lost, and leaves the others', async () => {
    const ports = serviceFakes();
    const lost = await submittedJob(ports);
    const running = await submittedJob(ports);
    ports.executions.facts.delete(`${lost}-a1`);

    expect(await resumeJobs(ports)).toEqual({ started: 1, ended: 0 });
    expect(stateOf(ports, running)).toBe('QUEUED');
  });
});
