import { describe, expect, it } from 'vitest';
import { StoreJobIndex } from '../../../adapters/store-job-index.ts';
import type { JobDocument } from '../../../core/job.ts';
import { caseIdOf, caseInputKey, type JobId } from '../../../core/layout.ts';
import { settleExecution } from '../../../core/use-cases/fail-job.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { purgeJob } from '../../../core/use-cases/purge-job.ts';
import { purgeLeftOvers } from '../../../core/use-cases/purge-leftovers.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob, uploadOf } from '../../fakes/stored-job.ts';

async function finishedJob(ports: ServiceFakes): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf([foundCase(jobId, 1)]));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  await storeResult(ports, jobId, caseIdOf(1), {});
  await publishResults(ports, { jobId, attempt: 1 });
  return jobId;
}

describe('purging', () => {
  it('leaves nothing of a job and its upload', async () => {
    const ports = serviceFakes();
    const jobId = await finishedJob(ports);
    const stored = ports.store.keys().length;

    const receipt = await purgeJob(ports, jobId);

    expect(receipt.objects).toBe(stored - 1);
    expect(ports.store.keys()).toEqual([]);
    await expect(purgeJob(ports, jobId)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });

  it('takes the runs of its workflow and the logs of its workers along', async () => {
    const removed: string[] = [];
    const fakes = serviceFakes();
    const ports = {
      ...fakes,
      jobs: { ...fakes.jobs, removeLogs: async (prefix: string) => void removed.push(prefix) },
    };
    const jobId = await finishedJob(fakes);
    const other = 'executions/j-otherotherother-a1.json';
    for (const key of [`executions/${jobId}-a1.json`, `executions/${jobId}-a2.json`, other])
      await ports.store.put(key, '{}');

    await purgeJob(ports, jobId);

    expect(ports.store.keys()).toEqual([other]);
    expect(new Set(removed)).toEqual(new Set([`hpb-${jobId}-a`]));
  });

  it('works for a job whose documents are damaged', async () => {
    const fakes = serviceFakes();
    const { store, clock } = fakes;
    const index = new StoreJobIndex(store, clock);
    const ports = { ...fakes, index };
    const jobId = await finishedJob(fakes);
    await index.create(fakes.index.jobs.get(jobId)!);
    await store.put(`jobs/${jobId}/job.json`, '{');
    await store.put(`jobs/${jobId}/request.json`, '{');

    await purgeJob(ports, jobId);

    expect(store.keys()).toEqual([]);
  });

  it('keeps an upload that another job uses', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    const first = await submittedJob(ports, { body: { uploadId } });
    const second = await submittedJob(ports, { body: { uploadId } });

    await purgeJob(ports, first);
    expect(ports.store.keys(`uploads/${uploadId}/input`)).toHaveLength(1);
    await purgeJob(ports, second);

    expect(ports.store.keys()).toEqual([]);
  });

  it('takes an upload along that otherwise only a submission has marked which died', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    ports.index.beforeWrite = () => {
      throw new Error('killed');
    };
    await expect(submittedJob(ports, { body: { uploadId } })).rejects.toThrow('killed');
    ports.index.beforeWrite = () => undefined;
    ports.time.now += 3_600_000;
    const jobId = await submittedJob(ports, { body: { uploadId } });

    await purgeJob(ports, jobId);

    expect(ports.store.keys()).toEqual([]);
  });

  it('soon after a submission that died takes the upload along once that is certain', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    ports.index.beforeWrite = () => {
      throw new Error('killed');
    };
    await expect(submittedJob(ports, { body: { uploadId } })).rejects.toThrow('killed');
    ports.index.beforeWrite = () => undefined;
    const jobId = await submittedJob(ports, { body: { uploadId } });
    const other = await submittedJob(ports, { body: { uploadId } });
    await purgeJob(ports, other);
    await purgeJob(ports, jobId);
    const bytes = `uploads/${uploadId}/input`;
    expect(ports.store.keys(bytes)).toHaveLength(1);

    ports.time.now += 3_600_000;
    await purgeLeftOvers(ports);

    expect(ports.store.keys()).toEqual([]);
  });

  it('leaves an upload to a job that was made of it before it was certain', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    ports.index.beforeWrite = () => {
      throw new Error('killed');
    };
    await expect(submittedJob(ports, { body: { uploadId } })).rejects.toThrow('killed');
    ports.index.beforeWrite = () => undefined;
    await purgeJob(ports, await submittedJob(ports, { body: { uploadId } }));
    const later = await submittedJob(ports, { body: { uploadId } });

    ports.time.now += 3_600_000;
    await purgeLeftOvers(ports);

    expect(ports.store.keys(`uploads/${uploadId}/input`)).toHaveLength(1);
    await purgeJob(ports, later);
    expect(ports.store.keys()).toEqual([]);
  });

  it('keeps an upload whose next job is just being submitted', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    const first = await submittedJob(ports, { body: { uploadId } });
    let purged: Promise<unknown> | undefined;
    const create = ports.index.create.bind(ports.index);
    ports.index.create = async (job) => {
      await (purged ??= purgeJob(ports, first));
      return create(job);
    };

    const second = await submittedJob(ports, { body: { uploadId } });

    await purged;
    expect(ports.store.keys(`uploads/${uploadId}/input`)).toHaveLength(1);
    await purgeJob(ports, second);
    expect(ports.store.keys(`uploads/${uploadId}/`)).toEqual([]);
    ports.time.now += 3_600_000;
    await purgeLeftOvers(ports);
    expect(ports.store.keys()).toEqual([]);
  });

  it('takes the uploads along that a manifest names, unless another job uses them', async () => {
    const ports = serviceFakes();
    const [own, shared] = [await uploadOf(ports), await uploadOf(ports)];
    const other = await submittedJob(ports, { body: { uploadId: shared } });
    const manifest = JSON.stringify({
      cases: [own, shared].map((uploadId) => ({ uploadId, name: uploadId })),
    });
    const uploadId = await uploadOf(ports, manifest.length);
    await ports.store.put(`uploads/${uploadId}/input`, manifest);
    const jobId = await submittedJob(ports, { target: 'batch', body: { uploadId } });
    for (const used of [own, shared]) await ports.store.put(`uploads/${used}/jobs/${jobId}`, '');

    await purgeJob(ports, jobId);

    expect(ports.store.keys('uploads/').filter((key) => key.endsWith('/input'))).toEqual([
      `uploads/${shared}/input`,
    ]);
    await purgeJob(ports, other);
    expect(ports.store.keys()).toEqual([]);
  });

  it('announces no end twice: one that comes late, while the job is deleted, has been told', async () => {
    const told: number[] = [];
    const fakes = serviceFakes();
    const ports = { ...fakes, onFinished: async ({ attempt }: JobDocument) => void told.push(attempt) };
    const jobId = await submittedJob(ports);
    const removeAll = ports.store.removeAll.bind(ports.store);
    ports.store.removeAll = async (prefix) => {
      const removed = await removeAll(prefix);
      await settleExecution(ports, { name: `${jobId}-a1`, status: 'FAILED', error: 'X', cause: null });
      return removed;
    };

    await purgeJob(ports, jobId);

    expect(told).toEqual([1]);
    expect(ports.store.keys()).toEqual([]);
  });

  it('ends an attempt that somebody begins while the job is deleted, and takes what that has written', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const removeAll = ports.store.removeAll.bind(ports.store);
    ports.store.removeAll = async (prefix) => {
      const removed = await removeAll(prefix);
      if (prefix !== `jobs/${jobId}/plans/`) return removed;
      await retryJob(ports, jobId, LINKS);
      const stop = ports.executions.stop.bind(ports.executions);
      // Its worker writes until it is stopped.
      ports.executions.stop = async (name) => {
        await ports.store.put(caseInputKey(jobId, caseIdOf(1)), 'CT');
        return stop(name);
      };
      return removed;
    };

    await purgeJob(ports, jobId);

    expect(ports.executions.stopped).toContain(`${jobId}-a2`);
    expect([...ports.executions.facts.values()].map(({ status }) => status)).toEqual(['ABORTED', 'ABORTED']);
    expect(ports.store.keys()).toEqual([]);
  });

  it('ends a running job first', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);

    await purgeJob(ports, jobId);

    expect(ports.executions.stopped).toEqual([`${jobId}-a1`]);
    expect(ports.index.jobs.size).toBe(0);
  });
});
