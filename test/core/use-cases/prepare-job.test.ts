import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import {
  calibrationKey,
  caseIdOf,
  jobCasesKey,
  jobPlanKey,
  shardKey,
  type JobId,
} from '../../../core/layout.ts';
import { shard } from '../../../core/shard.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { failJob } from '../../../core/use-cases/fail-job.ts';
import { prepareJob, takeUpload } from '../../../core/use-cases/prepare-job.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { openUpload } from '../../../core/use-cases/uploads.ts';
import { plannedShard, type PlannedShard } from '../../../core/workflow.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

const prepare = (jobId: JobId, attempt = 1) => ({ phase: 'prepare', jobId, attempt });

function planOf(ports: ServiceFakes, jobId: JobId, attempt = 1): readonly PlannedShard[] {
  return plannedShard.array().parse(ports.store.json(jobPlanKey(jobId, attempt)));
}

/** Ids of the cases that a plan runs. */
function casesOf(ports: ServiceFakes, jobId: JobId, attempt = 1): readonly string[] {
  return planOf(ports, jobId, attempt)
    .flatMap(({ shardKey }) => shard.parse(ports.store.json(shardKey)).cases)
    .map(({ caseId }) => caseId)
    .sort();
}

async function jobOf(
  ports: ServiceFakes,
  cases: readonly (HpbError['code'] | 'fit')[],
  options: Parameters<typeof submittedJob>[1] = {},
): Promise<JobId> {
  const jobId = await submittedJob(ports, options);
  ports.intake.finds(
    reportOf(cases.map((one, index) => foundCase(jobId, index + 1, one === 'fit' ? undefined : one))),
  );
  return jobId;
}

