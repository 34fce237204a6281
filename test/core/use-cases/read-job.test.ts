import { describe, expect, it } from 'vitest';
import { caseIdOf, caseProgressKey, jobCasesKey, type JobId } from '../../../core/layout.ts';
import { HpbError } from '../../../core/errors.ts';
import { cancelJob } from '../../../core/use-cases/cancel-job.ts';
import { caseFileLink } from '../../../core/use-cases/case-file-link.ts';
import { failJob } from '../../../core/use-cases/fail-job.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import { publishResults } from '../../../core/use-cases/publish-results.ts';
import { readCase } from '../../../core/use-cases/read-case.ts';
import { listJobs, readJob } from '../../../core/use-cases/read-job.ts';
import { resultOf } from '../../../core/use-cases/result-of.ts';
import { retryJob } from '../../../core/use-cases/retry-job.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, LINKS, reportOf, storeResult, submittedJob } from '../../fakes/stored-job.ts';

async function runningJob(ports: ServiceFakes, cases: number): Promise<JobId> {
  const jobId = await submittedJob(ports);
  ports.intake.finds(reportOf(Array.from({ length: cases }, (_, index) => foundCase(jobId, index + 1))));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  return jobId;
}

async function storeProgress(ports: ServiceFakes, jobId: JobId, n: number, fraction: number): Promise<void> {
  const caseId = caseIdOf(n);
  const document = { layoutVersion: 1, caseId, stage: 'segment', model: 'liver', engine: null, fraction };
  const text = JSON.stringify({ ...document, secondsLeft: null, updatedAt: ports.time.now });
  await ports.store.put(caseProgressKey(jobId, caseId), text);
}

describe('a job that was cancelled', () => {
  it('has a result or a reason for every case, those that nobody had begun included', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 3);
    await storeProgress(ports, jobId, 1, 1);
    await storeResult(ports, jobId, caseIdOf(1));
    await storeProgress(ports, jobId, 2, 0.5);

    const job = await cancelJob(ports, jobId, LINKS);

    expect(job.cases.map(({ state, error }) => [state, error?.code])).toEqual([
      ['succeeded', undefined],
      ['failed', 'CANCELLED'],
      ['failed', 'CANCELLED'],
    ]);
    expect(job.counts).toEqual({ total: 3, succeeded: 1, failed: 2 });
    expect(await readCase(ports, jobId, 'c0003', LINKS)).toMatchObject({
      state: 'failed',
      error: { code: 'CANCELLED' },
    });
  });
});

