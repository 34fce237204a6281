import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobId, UploadId } from '../../../core/layout.ts';
import { purgeJob } from '../../../core/use-cases/purge-job.ts';
import { resumeJobs } from '../../../core/use-cases/resume-jobs.ts';
import { failJob } from '../../../core/use-cases/fail-job.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { submitJob } from '../../../core/use-cases/submit-job.ts';
import { openUpload } from '../../../core/use-cases/uploads.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { LINKS, submittedJob, uploadOf } from '../../fakes/stored-job.ts';

const submission = (uploadId: UploadId, idempotencyKey?: string) =>
  ({ target: 'both', body: { uploadId }, idempotencyKey, baseUrl: LINKS.baseUrl }) as const;

/** From the n-th write on, of whatever kind, everything fails, as after a kill -9. */
function dieAtWrite(ports: ServiceFakes, n: number): () => void {
  let writes = 0;
  const die = (): void => {
    writes += 1;
    if (writes >= n) throw new Error('the process died');
  };
  ports.store.beforeWrite = die;
  ports.index.beforeWrite = die;
  ports.executions.beforeStart = die;
  return () => {
    ports.store.beforeWrite = () => undefined;
    ports.index.beforeWrite = () => undefined;
    ports.executions.beforeStart = () => undefined;
  };
}

describe('a submission', () => {
  it('becomes a queued job with one execution', async () => {
    const ports = serviceFakes();

    const { job, created } = await submitJob(ports, submission(await uploadOf(ports)));

    expect(created).toBe(true);
    expect(job).toMatchObject({
      state: 'QUEUED',
      stage: 'waiting',
      percent: 0,
      models: ['liver', 'task008'],
    });
    expect(ports.executions.started).toEqual([
      { name: `${job.jobId}-a1`, input: { jobId: job.jobId, attempt: 1 } },
    ]);
  });

  it('may use an upload that another job uses', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);

    const first = await submittedJob(ports, { body: { uploadId } });
    const second = await submittedJob(ports, { body: { uploadId }, target: 'liver' });

    expect(first).not.toBe(second);
    expect(ports.index.jobs.size).toBe(2);
  });

  it.each([
    ['UPLOAD_NOT_FOUND', 'u-nothing-here'],
    ['UPLOAD_NOT_FOUND', '../../etc/passwd'],
  ])('is refused with %s for the upload %s', async (code, uploadId) => {
    await expect(submitJob(serviceFakes(), submission(uploadId as UploadId))).rejects.toMatchObject({ code });
  });

  it('is refused while bytes of its upload are missing', async () => {
    const ports = serviceFakes();
    const { uploadId } = await openUpload(ports, { fileName: 'a.nii.gz', sizeBytes: 5 });

    await expect(submitJob(ports, submission(uploadId))).rejects.toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
    expect(ports.index.jobs.size).toBe(0);
  });

  it('is refused when too many jobs are active', async () => {
    const ports = serviceFakes({ maxActiveJobs: 1 });
    await submittedJob(ports);

    await expect(submittedJob(ports)).rejects.toMatchObject({ code: 'TOO_MANY_JOBS', retryable: true });
  });

  it('with a model of its own is for batches only', async () => {
    const ports = serviceFakes();
    const body = { uploadId: await uploadOf(ports), model: 'liver' } as const;

    await expect(submittedJob(ports, { target: 'both', body })).rejects.toMatchObject({ code: 'BAD_OPTION' });
    const jobId = await submittedJob(ports, { target: 'batch', body });
    expect(ports.index.jobs.get(jobId)!.models).toEqual(['liver']);
  });
});

describe('an idempotency key', () => {
  it('with the same request is the same job', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);

    const first = await submitJob(ports, submission(uploadId, 'key'));
    const second = await submitJob(ports, submission(uploadId, 'key'));

    expect(second).toMatchObject({ created: false, job: { jobId: first.job.jobId } });
    expect(ports.executions.started).toHaveLength(1);
  });

  it('with another request is refused', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    await submitJob(ports, submission(uploadId, 'key'));
    const other = { ...submission(uploadId, 'key'), body: { uploadId, fast: false } };

    await expect(submitJob(ports, other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('of a failed job begins another attempt', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    const { job } = await submitJob(ports, submission(uploadId, 'key'));
    await failJob(ports, { jobId: job.jobId, attempt: 1, failure: { Error: 'Boom' } });

    const again = await submitJob(ports, submission(uploadId, 'key'));

    expect(again.job).toMatchObject({ jobId: job.jobId, attempt: 2, state: 'QUEUED' });
    expect(ports.executions.started.map(({ name }) => name)).toEqual([`${job.jobId}-a1`, `${job.jobId}-a2`]);
  });

  it('of a purged job begins anew, under an execution name that was never taken', async () => {
    const ports = serviceFakes();
    const first = await submitJob(ports, submission(await uploadOf(ports), 'key'));
    await failJob(ports, { jobId: first.job.jobId, attempt: 1, failure: { Error: 'Boom' } });
    await retryJob(ports, first.job.jobId, LINKS);
    await purgeJob(ports, first.job.jobId);

    const { job, created } = await submitJob(ports, submission(await uploadOf(ports), 'key'));

    expect(created).toBe(true);
    expect(job).toMatchObject({ jobId: first.job.jobId, attempt: 3, state: 'QUEUED' });
    expect(ports.executions.started.at(-1)!.name).toBe(`${job.jobId}-a3`);
  });

  it('after a crash at any write leads to one job and one execution', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.boolean(), async (n, recoversFirst) => {
        const ports = serviceFakes();
        const uploadId = await uploadOf(ports);
        const revive = dieAtWrite(ports, n);
        await submitJob(ports, submission(uploadId, 'key')).catch(() => undefined);
        revive();

        if (recoversFirst) await resumeJobs(ports);
        const { job } = await submitJob(ports, submission(uploadId, 'key'));

        expect([...ports.index.jobs.keys()]).toEqual([job.jobId]);
        expect(ports.executions.started.map(({ name }) => name)).toEqual([`${job.jobId}-a1`]);
      }),
    );
  });
});

describe('a job whose start was lost', () => {
  it('is started although another one cannot be', async () => {
    const ports = serviceFakes();
    ports.executions.beforeStart = () => {
      throw new Error('the process died');
    };
    for (let n = 0; n < 2; n += 1)
      await submitJob(ports, submission(await uploadOf(ports))).catch(() => undefined);
    let starts = 0;
    ports.executions.beforeStart = () => {
      if (starts++ === 0) throw new Error('its document is damaged');
    };

    const resumed = await resumeJobs(ports);

    expect(resumed).toEqual({ started: 1, ended: 0 });
    expect(ports.executions.started).toHaveLength(1);
  });

  it('is started by the recovery', async () => {
    const ports = serviceFakes();
    const uploadId = await uploadOf(ports);
    ports.executions.beforeStart = () => {
      throw new Error('the process died');
    };
    await expect(submitJob(ports, submission(uploadId))).rejects.toThrow('died');
    ports.executions.beforeStart = () => undefined;

    const resumed = await resumeJobs(ports);

    const [jobId] = [...ports.index.jobs.keys()] as [JobId];
    expect(resumed).toEqual({ started: 1, ended: 0 });
    expect(ports.executions.started).toEqual([{ name: `${jobId}-a1`, input: { jobId, attempt: 1 } }]);
  });
});
