import { describe, expect, it } from 'vitest';
import { executionName, type JobId } from '../../../core/layout.ts';
import { answerOf, httpHome, type ProblemSeen } from './http-home.ts';

describe('POST /segment/{target}', () => {
  it('answers 202 with the job and where it is, and starts one execution', async () => {
    const { call, upload, ports } = httpHome();

    const answer = await call('POST /segment/both', { uploadId: await upload(), folds: [1, 0], tta: true });
    const job = await answerOf<{ jobId: JobId; state: string; links: Record<string, string> }>(answer);

    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`http://hpb.test/jobs/${job.jobId}`);
    expect(job).toMatchObject({ state: 'QUEUED', models: ['liver', 'task008'], options: { folds: [0, 1] } });
    expect(job.links['events']).toContain(`/jobs/${job.jobId}/events`);
    expect(ports.executions.started.map(({ name }) => name)).toEqual([executionName(job.jobId, 1)]);
  });

  it('is the same job again for the same Idempotency-Key and body, and 409 for another body', async () => {
    const { call, upload, ports } = httpHome();
    const body = { uploadId: await upload() };
    const key = { 'idempotency-key': 'run-2026/7' };

    const first = await answerOf<{ jobId: string }>(await call('POST /segment/liver', body, key));
    const second = await call('POST /segment/liver', body, key);
    const other = await call('POST /segment/liver', { ...body, fast: false }, key);

    expect(second.status).toBe(200);
    expect((await answerOf<{ jobId: string }>(second)).jobId).toBe(first.jobId);
    expect(other.status).toBe(409);
    expect(await answerOf<ProblemSeen>(other)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(ports.executions.started).toHaveLength(1);
  });

  it.each(['', 'a b', 'x'.repeat(256)])('refuses the Idempotency-Key %j', async (key) => {
    const { call, upload } = httpHome();

    const answer = await call(
      'POST /segment/liver',
      { uploadId: await upload() },
      { 'idempotency-key': key },
    );

    expect(answer.status).toBe(422);
  });

  it.each([
    ['kidney', {}, 422, 'UNKNOWN_MODEL'],
    ['both', { model: 'liver' }, 422, 'BAD_OPTION'],
    ['both', { folds: [7] }, 422, 'REQUEST_INVALID'],
    ['both', { folds: '0 -o /' }, 422, 'REQUEST_INVALID'],
    ['both', { fast: 'yes' }, 422, 'REQUEST_INVALID'],
    ['both', { web: 1 }, 422, 'REQUEST_INVALID'],
    ['both', { uploadId: '../../etc' }, 422, 'REQUEST_INVALID'],
    ['both', { uploadId: 'u-unknown12' }, 404, 'UPLOAD_NOT_FOUND'],
  ])('refuses %s with %j', async (target, change, status, code) => {
    const { call, upload, ports } = httpHome();

    const answer = await call(`POST /segment/${target}`, { uploadId: await upload(), ...change });

    expect(answer.status).toBe(status);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code });
    expect(ports.executions.started).toEqual([]);
  });

  it('refuses an upload whose bytes are not all there', async () => {
    const { call } = httpHome();
    const opened = await call('POST /uploads', { fileName: 'a.nii', sizeBytes: 5 });
    const { uploadId } = await answerOf<{ uploadId: string }>(opened);

    const answer = await call('POST /segment/both', { uploadId });

    expect(answer.status).toBe(409);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'UPLOAD_INCOMPLETE' });
  });

  it('answers 429 with Retry-After when too many jobs are active', async () => {
    const { submit, call, upload } = httpHome({ limits: { maxActiveJobs: 1 } });
    await submit();

    const answer = await call('POST /segment/both', { uploadId: await upload() });

    expect(answer.status).toBe(429);
    expect(answer.headers.get('retry-after')).toBe('30');
  });

  it('serves 200 callers at once', async () => {
    const { submit } = httpHome();

    const jobs = await Promise.all(Array.from({ length: 200 }, () => submit('liver')));

    expect(new Set(jobs).size).toBe(200);
  });
});
