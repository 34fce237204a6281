import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createHpbClient } from '../../cli/api/client.ts';
import { patientFetch } from '../../cli/api/patient-fetch.ts';
import { connectService, type Service } from '../../cli/api/service.ts';
import { uploadFile, type UploadRequest } from '../../cli/transfer/upload-file.ts';
import { uploadInputKey, type UploadId } from '../../core/layout.ts';
import { serviceServer, type ServiceServer } from '../fixtures/service-server.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const KIB = 1024;

function connected({ url }: ServiceServer): Service {
  const fetch = patientFetch({ endpoint: url, pauseMs: 20, patienceMs: 20_000 });
  return connectService(createHpbClient({ endpoint: url, fetch }), url);
}

/** A file of random bytes, and a request to upload it. */
function aFile(bytes: number) {
  const body = randomBytes(bytes);
  const path = join(tempFolder(), 'Doe^Jane.nii.gz');
  writeFileSync(path, body);
  const opened: string[] = [];
  const shares: number[] = [];
  const request: UploadRequest = {
    path,
    fileName: 'Doe^Jane.nii.gz',
    record: { layoutVersion: 1, uploadId: null, token: 't' },
    onOpened: async (id) => void opened.push(id),
    onProgress: (done, total) => void shares.push(done / total),
    pauseMs: 5,
  };
  return { body, path, request, opened, shares };
}

const storedSha = async ({ ports }: ServiceServer, uploadId: UploadId): Promise<string> =>
  sha256(Buffer.from(await ports.store.get(uploadInputKey(uploadId))));
const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');
const isPart = (request: Request): boolean => request.url.includes('/objects/') && request.method === 'PUT';
const partOf = (request: Request): string | null => new URL(request.url).searchParams.get('part');

