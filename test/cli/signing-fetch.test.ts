import { createHash, createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHpbClient } from '../../cli/api/client.ts';
import { signingFetch } from '../../cli/api/signing-fetch.ts';

const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A server that notes what it gets and answers an empty list of jobs. */
async function receiver(): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '' } = request;
      const headers = request.headers as Record<string, string>;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
      response.setHeader('content-type', 'application/json');
      response.end('{"jobs":[],"next":null}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The Authorization header that AWS's documentation of Signature Version 4 asks for, computed without the SDK. */
function expectedAuthorization({ method, url, headers, body }: Received, region: string): string {
  const { pathname, searchParams } = new URL(url, 'http://x');
  const signedHeaders = /SignedHeaders=([^,]+)/.exec(headers['authorization']!)![1]!;
  const path = pathname.split('/').map(encoded).join('/');
  const query = [...searchParams]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const named = signedHeaders.split(';').map((name) => `${name}:${headers[name]!.trim()}\n`);
  const canonical = [method, path, query, named.join(''), signedHeaders, sha256(body)].join('\n');
  const date = headers['x-amz-date']!;
  const scope = `${date.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const signingKey = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${KEY.secretAccessKey}`);
  const signature = hmac(
    signingKey,
    ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n'),
  ).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${KEY.accessKeyId}/${scope}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
}

describe('a signed call', () => {
  it('carries the signature that AWS computes, over path, query and body', async () => {
    const { url, received } = await receiver();
    const fetch = signingFetch({ region: 'eu-central-1', credentials: KEY });
    const client = createHpbClient({ endpoint: `${url}/prod`, fetch });

    await client.GET('/jobs', { params: { query: { state: 'FAILED', limit: 5, after: 'a b/c=é*' } } });
    await client.POST('/segment/{target}', {
      params: { path: { target: 'both' }, header: { 'idempotency-key': 'k' } },
      body: { uploadId: 'u-0123456789ab', folds: [0, 1] },
    });

    expect(received.map((one) => one.headers['authorization'])).toEqual(
      received.map((one) => expectedAuthorization(one, 'eu-central-1')),
    );
    expect(received.map((one) => one.body)).toEqual(['', '{"uploadId":"u-0123456789ab","folds":[0,1]}']);
    expect(received[0]!.url).toBe('/prod/jobs?state=FAILED&limit=5&after=a%20b%2Fc%3D%C3%A9*');
    expect(received[1]!.headers).toMatchObject({
      'idempotency-key': 'k',
      'content-type': 'application/json',
    });
  });

  it('carries the token of temporary credentials, signed', async () => {
    const { url, received } = await receiver();
    const credentials = { ...KEY, sessionToken: 'session' };
    const fetch = signingFetch({ region: 'us-east-1', credentials });

    await createHpbClient({ endpoint: url, fetch }).GET('/jobs');

    expect(received[0]!.headers['x-amz-security-token']).toBe('session');
    expect(received[0]!.headers['authorization']).toContain('x-amz-security-token');
    expect(received[0]!.headers['authorization']).toBe(expectedAuthorization(received[0]!, 'us-east-1'));
  });

  it('without credentials says how to get some, and sends nothing', async () => {
    const { url, received } = await receiver();
    const credentials = async (): Promise<never> => {
      throw new Error('Could not load credentials from any providers');
    };
    const fetch = signingFetch({ region: 'us-east-1', credentials });

    const call = createHpbClient({ endpoint: url, fetch }).GET('/jobs');

    await expect(call).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      remedy: expect.stringContaining('aws sso login'),
    });
    expect(received).toEqual([]);
  });
});