describe('a running job', () => {
  it('tells of each case how far it is', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 4);
    await storeProgress(ports, jobId, 1, 1);
    await storeResult(ports, jobId, caseIdOf(1));
    await storeProgress(ports, jobId, 2, 0.5);
    await storeProgress(ports, jobId, 3, 0.3);
    await storeResult(ports, jobId, caseIdOf(3), { error: 'ENGINE_FAILED' });

    const job = await readJob(ports, jobId, LINKS);

    expect(job.cases.map(({ state, percent }) => [state, percent])).toEqual([
      ['succeeded', 100],
      ['running', 49],
      ['failed', 100],
      ['waiting', 0],
    ]);
    expect(job).toMatchObject({
      state: 'RUNNING',
      stage: 'segment',
      counts: { total: 4, succeeded: 1, failed: 1 },
      ignored: [{ name: '__MACOSX', reason: 'not a case' }],
    });
    expect(job.percent).toBeGreaterThan(50);
    expect(job.percent).toBeLessThan(70);
  });

  it.each([
    ['by its machine', 'INTERRUPTED'],
    ['with the service', 'CANCELLED'],
  ] as const)('takes a case that was stopped %s for one that is still to be done', async (_, error) => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 1);
    await storeProgress(ports, jobId, 1, 0.5);
    await storeResult(ports, jobId, caseIdOf(1), { error });

    const job = await readJob(ports, jobId, LINKS);

    expect(job.cases).toMatchObject([{ state: 'running', error: null }]);
    expect(job.counts).toEqual({ total: 1, succeeded: 0, failed: 0 });
  });

  it('says why a case has no files: none such, not done, failed', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await storeResult(ports, jobId, caseIdOf(1), { error: 'ENGINE_FAILED' });

    const said = (caseId: string) => caseFileLink(ports, jobId, caseId, 'results.zip');

    await expect(said('c0001')).rejects.toMatchObject({
      code: 'RESULT_NOT_FOUND',
      message: `The case c0001 of the job ${jobId} has no result; it failed with ENGINE_FAILED: It failed.`,
      remedy: 'Look.',
    });
    await expect(said('c0002')).rejects.toThrow('has no result yet (waiting)');
    await expect(said('c0003')).rejects.toThrow('has no case "c0003"');
    await expect(said('../c0001')).rejects.toThrow('has no case "../c0001"');
  });

  it('tells its place in the queue until a case has begun', async () => {
    const asked: string[] = [];
    const fakes = serviceFakes();
    const queuePosition = async (prefix: string): Promise<number> => asked.push(prefix);
    const ports = { ...fakes, jobs: { ...fakes.jobs, queuePosition } };
    const jobId = await runningJob(ports, 1);

    expect((await readJob(ports, jobId, LINKS)).queuePosition).toBe(1);
    await storeProgress(ports, jobId, 1, 0.1);

    expect((await readJob(ports, jobId, LINKS)).queuePosition).toBeNull();
    expect(asked).toEqual([`hpb-${jobId}-a`]);
  });

  it('has the files of its finished cases, and no result yet', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await storeResult(ports, jobId, caseIdOf(1));

    expect((await caseFileLink(ports, jobId, 'c0001', 'meta.json')).url).toContain('meta.json');
    await expect(resultOf(ports, jobId)).rejects.toMatchObject({ code: 'JOB_NOT_FINISHED' });
    await expect(caseFileLink(ports, jobId, 'c0002', 'meta.json')).rejects.toMatchObject({
      code: 'RESULT_NOT_FOUND',
    });
  });

  it('of very many cases reads a bounded number of documents', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 400);
    for (let n = 1; n <= 400; n += 1) await storeProgress(ports, jobId, n, 0.5);
    let reads = 0;
    const get = ports.store.get.bind(ports.store);
    ports.store.get = async (key) => {
      reads += 1;
      return get(key);
    };

    const { cases } = await readJob(ports, jobId, LINKS);

    expect(cases).toHaveLength(400);
    expect(reads).toBeLessThan(350);
  });
});

describe('a job in its second attempt', () => {
  it('does not show what the first one left', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await storeProgress(ports, jobId, 1, 0.7);
    await storeProgress(ports, jobId, 2, 0.7);
    await storeResult(ports, jobId, caseIdOf(1));
    await failJob(ports, { jobId, attempt: 1, failure: { Error: 'States.Timeout' } });
    ports.time.now += 1_000;

    const { cases, attempts } = await retryJob(ports, jobId, LINKS);

    expect(cases.map(({ state }) => state)).toEqual(['succeeded', 'waiting']);
    expect(attempts.map(({ state, code }) => [state, code])).toEqual([
      ['FAILED', 'JOB_TIMEOUT'],
      [null, null],
    ]);
  });
});

describe('a finished job', () => {
  it('tells how each case ended and links to the result', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await storeResult(ports, jobId, caseIdOf(1));
    await publishResults(ports, { jobId, attempt: 1 });

    const job = await readJob(ports, jobId, LINKS);

    expect(job).toMatchObject({ state: 'PARTIAL', stage: 'done', percent: 100 });
    expect(job.cases.map(({ state }) => state)).toEqual(['succeeded', 'failed']);
    expect(job.links['result']).toBe(`http://service/jobs/${jobId}/result`);
  });

  it('has its cases with their files', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 1);
    await storeResult(ports, jobId, caseIdOf(1));
    await publishResults(ports, { jobId, attempt: 1 });

    const one = await readCase(ports, jobId, 'c0001', LINKS);

    expect(one).toMatchObject({ name: 'patient 1', state: 'succeeded', demo: true, seconds: 12 });
    expect(one.files.map(({ href }) => href)).toContain(
      `http://service/jobs/${jobId}/cases/c0001/files/liver.nii.gz`,
    );
    await expect(readCase(ports, jobId, 'c0002', LINKS)).rejects.toMatchObject({ code: 'RESULT_NOT_FOUND' });
    await expect(caseFileLink(ports, jobId, 'c0001', '../x')).rejects.toMatchObject({
      code: 'RESULT_NOT_FOUND',
    });
  });
});