describe('an upload', () => {
  it('of a small file is one request, and the service learns its checksum', async () => {
    const server = await serviceServer();
    const { body, request, shares } = aFile(10 * KIB);

    const uploadId = await uploadFile(connected(server), request);

    expect(await storedSha(server, uploadId)).toBe(sha256(body));
    expect(server.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(1);
    expect(shares.at(-1)).toBe(1);
  });

  it('of an empty file is refused before the service is asked', async () => {
    const server = await serviceServer();
    const { request } = aFile(0);

    const upload = uploadFile(connected(server), request);

    await expect(upload).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: 'The file is empty (0 bytes).',
    });
    expect(server.seen).toEqual([]);
  });

  it('of a large file comes in parts that are joined in order', async () => {
    const server = await serviceServer();
    const { body, request, shares } = aFile(1500 * KIB);

    const uploadId = await uploadFile(connected(server), request);

    expect(await storedSha(server, uploadId)).toBe(sha256(body));
    expect(server.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(6);
    expect(shares.at(-1)).toBe(1);
  });

  it('outlives connections that drop in the middle of a part, and busy answers', async () => {
    const server = await serviceServer();
    const { body, request } = aFile(1500 * KIB);
    const failures = new Map<string, Response | 'drop'>([
      ['2', 'drop'],
      ['3', new Response('busy', { status: 503 })],
      ['4', new Response('slow down', { status: 429 })],
      ['5', new Response('oh', { status: 500 })],
    ]);
    server.fault = (received) => {
      const part = isPart(received) ? partOf(received) : null;
      const failure = part === null ? undefined : failures.get(part);
      if (part !== null) failures.delete(part);
      return failure;
    };

    const uploadId = await uploadFile(connected(server), request);

    expect(failures.size).toBe(0);
    expect(await storedSha(server, uploadId)).toBe(sha256(body));
  });

  it('asks for new signatures when those it has are refused', async () => {
    const server = await serviceServer();
    const { body, request } = aFile(1500 * KIB);
    let refused = 0;
    server.fault = (received) =>
      isPart(received) && refused++ < 3 ? new Response('expired', { status: 403 }) : undefined;

    const uploadId = await uploadFile(connected(server), request);

    expect(await storedSha(server, uploadId)).toBe(sha256(body));
    expect(server.seen.filter((line) => line.endsWith('/parts')).length).toBeGreaterThan(0);
  });

  it('goes on where an interrupted one stopped, without sending again what is there', async () => {
    const server = await serviceServer();
    const { body, request, opened } = aFile(1500 * KIB);
    const stop = new AbortController();
    server.fault = (received) => {
      if (isPart(received) && partOf(received) === '4') stop.abort();
      return undefined;
    };
    const first = uploadFile(connected(server), { ...request, parallel: 1, signal: stop.signal });
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    server.fault = () => undefined;
    server.seen.length = 0;

    const record = { ...request.record, uploadId: opened[0]! };
    const uploadId = await uploadFile(connected(server), { ...request, record });

    expect(uploadId).toBe(opened[0]);
    expect(server.seen.filter((line) => line.startsWith('PUT')).length).toBeLessThanOrEqual(3);
    expect(server.seen).not.toContain('POST /uploads');
    expect(await storedSha(server, uploadId)).toBe(sha256(body));
  });

  it('outlives a restart of the service', async () => {
    const server = await serviceServer();
    const { body, request } = aFile(1500 * KIB);
    let restarted: Promise<void> | null = null;
    const restart = async (): Promise<void> => {
      await server.stop();
      await new Promise((resolve) => setTimeout(resolve, 200));
      await server.start();
    };
    server.fault = (received) => {
      if (isPart(received) && partOf(received) === '3') restarted ??= restart();
      return undefined;
    };

    const uploadId = await uploadFile(connected(server), request);

    expect(restarted).not.toBeNull();
    expect(await storedSha(server, uploadId)).toBe(sha256(body));
  });

  it('begins anew when the service has forgotten the earlier one', async () => {
    const server = await serviceServer();
    const { body, request } = aFile(10 * KIB);

    const record = { ...request.record, uploadId: 'u-0123456789ab' };
    const uploadId = await uploadFile(connected(server), { ...request, record });

    expect(uploadId).not.toBe('u-0123456789ab');
    expect(await storedSha(server, uploadId)).toBe(sha256(body));
  });

  it('takes a single request whose answer was lost for what it is: sent', async () => {
    const server = await serviceServer();
    const { body, request } = aFile(10 * KIB);
    let answers = 0;
    server.fault = async (received) => {
      if (!isPart(received) || answers++ > 0) return undefined;
      await server.ports.store.put(new URL(received.url).pathname.replace('/objects/', ''), body);
      return 'drop';
    };

    const uploadId = await uploadFile(connected(server), request);

    expect(answers).toBe(2);
    expect(await storedSha(server, uploadId)).toBe(sha256(body));
  });

  it('is refused when the file grows meanwhile', async () => {
    const server = await serviceServer();
    const { path, request } = aFile(1500 * KIB);
    server.fault = (received) => {
      if (isPart(received) && partOf(received) === '2') appendFileSync(path, 'more');
      return undefined;
    };

    const upload = uploadFile(connected(server), request);

    await expect(upload).rejects.toMatchObject({ code: 'INPUT_VANISHED' });
  });

  it('gives up with what to do when nothing gets through', async () => {
    const server = await serviceServer();
    const { request } = aFile(10 * KIB);
    server.fault = (received) => (isPart(received) ? new Response('no', { status: 502 }) : undefined);

    const upload = uploadFile(connected(server), { ...request, pauseMs: 1 });

    await expect(upload).rejects.toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('HTTP 502'),
      remedy: expect.stringContaining('what has arrived is kept'),
    });
  });

  it('says that a file is not there', async () => {
    const server = await serviceServer();
    const { request } = aFile(1);

    const upload = uploadFile(connected(server), { ...request, path: '/nowhere/ct.nii.gz' });

    await expect(upload).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
  });
});