describe('preparing a job', () => {
  it('plans the fit cases and leaves the others out', async () => {
    const ports = serviceFakes({ slots: 2 });
    const jobId = await jobOf(ports, ['fit', 'NIFTI_TRUNCATED', 'fit']);

    const prepared = await prepareJob(ports, prepare(jobId));

    expect(prepared).toMatchObject({ route: 'run', shards: 2, publisher: 'function' });
    expect(casesOf(ports, jobId)).toEqual(['c0001', 'c0003']);
    expect(ports.index.jobs.get(jobId)).toMatchObject({
      state: 'RUNNING',
      counts: { total: 3, succeeded: 0, failed: 1 },
    });
  });

  it('tells the worker which CT was checked', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const sha256 = 'a'.repeat(64);
    ports.intake.finds(reportOf([{ ...foundCase(jobId, 1), sha256 }]));

    await prepareJob(ports, prepare(jobId));

    const [planned] = planOf(ports, jobId);
    expect(shard.parse(ports.store.json(planned!.shardKey)).cases).toMatchObject([{ inputSha256: sha256 }]);
  });

  it('hands on the format of meshes that was asked for', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit'], { body: { meshes: 'stl' } });

    await prepareJob(ports, prepare(jobId));

    const [planned] = planOf(ports, jobId);
    expect(shard.parse(ports.store.json(planned!.shardKey)).cases).toMatchObject([{ meshes: 'stl' }]);
  });

  it('goes by the runs that were counted on such machines', async () => {
    const shardsWith = async (device: string): Promise<number> => {
      const ports = serviceFakes({ slots: 1, shardCases: 8, shardSeconds: 1_800 });
      const jobId = await jobOf(ports, ['fit', 'fit', 'fit', 'fit']);
      const own = { runs: 9, seconds: { base: 500, slope: 0 }, medianError: 0.1, cardBytes: null };
      const models = { 'liver-fast': own, task008: own };
      const figures = { schemaVersion: 1, device, runs: 18, models };
      await ports.store.put(calibrationKey(), JSON.stringify(figures));
      return (await prepareJob(ports, prepare(jobId))).shards;
    };

    // 1,000 s a case: one in each shard of at most 1,800.
    expect(await shardsWith('Tesla T4')).toBe(4);
    expect(await shardsWith('cpu')).toBe(1);
  });

  it('gives the job a deadline after the last shard', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit']);

    await prepareJob(ports, prepare(jobId));

    const { deadlineAt } = ports.index.jobs.get(jobId)!;
    const [planned] = planOf(ports, jobId);
    expect(deadlineAt).toBeGreaterThan(ports.time.now + planned!.timeoutSeconds * 1000);
    expect(planned!.timeoutSeconds).toBeGreaterThan(planned!.attemptSeconds);
  });

  it('that is stopped, by a service that ends or a job that does, writes and ends nothing', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit']);
    const stop = new AbortController();
    const take = ports.intake.take;
    ports.intake.take = async (request) => {
      stop.abort();
      return take(request);
    };

    await expect(prepareJob(ports, prepare(jobId), stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' });

    expect(ports.store.keys(jobCasesKey(jobId))).toEqual([]);
    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'PREPARING', error: null });
  });

  it('twice writes the same documents and reads the upload once', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit', 'fit']);
    const first = await prepareJob(ports, prepare(jobId));
    const plan = planOf(ports, jobId);

    const second = await prepareJob(ports, prepare(jobId));

    expect(second).toEqual(first);
    expect(planOf(ports, jobId)).toEqual(plan);
    expect(ports.intake.requests).toHaveLength(1);
  });

  it('puts nothing of the caller into plan, shards and answer', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit']);

    const prepared = await prepareJob(ports, prepare(jobId));

    const written = [
      prepared,
      planOf(ports, jobId),
      ports.store.json(shardKey(jobId, 1, 1)),
      ports.log.lines,
    ];
    expect(JSON.stringify(written)).not.toMatch(/patient|cases\.zip/);
  });

  it.each([
    [5, undefined, 0],
    [6, undefined, 1],
    [6, 'interactive', 0],
    [1, 'bulk', 1],
  ] as const)('of %i cases, priority %s asked for, uses queue %i', async (count, priority, queue) => {
    const ports = serviceFakes();
    const body = priority === undefined ? {} : { priority };
    const jobId = await jobOf(
      ports,
      Array.from({ length: count }, () => 'fit' as const),
      { body },
    );

    await prepareJob(ports, prepare(jobId));

    expect(new Set(planOf(ports, jobId).map((one) => one.priority))).toEqual(new Set([queue]));
  });

  it('of a large result leaves the ZIP to a worker', async () => {
    const ports = serviceFakes({ functionResultBytes: 10 });
    const jobId = await jobOf(ports, ['fit', 'fit']);

    const { publisher, publish } = await prepareJob(ports, prepare(jobId));

    expect(publisher).toBe('worker');
    expect(publish.command).toEqual(['--publish', jobId, '--attempt', '1']);
  });

  it('counts the wait for the machine of a worker that publishes into the deadline, of a function none', async () => {
    const deadline = async (functionResultBytes: number): Promise<number> => {
      const ports = serviceFakes({ functionResultBytes, queueSeconds: 7_200 });
      const jobId = await jobOf(ports, ['fit']);
      const { publish } = await prepareJob(ports, prepare(jobId));
      expect(publish.timeoutSeconds).toBeGreaterThan(7_200 + 900);
      return ports.index.jobs.get(jobId)!.deadlineAt!;
    };

    expect(await deadline(10)).toBe((await deadline(2 ** 40)) + 7_200_000);
  });
});

