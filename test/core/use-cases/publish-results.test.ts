import { describe, expect, it } from 'vitest';
import {
  caseIdOf,
  caseResultKey,
  caseZipKey,
  JOB_FILES,
  jobFileKey,
  jobManifestKey,
  jobZipKey,
  shardKey,
  type JobId,
} from '../../../core/layout.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { jobFileLink } from '../../../core/use-cases/job-file-link.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { purgeJob } from '../../../core/use-cases/purge-job.ts';
import { recordShardFailure } from '../../../core/use-cases/record-shard-failure.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { readJob } from '../../../core/use-cases/read-job.ts';
import { resultOf } from '../../../core/use-cases/result-of.ts';
import type { ServiceLimits } from '../../../core/use-cases/service-ports.ts';
import type { CaseResult } from '../../../core/shard.ts';
import type { SegmentTarget } from '../../../core/requests.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

/** A job whose cases have been planned, all in one shard. */
async function preparedJob(
  cases: number,
  options: { readonly target?: SegmentTarget; readonly limits?: Partial<ServiceLimits> } = {},
): Promise<{ readonly ports: ServiceFakes; readonly jobId: JobId }> {
  const ports = serviceFakes({ slots: 1, ...options.limits });
  const jobId = await submittedJob(ports, { target: options.target ?? 'batch' });
  const found = Array.from({ length: cases }, (_, index) => foundCase(jobId, index + 1));
  ports.intake.finds(reportOf(found));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  return { ports, jobId };
}

const publish = (jobId: JobId, attempt = 1) => ({ phase: 'publish', jobId, attempt });

const failureOf = (jobId: JobId, failure: { readonly Error: string; readonly Cause?: string }) => ({
  shard: {
    layoutVersion: 1,
    jobId,
    attempt: 1,
    ordinal: 1,
    name: 'x',
    shardKey: shardKey(jobId, 1, 1),
    cases: 'c0001',
    priority: 0,
    memoryMib: '14000',
    vcpus: '4',
    attemptSeconds: 60,
    timeoutSeconds: 60,
  },
  failure,
});

