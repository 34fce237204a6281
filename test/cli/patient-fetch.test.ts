import { describe, expect, it } from 'vitest';
import { patientFetch, type PatienceOptions } from '../../cli/api/patient-fetch.ts';

const ENDPOINT = 'http://127.0.0.1:8080';

/** A patient fetch over answers given in turn; the last one is given again and again. */
function over(answers: readonly (Response | Error)[], options: Partial<PatienceOptions> = {}) {
  const asked: Request[] = [];
  const pauses: number[] = [];
  const fetch = patientFetch({
    endpoint: ENDPOINT,
    pauseMs: 1,
    patienceMs: 10_000,
    onPause: ({ ms }) => void pauses.push(ms),
    fetch: async (request) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]!;
      asked.push(request);
      if (answer instanceof Error) throw answer;
      return answer.clone();
    },
    ...options,
  });
  const ask = (path = '/jobs', method = 'GET', body?: string): Promise<Response> =>
    fetch(new Request(`${ENDPOINT}${path}`, { method, ...(body !== undefined && { body }) }));
  return { ask, asked, pauses };
}

const status = (code: number, headers: Record<string, string> = {}): Response =>
  new Response(null, { status: code, headers });
/** An answer whose connection is lost after its first bytes. */
const cutOff = (): Response => {
  const chunks = [Buffer.from('{"jobs":')];
  const pull = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
    const chunk = chunks.shift();
    if (chunk === undefined) stream.error(new TypeError('terminated'));
    else stream.enqueue(chunk);
  };
  return new Response(new ReadableStream({ pull }), { headers: { 'content-type': 'application/json' } });
};
const refused = new TypeError('fetch failed', {
  cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }),
});

describe('a call of the API', () => {
  it('waits as long as Retry-After asks', async () => {
    const { ask, pauses } = over([status(429, { 'retry-after': '0' }), status(503), status(200)]);

    expect((await ask()).status).toBe(200);
    expect(pauses).toEqual([0, 2]);
  });

  it('sends its body again', async () => {
    const { ask, asked } = over([status(502), status(200)]);

    await ask('/segment/both', 'POST', '{"uploadId":"u"}');

    expect(await Promise.all(asked.map((request) => request.text()))).toEqual([
      '{"uploadId":"u"}',
      '{"uploadId":"u"}',
    ]);
  });

  it('is made again when its answer breaks off, as it does when the service is killed', async () => {
    const { ask, asked } = over([status(200), cutOff(), Response.json({ jobs: [] })]);
    await ask();

    expect(await (await ask()).json()).toEqual({ jobs: [] });
    expect(asked).toHaveLength(3);
  });

  it('has a service that breaks off its first answer told as one that answers nothing', async () => {
    const { ask } = over([cutOff()], { patienceMs: 0 });

    await expect(ask()).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
  });

  it.each([204, 302])('keeps an answer without a body: HTTP %i', async (code) => {
    const { ask } = over([status(code, { location: 'https://elsewhere' })]);

    const answer = await ask();

    expect([answer.status, answer.headers.get('location')]).toEqual([code, 'https://elsewhere']);
  });

  it('gives the refusal back when it asks for more patience than there is', async () => {
    const { ask, asked } = over([status(429, { 'retry-after': '3600' })]);

    expect((await ask()).status).toBe(429);
    expect(asked).toHaveLength(1);
  });

  it('repeats an unforeseen error three times only', async () => {
    const { ask, asked } = over([status(500)]);

    expect((await ask()).status).toBe(500);
    expect(asked).toHaveLength(4);
  });

  it.each([400, 404, 409, 422, 507])('takes %i for an answer', async (code) => {
    const { ask, asked } = over([status(code)]);

    expect((await ask()).status).toBe(code);
    expect(asked).toHaveLength(1);
  });

  it('outlives a service that goes away and comes back', async () => {
    const { ask, asked } = over([status(200), refused, refused, status(200)]);
    await ask();

    expect((await ask()).status).toBe(200);
    expect(asked).toHaveLength(4);
  });

  it('waits for a service that is gone once, not for each call anew', async () => {
    const { ask, asked } = over([status(200), refused], { patienceMs: 20 });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    const before = asked.length;

    await expect(ask()).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });

    expect(asked.length).toBe(before + 1);
  });

  it('is patient again with a service that is back', async () => {
    const { ask } = over([
      status(503, { 'retry-after': '3600' }),
      status(503),
      status(200),
      status(503),
      status(200),
    ]);
    const seen: number[] = [];

    for (let call = 0; call < 4; call += 1) seen.push((await ask()).status);

    expect(seen).toEqual([503, 503, 200, 200]);
  });

  it('gives up at once when the service has never answered', async () => {
    const { ask, asked } = over([refused]);

    await expect(ask()).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: `Nothing answers at ${ENDPOINT} (ECONNREFUSED).`,
      remedy: expect.stringContaining('npm start'),
    });
    expect(asked).toHaveLength(1);
  });

  it('never begins a second attempt of a job because the answer to the first was lost', async () => {
    const { ask, asked } = over([status(200), refused]);
    await ask();

    await expect(ask('/jobs/j-1/retry', 'POST')).rejects.toMatchObject({ code: 'SERVICE_UNREACHABLE' });
    expect(asked).toHaveLength(2);
  });

  it('ends its pause when interrupted', async () => {
    const stop = new AbortController();
    const onPause = (): void => stop.abort();
    const { ask } = over([status(503, { 'retry-after': '9' })], { signal: stop.signal, onPause });

    await expect(ask()).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