describe('a large archive', () => {
  it('is unpacked by a worker and planned after that', async () => {
    const ports = serviceFakes({ functionArchiveBytes: 5 });
    const jobId = await jobOf(ports, ['fit'], { bytes: 6 });

    const first = await prepareJob(ports, prepare(jobId));
    expect(first).toMatchObject({ route: 'unpack', shards: 0 });
    expect(first.unpack.command).toEqual(['--take', jobId, '--attempt', '1']);
    // The machines may be busy with other archives.
    expect(first.unpack.timeoutSeconds).toBeGreaterThan(ports.limits.queueSeconds + 900);
    expect(ports.intake.requests).toEqual([]);

    await takeUpload(ports, { jobId, attempt: 1 });
    const second = await prepareJob(ports, { phase: 'plan', jobId, attempt: 1 });

    expect(second).toMatchObject({ route: 'run', shards: 1 });
  });

  it('whose worker stored nothing fails', async () => {
    const ports = serviceFakes({ functionArchiveBytes: 5 });
    const jobId = await jobOf(ports, ['fit'], { bytes: 6 });

    await expect(prepareJob(ports, { phase: 'plan', jobId, attempt: 1 })).rejects.toMatchObject({
      code: 'WORKFLOW_FAILED',
    });
  });
});

describe('an upload that cannot be used', () => {
  it('ends the job with the whole error, remedy included', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    const error = new HpbError('ARCHIVE_ENCRYPTED', 'The archive is encrypted.', { remedy: 'Decrypt it.' });
    ports.intake.finds(error);

    await expect(prepareJob(ports, prepare(jobId))).rejects.toBe(error);

    expect(ports.index.jobs.get(jobId)).toMatchObject({ state: 'FAILED', error: error.toDocument() });
    const failure = { Error: 'ARCHIVE_ENCRYPTED', Cause: '{"errorMessage":"x"}' };
    const answer = await failJob(ports, { jobId, attempt: 1, failure });
    expect(answer).toMatchObject({ code: 'ARCHIVE_ENCRYPTED', message: 'The archive is encrypted.' });
    expect(ports.finished).toHaveLength(1);
  });

  it('because its checksum differs is refused, and no cases are kept', async () => {
    const ports = serviceFakes();
    const { uploadId, put } = await openUpload(ports, {
      fileName: 'a.zip',
      sizeBytes: 3,
      sha256: 'b'.repeat(64),
    });
    await ports.links.send(put!, new Uint8Array(3));
    const jobId = await jobOf(ports, ['fit'], { body: { uploadId } });

    await expect(prepareJob(ports, prepare(jobId))).rejects.toMatchObject({
      code: 'UPLOAD_CHECKSUM_MISMATCH',
    });
    expect(ports.store.keys(`jobs/${jobId}/cases`)).toEqual([]);
  });

  it('because the store is away does not end the job: the workflow tries again', async () => {
    const ports = serviceFakes();
    const jobId = await submittedJob(ports);
    ports.intake.finds(new HpbError('STORE_UNAVAILABLE', 'Away.', { remedy: 'Wait.' }));

    await expect(prepareJob(ports, prepare(jobId))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(ports.index.jobs.get(jobId)!.state).toBe('PREPARING');
  });
});

describe('an attempt that is over', () => {
  it('is not prepared', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit']);
    await cancelJob(ports, jobId, LINKS);

    await expect(prepareJob(ports, prepare(jobId))).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(ports.intake.requests).toEqual([]);
  });
});

describe('another attempt', () => {
  it('runs only the cases without a result', async () => {
    const ports = serviceFakes();
    const jobId = await jobOf(ports, ['fit', 'fit', 'NIFTI_TRUNCATED', 'fit']);
    await prepareJob(ports, prepare(jobId));
    await storeResult(ports, jobId, caseIdOf(1));
    await storeResult(ports, jobId, caseIdOf(2), { error: 'ENGINE_FAILED' });
    await failJob(ports, { jobId, attempt: 1, failure: { Error: 'States.Timeout' } });
    await retryJob(ports, jobId, LINKS);

    await prepareJob(ports, prepare(jobId, 2));

    expect(casesOf(ports, jobId, 2)).toEqual(['c0002', 'c0004']);
    expect(ports.intake.requests).toHaveLength(1);
  });
});