describe('jobs', () => {
  it('are listed newest first, page by page', async () => {
    const ports = serviceFakes();
    const ids: JobId[] = [];
    for (let n = 0; n < 3; n += 1) {
      ports.time.now += 1_000;
      ids.push(await submittedJob(ports));
    }

    const first = await listJobs(ports, { limit: 2 }, LINKS);
    const second = await listJobs(ports, { limit: 2, after: first.next! }, LINKS);

    expect([...first.jobs, ...second.jobs].map(({ jobId }) => jobId)).toEqual(ids.reverse());
    expect(second.next).toBeNull();
  });

  it('that ended before they were published count their cases as each of them does', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 3);
    await storeProgress(ports, jobId, 1, 1);
    await storeResult(ports, jobId, caseIdOf(1));
    const { counts } = await cancelJob(ports, jobId, LINKS);

    const { jobs } = await listJobs(ports, { limit: 2 }, LINKS);

    expect(counts).toEqual({ total: 3, succeeded: 1, failed: 2 });
    expect(jobs.map((job) => job.counts)).toEqual([counts]);
    expect(ports.finished.map((job) => job.counts)).toEqual([counts]);
  });

  it('that ended before they were published are listed without a look at their cases, however many those are', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 300);
    for (let n = 1; n <= 300; n += 1) {
      await storeProgress(ports, jobId, n, 1);
      await storeResult(ports, jobId, caseIdOf(n), n > 290 ? { error: 'ENGINE_FAILED' } : {});
    }
    await cancelJob(ports, jobId, LINKS);
    const read: string[] = [];
    const get = ports.store.get.bind(ports.store);
    ports.store.get = async (key) => {
      read.push(key);
      return get(key);
    };

    const { jobs } = await listJobs(ports, { limit: 2 }, LINKS);

    expect(jobs[0]!.counts).toEqual({ total: 300, succeeded: 290, failed: 10 });
    expect(read).toEqual([]);
    expect((await readJob(ports, jobId, LINKS)).counts).toEqual(jobs[0]!.counts);
  });

  it('end, and are counted when they are read, when they could not be counted then', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await storeProgress(ports, jobId, 1, 1);
    await storeResult(ports, jobId, caseIdOf(1));
    const get = ports.store.get.bind(ports.store);
    ports.store.get = async () => {
      throw new HpbError('STORE_UNAVAILABLE', 'The store is away.', { remedy: 'Wait.' });
    };
    const ended = await failJob(ports, { jobId, attempt: 1, failure: { Error: 'X' } }).catch(() => null);
    ports.store.get = get;

    const { jobs } = await listJobs(ports, { limit: 2 }, LINKS);

    expect(ended).not.toBeNull();
    expect(jobs[0]).toMatchObject({ state: 'FAILED', counts: { total: 2, succeeded: 1, failed: 1 } });
  });

  it('are listed and announced when the cases of one of them can no longer be read', async () => {
    const ports = serviceFakes();
    const jobId = await runningJob(ports, 2);
    await ports.store.put(jobCasesKey(jobId), '{');
    await failJob(ports, { jobId, attempt: 1, failure: { Error: 'X' } });

    const { jobs } = await listJobs(ports, { limit: 2 }, LINKS);

    expect(jobs.map(({ state }) => state)).toEqual(['FAILED']);
    expect(ports.finished).toHaveLength(1);
  });

  it.each(['j-nothing-here', '../../etc/passwd', ''])('of the id "%s" are not found', async (jobId) => {
    await expect(readJob(serviceFakes(), jobId, LINKS)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  });
});
