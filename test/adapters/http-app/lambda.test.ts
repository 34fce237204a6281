import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { describe, expect, it } from 'vitest';
import { httpHome } from './http-home.ts';

interface LambdaCall {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string>>;
}

/** An event of a REST API (payload 1.0), as API Gateway sends it to a `{proxy+}` function. */
function restEvent({ method, path, body, query }: LambdaCall): LambdaEvent {
  const headers = { Host: 'api.example', 'Content-Type': 'application/json', Accept: 'application/json' };
  return {
    version: '1.0',
    resource: '/{proxy+}',
    path,
    httpMethod: method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
    queryStringParameters: query ?? {},
    multiValueQueryStringParameters: Object.fromEntries(
      Object.entries(query ?? {}).map(([name, value]) => [name, [value]]),
    ),
    pathParameters: { proxy: path.slice(1) },
    stageVariables: {},
    body: body === undefined ? null : JSON.stringify(body),
    isBase64Encoded: false,
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3',
      stage: 'v1',
      httpMethod: method,
      path: `/v1${path}`,
      protocol: 'HTTP/1.1',
      requestId: 'rest-1',
      resourcePath: '/{proxy+}',
      identity: { sourceIp: '192.0.2.1', userAgent: 'test' },
    },
  } as unknown as LambdaEvent;
}

/** An event of an HTTP API (payload 2.0); its body comes in base64. */
function httpEvent({ method, path, body, query }: LambdaCall): LambdaEvent {
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: new URLSearchParams(query ?? {}).toString(),
    headers: { host: 'api.example', 'content-type': 'application/json', accept: 'application/json' },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    body: body === undefined ? null : Buffer.from(JSON.stringify(body)).toString('base64'),
    isBase64Encoded: body !== undefined,
    requestContext: {
      accountId: '000000000000',
      apiId: 'a1b2c3',
      domainName: 'api.example',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
      requestId: 'http-1',
      routeKey: '$default',
      stage: '$default',
      time: '24/Nov/2026:18:00:00 +0000',
      timeEpoch: 1_795_543_200_000,
    },
  } as unknown as LambdaEvent;
}

describe.each([
  ['REST, payload 1.0', restEvent],
  ['HTTP, payload 2.0', httpEvent],
] as const)('the same app as a Lambda behind an API of %s', (_kind, eventOf) => {
  const lambda = () => {
    const home = httpHome({ deployment: { loadForms: null, serverSentEvents: false } });
    const handler = handle(home.app);
    const invoke = async (call: LambdaCall) => {
      const { statusCode, body, ...rest } = await handler(eventOf(call));
      const headers = new Headers(rest.headers as Record<string, string>);
      for (const [name, values] of Object.entries<readonly string[]>(rest.multiValueHeaders ?? {}))
        headers.set(name, values.join(', '));
      const json = JSON.parse(body) as Record<string, unknown>;
      return { status: statusCode, headers, json };
    };
    return { ...home, invoke };
  };

  it('takes a JSON body, starts a job and answers with its place', async () => {
    const { invoke, upload, ports } = lambda();

    const answer = await invoke({
      method: 'POST',
      path: '/segment/liver',
      body: { uploadId: await upload() },
    });

    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`http://hpb.test/jobs/${String(answer.json['jobId'])}`);
    expect(ports.executions.started).toHaveLength(1);
  });

  it('reads query parameters', async () => {
    const { invoke, submit } = lambda();
    await submit();
    await submit();

    const queued = await invoke({ method: 'GET', path: '/jobs', query: { state: 'QUEUED', limit: '1' } });
    const failed = await invoke({ method: 'GET', path: '/jobs', query: { state: 'FAILED' } });

    expect(queued.json['jobs']).toHaveLength(1);
    expect(queued.json['next']).toEqual(expect.any(String));
    expect(failed.json['jobs']).toEqual([]);
  });

  it('answers errors as problem documents', async () => {
    const { invoke } = lambda();

    const answer = await invoke({ method: 'POST', path: '/uploads', body: { fileName: 1 } });

    expect(answer.status).toBe(422);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ code: 'REQUEST_INVALID' });
    expect(answer.headers.get('x-request-id')).toBe(answer.json['requestId']);
  });
});
