import './deployed-environment.ts';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import {
  caseIdOf,
  caseResultKey,
  caseZipKey,
  executionName,
  jobPlanKey,
  shardFailureKey,
  type JobId,
} from '../../core/layout.ts';
import { cancelJob } from '../../core/use-cases/cancel-job.ts';
import { purgeJob } from '../../core/use-cases/purge-job.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { create as failJob } from '../../lambdas/fail-job.ts';
import { create as prepareJob } from '../../lambdas/prepare-job.ts';
import { create as publishResults } from '../../lambdas/publish-results.ts';
import { create as recordShardFailure } from '../../lambdas/record-shard-failure.ts';
import { create as sweep } from '../../lambdas/sweep.ts';
import { serviceFakes, type ServiceFakes } from '../fakes/service-fakes.ts';
import { foundCase, reportOf, storeResult, submittedJob, uploadOf } from '../fakes/stored-job.ts';
import { executionEnded } from './aws-events.ts';

async function prepared(ports: ServiceFakes): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports)({ phase: 'prepare', jobId, attempt: 1 });
  return jobId;
}

describe('the functions of the workflow', () => {
  it('prepare, keep the failure of a shard, and publish; each of them twice', async () => {
    const ports = serviceFakes();
    const jobId = await prepared(ports);
    const answer = await prepareJob(ports)({ phase: 'prepare', jobId, attempt: 1 });
    expect(answer).toMatchObject({ jobId, route: 'run', shards: 1 });
    const [shard] = ports.store.json(jobPlanKey(jobId, 1)) as readonly object[];

    const failure = { Error: 'States.TaskFailed', Cause: '{"Container":{"ExitCode":137}}' };
    for (let times = 0; times < 2; times += 1) {
      expect(await recordShardFailure(ports)({ shard, failure })).toMatchObject({
        shard: 1,
        code: 'UNCLEAN_EXIT',
        log: '',
      });
      expect(await publishResults(ports)({ phase: 'publish', jobId, attempt: 1 })).toMatchObject({
        outcome: 'FAILED',
        failed: 1,
      });
    }

    expect(ports.store.json(shardFailureKey(jobId, 1, 1))).toMatchObject({ error: { code: 'UNCLEAN_EXIT' } });
    expect(ports.finished).toHaveLength(1);
    expect(ports.samples).toContainEqual({
      name: 'CaseErrors',
      value: 1,
      dimensions: { Code: 'UNCLEAN_EXIT' },
    });
  });

  it('show the log of the worker that failed: at its shard, and at the end of the execution', async () => {
    const ports = { ...serviceFakes(), workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
    const jobId = await prepared(ports);
    const [shard] = ports.store.json(jobPlanKey(jobId, 1)) as readonly object[];
    const Container = { ExitCode: 137, LogStreamName: 'worker/default/0a1b' };
    const failure = { Error: 'States.TaskFailed', Cause: JSON.stringify({ JobId: 'j', Container }) };
    const log = expect.stringMatching(/^https:.*log-events\/worker\$252Fdefault\$252F0a1b$/) as string;

    const recorded = await recordShardFailure(ports)({ shard, failure });
    const published = [];
    for (let times = 0; times < 2; times += 1)
      published.push(await publishResults(ports)({ phase: 'publish', jobId, attempt: 1 }));

    expect(recorded).toMatchObject({ shard: 1, code: 'UNCLEAN_EXIT', log });
    expect(ports.log.lines).toContainEqual(
      expect.objectContaining({ event: 'job:shard-failed', fields: expect.objectContaining({ log }) }),
    );
    for (const one of published) {
      expect(one).toMatchObject({ outcome: 'FAILED', log });
      expect((one as { readonly message: string }).message).toContain((recorded as { log: string }).log);
    }
    // Those who sent the job see no console.
    expect(ports.index.jobs.get(jobId)?.error?.message).not.toContain('https:');
  });

  it('show the log of a worker of the workflow itself in the cause of the execution, of a function none', async () => {
    const ports = { ...serviceFakes(), workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
    const jobId = await prepared(ports);
    const Cause = JSON.stringify({ JobId: 'j', Container: { LogStreamName: 'cpu/default/1' } });
    const failed = (failure: object) => failJob(ports)({ jobId, attempt: 1, failure });

    expect(await failed({ Error: 'States.TaskFailed', Cause })).toMatchObject({
      message: expect.stringMatching(/Log of the worker: https:.*cpu\$252Fdefault\$252F1$/),
    });
    for (const failure of [
      { Error: 'Lambda.Unknown', Cause: '{"errorType":"X"}' },
      { Error: 'States.Timeout', Cause: '' },
      // What is wrong with the upload stands in no log.
      { Error: 'JOB_TOO_EXPENSIVE', Cause: '{"errorMessage":"Too much."}', ofWorker: true },
    ])
      expect(await failed(failure)).toMatchObject({ message: expect.not.stringContaining('https:') });
    expect(ports.index.jobs.get(jobId)?.error?.message).not.toContain('https:');
  });

  it.each([
    ['its time was over', { Error: 'States.Timeout' }],
    ['Batch did not take it', { Error: 'Batch.ClientException', Cause: 'No such queue.' }],
    ['it ended well and left nothing', { Error: 'WORKFLOW_FAILED', Cause: '{"errorMessage":"Nothing."}' }],
  ])('search the logs for the job of such a worker when %s', async (_, failure) => {
    const ports = { ...serviceFakes(), workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
    const jobId = await prepared(ports);

    const answer = await failJob(ports)({ jobId, attempt: 1, failure: { ...failure, ofWorker: true } });

    expect((answer as { readonly message: string }).message.split('Log of the worker: ')[1]).toMatch(
      new RegExp(`^https:\\S+\\$252Fworker/log-events\\$3FfilterPattern\\$3D\\$2522${jobId}\\$2522$`),
    );
    expect(ports.index.jobs.get(jobId)?.error?.message).not.toContain('https:');
  });

  it('search the logs for the job whose worker ended well and left no result', async () => {
    const ports = { ...serviceFakes(), workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
    const jobId = await prepared(ports);

    const published = await publishResults(ports)({ phase: 'publish', jobId, attempt: 1 });

    const log = expect.stringMatching(new RegExp(`^https:\\S+\\$2522${jobId}\\$2522$`)) as string;
    expect(published).toMatchObject({ outcome: 'FAILED', code: 'UNCLEAN_EXIT', log });
    expect((published as { readonly message: string }).message).toMatch(/Log of the worker: https:/);
    expect(ports.index.jobs.get(jobId)?.error?.message).not.toContain('https:');
  });

  it('name no log where no worker was to run, or none failed', async () => {
    const ports = { ...serviceFakes(), workerLogs: { region: 'us-east-1', group: '/hpb/test/worker' } };
    const refused = await submittedJob(ports);
    ports.intake.finds(reportOf([foundCase(refused, 1, 'NIFTI_TRUNCATED')]));
    await prepareJob(ports)({ phase: 'prepare', jobId: refused, attempt: 1 });
    const well = await prepared(ports);
    await storeResult(ports, well, caseIdOf(1));

    for (const jobId of [refused, well])
      expect(await publishResults(ports)({ phase: 'publish', jobId, attempt: 1 })).toMatchObject({ log: '' });
  });

  it('throw what Retry and Catch of the workflow match on', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(new HpbError('STORE_UNAVAILABLE', 'The store is away.', { remedy: 'Wait.' }));

    await expect(prepareJob(ports)({ phase: 'prepare', jobId, attempt: 1 })).rejects.toMatchObject({
      name: 'STORE_UNAVAILABLE',
      message: 'The store is away.',
    });
  });

  it('let nothing of a foreign error out but its name', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(new TypeError('cannot read Doe^Jane.nii.gz', { cause: 'Doe^Jane' }));

    const thrown = await prepareJob(ports)({ phase: 'prepare', jobId, attempt: 1 }).catch(
      (error: unknown) => error,
    );

    const all = Object.getOwnPropertyNames(thrown).map((name) => (thrown as Record<string, unknown>)[name]);
    expect(thrown).toMatchObject({ name: 'UNEXPECTED', message: expect.stringContaining('TypeError') });
    expect(JSON.stringify([all, ports.log.lines])).not.toContain('Jane');
  });
});

describe('the end of an execution, as EventBridge tells it', () => {
  it.each([
    ['FAILED', 'FAILED', 'JOB_TIMEOUT', { error: 'States.Timeout', cause: '' }],
    ['FAILED', 'FAILED', 'WORKFLOW_FAILED', undefined],
    ['TIMED_OUT', 'FAILED', 'JOB_TIMEOUT', undefined],
    ['ABORTED', 'CANCELLED', 'CANCELLED', undefined],
  ] as const)('%s settles a job that did not end: %s, %s', async (status, state, code, error) => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const event = executionEnded(`${jobId}-a1`, status, error);

    await failJob(ports)(event);
    await failJob(ports)(event);

    expect(ports.index.jobs.get(jobId)).toMatchObject({ state, error: { code } });
    expect(ports.finished).toHaveLength(1);
  });

  it('SUCCEEDED changes nothing of a job that ended, and announces it if that could not be done before', async () => {
    const ports = serviceFakes();
    const jobId = await prepared(ports);
    await storeResult(ports, jobId, caseIdOf(1));
    const away = { ...ports, onFinished: () => Promise.reject(new Error('away')) };
    await publishResults(away)({ phase: 'publish', jobId, attempt: 1 });

    await failJob(ports)(executionEnded(`${jobId}-a1`, 'SUCCEEDED'));

    expect(ports.finished.map(({ state }) => state)).toEqual(['SUCCEEDED']);
  });

  it('of somebody else is left alone', async () => {
    const ports = serviceFakes();

    expect(await failJob(ports)(executionEnded('Somebody else', 'FAILED'))).toEqual({});
  });
});

describe('the sweeper', () => {
  const HOUR_MS = 3_600_000;
  const DAY_MS = 24 * HOUR_MS;

  it('starts what was lost, counts what nobody claims and deletes what has expired', async () => {
    const ports = serviceFakes();
    ports.executions.beforeStart = () => {
      throw new Error('the process died');
    };
    await submittedJob(ports).catch(() => undefined);
    ports.executions.beforeStart = () => undefined;
    await uploadOf(ports);
    await ports.store.put('ingest/clinic/night/a.nii.gz', 'bytes');
    ports.time.now += 2 * DAY_MS;

    const swept = await sweep(ports, 30)({});
    expect(swept).toMatchObject({ started: 1, unclaimedUploads: 1, unclaimedDrops: 1, purgedJobs: 0 });
    ports.time.now += 30 * DAY_MS;
    await sweep(ports, 30)({});

    expect(ports.store.keys('ingest/')).toHaveLength(1);
    expect(await sweep(ports, 30)({})).toMatchObject({ unclaimedUploads: 0 });
  });

  it('stops what runs on after a cancellation that died before it could', async () => {
    const ports = serviceFakes();
    const stop = ports.executions.stop.bind(ports.executions);
    const jobId = await prepared(ports);
    ports.executions.stop = () => Promise.reject(new Error('the function ran out of time'));
    await cancelJob(ports, jobId, { baseUrl: '', events: false }).catch(() => undefined);
    ports.executions.stop = stop;
    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'CANCELLED' });
    const name = executionName(jobId, 1);
    expect(await ports.executions.describe(name)).toMatchObject({ status: 'RUNNING' });
    ports.time.now += HOUR_MS;

    await sweep(ports, 30)({});
    await sweep(ports, 30)({});

    expect(ports.executions.stopped).toEqual([name]);
  });

  it('deletes what a worker still wrote while it ended, after its job was purged', async () => {
    const ports = { ...serviceFakes(), workersLinger: true };
    const jobId = await prepared(ports);
    await purgeJob(ports, jobId);
    ports.time.now += 90_000;
    await ports.store.put(caseZipKey(jobId, caseIdOf(1)), 'masks');

    // It may be at it still.
    await sweep(ports, 30)({});
    await ports.store.put(caseResultKey(jobId, caseIdOf(1)), 'result');
    ports.time.now += HOUR_MS;
    await sweep(ports, 30)({});

    expect(ports.store.keys(`jobs/${jobId}/`)).toEqual([]);
    expect(ports.store.keys('').filter((key) => key.includes(jobId))).toEqual([]);
  });

  it('leaves a job alone that was sent again under the key of one that was purged', async () => {
    const ports = { ...serviceFakes(), workersLinger: true };
    const again = async () => {
      const uploadId = await uploadOf(ports);
      const asked = { target: 'batch', body: { uploadId }, idempotencyKey: 'one', baseUrl: '' } as const;
      return (await submitJob(ports, asked)).job.jobId;
    };
    await purgeJob(ports, await again());
    const jobId = await again();
    const kept = ports.store.keys(`jobs/${jobId}/`);
    ports.time.now += HOUR_MS;

    await sweep(ports, 30)({});

    expect(kept).not.toEqual([]);
    expect(ports.store.keys(`jobs/${jobId}/`)).toEqual(kept);
  });

  it('deletes nothing without a retention', async () => {
    const ports = serviceFakes();
    await uploadOf(ports);
    ports.time.now += 1_000 * DAY_MS;

    expect(await sweep(ports, null)({})).toMatchObject({ unclaimedUploads: 1 });
  });
});