describe('a batch of which every case succeeded', () => {
  it('is one ZIP: a folder a case under the name of the caller, and the manifest', async () => {
    const { ports, jobId } = await preparedJob(2);
    await storeResult(ports, jobId, caseIdOf(1));
    await storeResult(ports, jobId, caseIdOf(2));

    const published = await publishResults(ports, publish(jobId));

    expect(published).toMatchObject({ outcome: 'SUCCEEDED', succeeded: 2, zipKey: jobZipKey(jobId) });
    const [{ members }] = ports.bundler.bundled as [(typeof ports.bundler.bundled)[number]];
    expect(members.map(({ name }) => name)).toEqual([
      'patient 1',
      'patient 2',
      'manifest.json',
      'index.html',
      'cases.csv',
      'receipt.json',
    ]);
    expect(members[0]!.source).toEqual({ zip: caseZipKey(jobId, caseIdOf(1)), bytes: 3 });
    const source = members.find(({ name }) => name === 'manifest.json')!.source as { readonly text: string };
    expect(JSON.parse(source.text)).toMatchObject({
      batch_id: jobId,
      cases: [{ case_id: 'patient 1', liver_seconds: 1 }, { case_id: 'patient 2' }],
      failed: [],
    });
  });

  it('holds large cases file by file', async () => {
    const { ports, jobId } = await preparedJob(1);
    await storeResult(ports, jobId, caseIdOf(1));
    const key = caseResultKey(jobId, caseIdOf(1));
    const result = JSON.parse(new TextDecoder().decode(await ports.store.get(key))) as CaseResult;
    await ports.store.put(key, JSON.stringify({ ...result, zip: { ...result.zip, bytes: 2 ** 21 } }));

    await publishResults(ports, publish(jobId));

    const [{ members }] = ports.bundler.bundled as [(typeof ports.bundler.bundled)[number]];
    expect(members.slice(0, 2).map(({ name }) => name)).toEqual([
      'patient 1/meta.json',
      'patient 1/liver.nii.gz',
    ]);
  });

  it('beyond the largest ZIP keeps the ZIPs of its cases, with index and table beside them', async () => {
    const { ports, jobId } = await preparedJob(2, { limits: { maxZipBytes: 1 } });
    await storeResult(ports, jobId, caseIdOf(1));
    await storeResult(ports, jobId, caseIdOf(2), { error: 'CT_ALL_AIR' });

    expect(await publishResults(ports, publish(jobId))).toMatchObject({ outcome: 'PARTIAL', zipKey: '' });
    await expect(resultOf(ports, jobId)).rejects.toMatchObject({ code: 'RESULT_NOT_FOUND' });
    const text = async (name: 'index.html' | 'cases.csv'): Promise<string> =>
      new TextDecoder().decode(await ports.store.get(jobFileKey(jobId, name)));
    expect(await text('index.html')).toContain('2 cases, 1 with a result, 1 failed');
    expect(await text('cases.csv')).toMatch(/patient 1,\S+_c0001_results,succeeded.*\r\npatient 2,,failed/);
    const { url, bytes } = await jobFileLink(ports, jobId, 'cases.csv');
    expect(url).toContain(jobFileKey(jobId, 'cases.csv'));
    expect(bytes).toBe((await text('cases.csv')).length);
    await expect(jobFileLink(ports, jobId, 'job.json')).rejects.toMatchObject({ code: 'RESULT_NOT_FOUND' });
  });

  it.each(['while it is packed', 'before it has ended'])(
    'in its second attempt, and is cancelled %s, gives the ZIP that there is then',
    async (when) => {
      const { ports, jobId } = await preparedJob(2);
      await storeResult(ports, jobId, caseIdOf(1));
      await storeResult(ports, jobId, caseIdOf(2), { error: 'CT_ALL_AIR' });
      await publishResults(ports, publish(jobId));
      await retryJob(ports, jobId, LINKS);
      await prepareJob(ports, { phase: 'prepare', jobId, attempt: 2 });
      await storeResult(ports, jobId, caseIdOf(2), { attempt: 2 });
      ports.store.beforeWrite = (key) => {
        if (key !== (when === 'while it is packed' ? jobZipKey(jobId) : jobManifestKey(jobId))) return;
        ports.store.beforeWrite = () => undefined;
        void cancelJob(ports, jobId, LINKS);
      };

      await publishResults(ports, publish(jobId, 2));

      expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'CANCELLED', attempt: 2 });
      const { bytes, sha256 } = await resultOf(ports, jobId);
      const there = await ports.store.get(jobZipKey(jobId));
      expect(bytes).toBe(there.length);
      expect(sha256).toBe(ports.ids.sha256(new TextDecoder().decode(there)));
    },
  );

  it('leaves nothing of its index behind when it is purged', async () => {
    const { ports, jobId } = await preparedJob(1, { limits: { maxZipBytes: 1 } });
    await storeResult(ports, jobId, caseIdOf(1));
    await publishResults(ports, publish(jobId));

    await purgeJob(ports, jobId);

    for (const name of JOB_FILES) expect(ports.store.keys(jobFileKey(jobId, name))).toEqual([]);
  });
});

describe('a job of one CT', () => {
  it('has the ZIP of its case as its result', async () => {
    const { ports, jobId } = await preparedJob(1, { target: 'both' });
    await storeResult(ports, jobId, caseIdOf(1));

    await publishResults(ports, publish(jobId));

    expect(ports.index.jobs.get(jobId)!.zip!.key).toBe(caseZipKey(jobId, caseIdOf(1)));
    expect(ports.bundler.bundled).toEqual([]);
    expect((await resultOf(ports, jobId)).url).toContain(caseZipKey(jobId, caseIdOf(1)));
  });
});

describe('a case without a result', () => {
  it.each([
    [
      'OUT_OF_MEMORY',
      { Error: 'States.TaskFailed', Cause: batchCause(137, 'OutOfMemoryError: Container killed') },
    ],
    ['UNCLEAN_EXIT', { Error: 'States.TaskFailed', Cause: batchCause(137) }],
    ['SHARD_FAILED', { Error: 'States.TaskFailed', Cause: batchCause(1) }],
    ['DEVICE_FAULT', { Error: 'States.TaskFailed', Cause: batchCause(76) }],
    ['INTERRUPTED', { Error: 'States.TaskFailed', Cause: batchCause(75) }],
    ['SHARD_FAILED', { Error: 'Batch.ClientException' }],
    ['JOB_TIMEOUT', { Error: 'States.Timeout' }],
  ] as const)('has the reason of its shard: %s', async (code, failure) => {
    const { ports, jobId } = await preparedJob(2);
    await storeResult(ports, jobId, caseIdOf(1));

    await recordShardFailure(ports, failureOf(jobId, failure));
    const published = await publishResults(ports, publish(jobId));

    expect(published).toMatchObject({ outcome: 'PARTIAL', succeeded: 1, failed: 1 });
    const { cases } = await readJob(ports, jobId, LINKS);
    expect(cases.map(({ state, error }) => [state, error?.code])).toEqual([
      ['succeeded', undefined],
      ['failed', code],
    ]);
  });

  it('and without a reason is an unclean exit', async () => {
    const { ports, jobId } = await preparedJob(1);

    expect(await publishResults(ports, publish(jobId))).toMatchObject({
      outcome: 'FAILED',
      code: 'UNCLEAN_EXIT',
      zipKey: '',
    });
  });
});

