import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { goodCt, RunningService } from '../../fixtures/running-service.ts';

const PUBLIC = 'https://hpb.example.org';
const folder = mkdtempSync(join(tmpdir(), 'hpb-public-'));
const service = new RunningService('ok', folder, { HPB_PUBLIC_URL: `${PUBLIC}/` });
afterAll(async () => {
  await service.stop('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A request as the proxy hands it on: to this machine, with the host that the caller asked for. */
async function asked(host: string, path: string, { method = 'GET', headers = {}, body = '' }: Sent = {}) {
  const { hostname, port } = new URL(await service.url());
  return new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers: { ...headers, host } }, (answer) => {
      Array.fromAsync<Buffer>(answer).then(
        (chunks) => resolve({ status: answer.statusCode!, text: Buffer.concat(chunks).toString() }),
        reject,
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const opening = (sizeBytes: number): Sent => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ fileName: 'ct.nii.gz', sizeBytes }),
});

/** The signed request that an opened upload names. */
function putOf(text: string): { readonly url: string; readonly headers: Readonly<Record<string, string>> } {
  return (JSON.parse(text) as { put: { url: string; headers: Record<string, string> } }).put;
}

describe('a service that a proxy offers under a public address', () => {
  it('gives links that lead through the proxy to those who came through it', async () => {
    const ct = await goodCt(1);
    const opened = await asked('hpb.example.org', '/uploads', opening(ct.length));
    const { url, headers } = putOf(opened.text);

    expect(url.startsWith(`${PUBLIC}/objects/`)).toBe(true);
    const { pathname, search } = new URL(url);
    const put = { method: 'PUT', headers: { ...headers, origin: PUBLIC }, body: ct };
    expect((await asked('hpb.example.org', pathname + search, put)).status).toBe(200);
  });

  it('gives callers on the machine links that stay on it', async () => {
    const { host, origin } = new URL(await service.url());

    const opened = await asked(host, '/uploads', opening(10));

    expect(putOf(opened.text).url.startsWith(`${origin}/objects/`)).toBe(true);
  });

  it('shows its page there', async () => {
    expect((await asked('hpb.example.org', '/')).text).toContain('<title>');
  });

  it.each([
    ['evil.example.org', {}],
    ['hpb.example.org', { origin: 'https://evil.example.org' }],
    ['hpb.example.org', { origin: 'http://127.0.0.1:8080' }],
  ])('still refuses the host %s with %j', async (host, headers) => {
    const { status, text } = await asked(host, '/jobs', { headers });

    expect([status, (JSON.parse(text) as { code: string }).code]).toEqual([403, 'HOST_REFUSED']);
  });
});
