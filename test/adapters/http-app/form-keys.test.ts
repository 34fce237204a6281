import { describe, expect, it } from 'vitest';
import { readRequest } from '../../../core/use-cases/job-request.ts';
import { ends, formOf, onlyJob, post } from './form-home.ts';
import { answerOf, httpHome, type ProblemSeen, type TestHome } from './http-home.ts';

describe('a form with an Idempotency-Key', () => {
  const keyed = { headers: { 'idempotency-key': 'run-7' } };
  const both = (home: TestHome, fields = {}, options: Parameters<typeof post>[3] = keyed) =>
    post(home, '/segment/both', formOf(fields), options);
  const inputs = (home: TestHome): readonly string[] =>
    home.ports.store.keys('uploads/').filter((key) => key.endsWith('/input'));

  it('is answered with the result of the same job when it comes again, and its bytes are kept once', async () => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');

    const answers = [await both(home), await both(home)];

    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual([
      'zip of the case',
      'zip of the case',
    ]);
    expect(new Set(answers.map(({ headers }) => headers.get('x-job-id'))).size).toBe(1);
    expect(home.ports.executions.started).toHaveLength(1);
    expect(inputs(home)).toHaveLength(1);
  });

  it.each([
    ['another option', () => formOf({ tta: '1' })],
    ['another name', () => formOf({}, 'ct', 'Roe_0000.nii.gz')],
    [
      'another CT',
      () => {
        const form = formOf({});
        form.set('ct', new File(['other voxels'], 'Doe_0000.nii.gz'));
        return form;
      },
    ],
  ])('is refused with %s, and those bytes are not kept', async (_, other) => {
    const home = httpHome();
    ends(home, 'SUCCEEDED');
    await both(home);

    const answer = await post(home, '/segment/both', other(), keyed);

    expect(answer.status).toBe(409);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(inputs(home)).toHaveLength(1);
  });

  it('goes on when the caller leaves, who gets its result when he comes back', async () => {
    const home = httpHome();
    const leaving = new AbortController();
    const waiting = both(home, {}, { ...keyed, signal: leaving.signal });
    await expect.poll(() => home.ports.executions.started.length, { timeout: 10_000 }).toBe(1);
    leaving.abort();
    await waiting;
    const jobId = await onlyJob(home);
    expect((await home.ports.index.get(jobId))?.state).toBe('QUEUED');

    ends(home, 'SUCCEEDED');
    const answer = await both(home);

    expect(answer.headers.get('x-job-id')).toBe(jobId);
    expect(await answer.text()).toBe('zip of the case');
  });

  it('keeps the bytes that a submission which died has promised to its job', async () => {
    const home = httpHome();
    const { store } = home.ports;
    const put = store.put.bind(store);
    store.put = async (key, body, condition) => {
      if (/^uploads\/.*\/jobs\//.test(key)) throw new Error('killed');
      return put(key, body, condition);
    };
    expect((await both(home)).status).toBe(500);
    store.put = put;
    ends(home, 'SUCCEEDED');

    const answer = await both(home);

    expect(answer.status).toBe(200);
    const { inputKey } = await readRequest(store, await onlyJob(home));
    expect(inputs(home)).toEqual([inputKey]);
  });

  it('that is no key is refused before anything is read', async () => {
    const home = httpHome();

    const answer = await both(home, {}, { headers: { 'idempotency-key': 'a b' } });

    expect(answer.status).toBe(422);
    expect((await answerOf<ProblemSeen>(answer)).detail).toContain('"idempotency-key"');
    expect(home.ports.store.keys()).toEqual([]);
  });
});
