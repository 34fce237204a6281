import { describe, expect, it } from 'vitest';
import { answerOf, httpHome, type ProblemSeen } from './http-home.ts';

interface JobSeen {
  readonly jobId: string;
  readonly state: string;
  readonly attempt: number;
  readonly links: Readonly<Record<string, string>>;
}
interface Page {
  readonly jobs: readonly JobSeen[];
  readonly next: string | null;
}

const FAILED = {
  code: 'ENGINE_FAILED',
  message: 'The engine failed.',
  remedy: 'Report it.',
  blame: 'system',
  retryable: false,
  details: {},
} as const;

describe('the list of jobs', () => {
  it('shows the newest first, page by page', async () => {
    const { call, submit, ports } = httpHome();
    const made: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      ports.time.now += 1_000;
      made.push(await submit('liver'));
    }

    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
      const page: Page = await answerOf<Page>(await call(`GET /jobs?limit=2${after}`));
      expect(page.jobs.length).toBeLessThanOrEqual(2);
      seen.push(...page.jobs.map(({ jobId }) => jobId));
      next = page.next;
    }

    expect(seen).toEqual(made.toReversed());
  });

  it('can be narrowed to one state', async () => {
    const { call, submit, happen } = httpHome();
    const [first] = [await submit(), await submit()];
    await happen(first, { event: 'fail', error: FAILED });

    const { jobs } = await answerOf<Page>(await call('GET /jobs?state=FAILED'));

    expect(jobs.map(({ jobId, state }) => [jobId, state])).toEqual([[first, 'FAILED']]);
  });

  it.each(['state=DONE', 'limit=0', 'limit=1000', 'limit=x', 'sort=asc', `after=${'x'.repeat(201)}`])(
    'refuses ?%s',
    async (query) => {
      const answer = await httpHome().call(`GET /jobs?${query}`);

      expect(answer.status).toBe(422);
      expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'REQUEST_INVALID' });
    },
  );
});

describe('a job', () => {
  it('is read with its links', async () => {
    const { call, submit } = httpHome();
    const jobId = await submit();

    const job = await answerOf<JobSeen>(await call(`GET /jobs/${jobId}`));

    expect(job).toMatchObject({ jobId, state: 'QUEUED', attempt: 1 });
    expect(Object.values(job.links).every((link) => link.startsWith('http://hpb.test/'))).toBe(true);
  });

  it('is cancelled, once and again', async () => {
    const { call, submit, ports } = httpHome();
    const jobId = await submit();

    const first = await call(`DELETE /jobs/${jobId}`);
    const second = await call(`DELETE /jobs/${jobId}`);

    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await answerOf<JobSeen>(second)).state).toBe('CANCELLED');
    expect(ports.executions.stopped).toContain(`${jobId}-a1`);
  });

  it('that has ended is not cancelled', async () => {
    const { call, submit, happen } = httpHome();
    const jobId = await submit();
    await happen(jobId, { event: 'fail', error: FAILED });

    const answer = await call(`DELETE /jobs/${jobId}`);

    expect(answer.status).toBe(409);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'JOB_FINISHED' });
  });

  it('is purged with a receipt, and is gone then', async () => {
    const { call, submit, ports } = httpHome();
    const jobId = await submit();

    const answer = await call(`DELETE /jobs/${jobId}?purge=true`);

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ jobId, objects: expect.any(Number) });
    expect(await ports.store.list('')).toEqual([]);
    expect((await call(`GET /jobs/${jobId}`)).status).toBe(404);
  });

  it('is not touched by a purge that is misspelt', async () => {
    const { call, submit } = httpHome();
    const jobId = await submit();

    const answers = [
      await call(`DELETE /jobs/${jobId}?purge=yes`),
      await call(`DELETE /jobs/${jobId}?prune=true`),
    ];

    expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    expect(await answerOf<JobSeen>(await call(`GET /jobs/${jobId}`))).toMatchObject({ state: 'QUEUED' });
  });

  it('is retried once it has ended, as its next attempt', async () => {
    const { call, submit, happen, ports } = httpHome();
    const jobId = await submit();

    const early = await call(`POST /jobs/${jobId}/retry`);
    await happen(jobId, { event: 'fail', error: FAILED });
    const retried = await call(`POST /jobs/${jobId}/retry`);

    expect(early.status).toBe(409);
    expect(await answerOf<ProblemSeen>(early)).toMatchObject({ code: 'JOB_NOT_FINISHED' });
    expect(retried.status).toBe(202);
    expect(await answerOf<JobSeen>(retried)).toMatchObject({ attempt: 2, state: 'QUEUED' });
    expect(ports.executions.started.map(({ name }) => name)).toEqual([`${jobId}-a1`, `${jobId}-a2`]);
  });

  it('shows the last lines of its log as text', async () => {
    const { call, submit, ports } = httpHome();
    const jobId = await submit();
    const asked: unknown[] = [];
    Object.assign(ports.jobs, {
      logTail: async (prefix: string, lines: number) => {
        asked.push([prefix, lines]);
        return ['{"event":"case:start"}', '{"event":"case:failed"}'];
      },
    });

    const answer = await call(`GET /jobs/${jobId}/logs?lines=2`);

    expect(await answer.text()).toBe('{"event":"case:start"}\n{"event":"case:failed"}\n');
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(asked).toEqual([[`hpb-${jobId}-a`, 2]]);
    expect((await call(`GET /jobs/${jobId}/logs?lines=0`)).status).toBe(422);
  });
});

describe('a job id that names no job', () => {
  const calls = [
    'GET /jobs/ID',
    'DELETE /jobs/ID',
    'DELETE /jobs/ID?purge=true',
    'POST /jobs/ID/retry',
    'GET /jobs/ID/result',
    'GET /jobs/ID/logs',
    'GET /jobs/ID/events',
    'GET /jobs/ID/cases/c0001',
    'GET /jobs/ID/cases/c0001/files/results.zip',
  ];
  const ids = [
    'j-unknown1',
    'J-UPPER',
    '..%2f..%2fetc',
    '%2e%2e',
    'a.b',
    'j-%00',
    'j-ü',
    'x'.repeat(300),
    '%',
  ];

  it.each(calls)('is a 404 for %s, whatever it looks like', async (pattern) => {
    const { call } = httpHome();

    for (const id of ids) {
      const answer = await call(pattern.replace('ID', id));
      const problem = await answerOf<ProblemSeen>(answer);

      expect([id, answer.status], problem.detail).toEqual([id, 404]);
      expect(problem.code).toMatch(/^(JOB|ROUTE)_NOT_FOUND$/);
    }
  });
});
