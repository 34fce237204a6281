import { describe, expect, it } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { answerOf, httpHome, type ProblemSeen } from './http-home.ts';

describe('every answer', () => {
  it('carries a request id of its own', async () => {
    const { call } = httpHome();

    const ids = await Promise.all(
      ['GET /healthz', 'GET /nowhere', 'PUT /jobs'].map(async (request) =>
        (await call(request)).headers.get('x-request-id'),
      ),
    );

    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('keeps the request id of the caller when it is harmless', async () => {
    const { call } = httpHome();

    const kept = await call('GET /jobs/j-unknown1', undefined, { 'x-request-id': 'trace-7.A_b' });
    const problem = await answerOf<ProblemSeen>(kept);

    expect(kept.headers.get('x-request-id')).toBe('trace-7.A_b');
    expect(problem.requestId).toBe('trace-7.A_b');
  });

  it.each(['a b', 'x'.repeat(65), '{"a":1}', 'ü'])('replaces the request id %j', async (given) => {
    const { call } = httpHome();

    const answer = await call('GET /healthz', undefined, { 'x-request-id': given });

    expect(answer.headers.get('x-request-id')).not.toBe(given);
  });

  it('tells browsers to guess, store and embed nothing', async () => {
    const { call } = httpHome();

    for (const path of ['/healthz', '/docs', '/nowhere', '/openapi.json']) {
      const { headers } = await call(`GET ${path}`);

      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('leaves one line in the log, without paths, queries and names', async () => {
    const { call, ports } = httpHome();

    await call('GET /jobs/j-secretsecret/cases/c0001/files/Doe.nii.gz?token=secret');
    await call('GET /secret');

    const lines = ports.log.lines.filter(({ event }) => event === 'http:answered');
    expect(lines.map(({ fields }) => fields['route'])).toEqual([
      '/jobs/:jobId/cases/:caseId/files/:name{.+}',
      '/*',
    ]);
    expect(lines[0]?.fields).toMatchObject({ method: 'GET', status: 404 });
    expect(JSON.stringify(ports.log.lines)).not.toMatch(/secret|Doe/);
  });
});

describe('a path or method that is not there', () => {
  it.each(['GET /', 'GET /jobs/', 'GET /uploads/x', 'GET /objects/a', 'GET //jobs'])(
    'answers %s with ROUTE_NOT_FOUND',
    async (request) => {
      const answer = await httpHome().call(request);

      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'ROUTE_NOT_FOUND', status: 404 });
    },
  );

  it.each([
    ['PUT /jobs', 'GET'],
    ['POST /jobs/j-00000001', 'GET, DELETE'],
    ['DELETE /uploads', 'POST'],
    ['GET /segment/both', 'POST'],
    ['OPTIONS /uploads/u-00000001/parts', 'GET, POST'],
    ['POST /healthz', 'GET'],
  ])('answers %s with 405 and says that %s works', async (request, allowed) => {
    const answer = await httpHome().call(request);

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe(allowed);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
  });
});

describe('the host check', () => {
  const allowedHosts = (host: string): boolean => host === '127.0.0.1:8080';
  const get = (headers: Record<string, string>) =>
    httpHome({ deployment: { allowedHosts } }).call('GET /jobs', undefined, headers);

  it('serves the hosts that name this server', async () => {
    expect((await get({ host: '127.0.0.1:8080' })).status).toBe(200);
    expect((await get({ host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' })).status).toBe(200);
  });

  it.each([
    { host: 'evil.example' },
    { host: '' },
    { host: '127.0.0.1:8080', origin: 'https://evil.example' },
    { host: '127.0.0.1:8080', origin: 'null' },
  ])('refuses %j', async (headers) => {
    const answer = await get(headers);

    expect(answer.status).toBe(403);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({ code: 'HOST_REFUSED' });
    expect(answer.headers.get('x-request-id')).not.toBeNull();
  });
});

describe('an error', () => {
  it('that nobody foresaw goes out without its message and without a stack', async () => {
    const { call, ports } = httpHome();
    ports.index.list = async () => {
      throw new TypeError('cannot read /home/jane/Doe.nii.gz?signature=abc');
    };

    const answer = await call('GET /jobs');
    const text = await answer.text();

    expect(answer.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'UNEXPECTED' });
    expect(text).not.toMatch(/Doe|signature|at .*\.ts/);
    const failure = ports.log.lines.find(({ event }) => event === 'http:failed');
    expect(failure?.fields).toMatchObject({ code: 'UNEXPECTED', error: 'TypeError' });
    expect(JSON.stringify(failure)).not.toMatch(/Doe|signature/);
  });

  it.each([
    ['STORE_UNAVAILABLE', 503],
    ['TOO_MANY_JOBS', 429],
  ] as const)('%s says when to try again', async (code, status) => {
    const { call, ports } = httpHome();
    ports.index.list = async () => {
      throw new HpbError(code, 'Not now.', { remedy: 'Wait.', details: { active: 3 } });
    };

    const answer = await call('GET /jobs');

    expect(answer.status).toBe(status);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answerOf<ProblemSeen>(answer)).toMatchObject({
      code,
      detail: 'Not now.',
      remedy: 'Wait.',
      details: { active: 3 },
      retryable: true,
    });
  });
});

describe('the signed links of the laptop', () => {
  it('are served below /objects/, and nowhere without a server for them', async () => {
    const handle = async (request: Request) =>
      new Response(`${request.method} ${new URL(request.url).pathname}`, {
        headers: { 'cache-control': 'private' },
      });
    const { call } = httpHome({ deployment: { objects: { handle } } });

    const answer = await call('PUT /objects/uploads/u-1/input?signature=x', 'bytes', {
      'content-type': 'application/octet-stream',
    });

    expect(await answer.text()).toBe('PUT /objects/uploads/u-1/input');
    expect(answer.headers.get('cache-control')).toBe('private');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('are told the id of the request', async () => {
    const handle = async (_: Request, requestId: string) => new Response(requestId);
    const { call } = httpHome({ deployment: { objects: { handle } } });

    const answer = await call('GET /objects/uploads/u-1/input', undefined, { 'x-request-id': 'mine' });

    expect(await answer.text()).toBe('mine');
  });
});

describe('health', () => {
  it('is told as plain text', async () => {
    const answer = await httpHome().call('GET /healthz');

    expect(await answer.text()).toBe('ok');
    expect(answer.headers.get('content-type')).toContain('text/plain');
  });

  it('is 503 with the reasons while the service is not ready', async () => {
    const down = { ready: false, checks: { weights: false }, errors: ['No weights: run hpb models pull.'] };
    const { call } = httpHome({ deployment: { readiness: async () => down } });

    const answer = await call('GET /readinessz');

    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual(down);
    expect((await httpHome().call('GET /readinessz')).status).toBe(200);
  });

  it('comes with the versions', async () => {
    const answer = await httpHome().call('GET /version');

    expect(await answer.json()).toMatchObject({ service: '1.2.3' });
  });

  it('says of which fields of a request it has a use', async () => {
    const offers = async ({ call }: ReturnType<typeof httpHome>): Promise<unknown> =>
      ((await (await call('GET /version')).json()) as { offers: unknown }).offers;
    const deployed = httpHome({ deployment: { paidMachines: true } });
    Object.assign(deployed.ports, { hasViewer: true });

    expect(await offers(httpHome())).toEqual([]);
    expect(await offers(deployed)).toEqual(['maxCostUsd', 'publish']);
  });
});