describe('a job without a single result', () => {
  it('has the code that all its cases share', async () => {
    const { ports, jobId } = await preparedJob(2);
    for (const n of [1, 2]) await storeResult(ports, jobId, caseIdOf(n), { error: 'CT_ALL_AIR' });

    expect(await publishResults(ports, publish(jobId))).toMatchObject({
      outcome: 'FAILED',
      code: 'CT_ALL_AIR',
    });
  });

  it('has NO_CASE_SUCCEEDED when they failed for several reasons', async () => {
    const { ports, jobId } = await preparedJob(2);
    await storeResult(ports, jobId, caseIdOf(1), { error: 'CT_ALL_AIR' });
    await storeResult(ports, jobId, caseIdOf(2), { error: 'ENGINE_FAILED' });

    expect(await publishResults(ports, publish(jobId))).toMatchObject({ code: 'NO_CASE_SUCCEEDED' });
  });
});

describe('publishing', () => {
  it('twice gives the same answer and counts the job once', async () => {
    const { ports, jobId } = await preparedJob(1);
    await storeResult(ports, jobId, caseIdOf(1));

    const first = await publishResults(ports, publish(jobId));
    const second = await publishResults(ports, publish(jobId));
    const confirmed = await publishResults(ports, { phase: 'confirm', jobId, attempt: 1 });

    expect([second, confirmed]).toEqual([first, first]);
    expect(ports.finished).toHaveLength(1);
    expect(ports.samples.filter(({ name }) => name === 'JobsFinished')).toHaveLength(1);
  });

  it('begins again after dying at any of its writes', async () => {
    for (let n = 1; n <= 4; n += 1) {
      const { ports, jobId } = await preparedJob(2);
      await storeResult(ports, jobId, caseIdOf(1));
      let writes = 0;
      const die = (): void => {
        if (++writes === n) throw new Error('the process died');
      };
      ports.store.beforeWrite = die;
      ports.index.beforeWrite = die;

      await expect(publishResults(ports, publish(jobId))).rejects.toThrow('died');
      const published = await publishResults(ports, publish(jobId));

      expect(published).toMatchObject({ outcome: 'PARTIAL', succeeded: 1, failed: 1 });
      expect(ports.finished).toHaveLength(1);
    }
  });

  it('after a cancel changes nothing', async () => {
    const { ports, jobId } = await preparedJob(1);
    await storeResult(ports, jobId, caseIdOf(1));
    await cancelJob(ports, jobId, LINKS);

    expect(await publishResults(ports, publish(jobId))).toMatchObject({ outcome: 'CANCELLED' });
    expect(ports.index.jobs.get(jobId)!.state).toBe('CANCELLED');
    expect(ports.store.keys(jobManifestKey(jobId))).toEqual([]);
  });

  it('is not confirmed when the worker has not published', async () => {
    const { ports, jobId } = await preparedJob(1);

    await expect(publishResults(ports, { phase: 'confirm', jobId, attempt: 1 })).rejects.toMatchObject({
      code: 'WORKFLOW_FAILED',
    });
  });

  it('another attempt keeps the results of the one before', async () => {
    const { ports, jobId } = await preparedJob(2);
    await storeResult(ports, jobId, caseIdOf(1));
    await publishResults(ports, publish(jobId));
    await retryJob(ports, jobId, LINKS);
    await prepareJob(ports, { phase: 'prepare', jobId, attempt: 2 });
    await storeResult(ports, jobId, caseIdOf(2), { attempt: 2 });

    const published = await publishResults(ports, publish(jobId, 2));

    expect(published).toMatchObject({ outcome: 'SUCCEEDED', succeeded: 2, attempt: 2 });
    await expect(publishResults(ports, publish(jobId, 1))).rejects.toMatchObject({ code: 'JOB_FINISHED' });
  });
});

function batchCause(exitCode: number, reason?: string): string {
  return JSON.stringify({
    StatusReason: 'Essential container in task exited',
    Container: { ExitCode: exitCode, Reason: reason },
  });
}
