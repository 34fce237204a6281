import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHttpApp } from '../../../adapters/http-app/app.ts';
import { FileObjectStore } from '../../../adapters/file-object-store.ts';
import { serviceFakes, type ServiceFakes } from '../../fakes/service-fakes.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const MIB = 2 ** 20;
const BOUNDARY = 'boundary-of-the-test';
const HEAD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="ct"; filename="a.nii.gz"\r\n\r\n`;
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

/** The API on a socket, over a store on disk. */
async function listening(bodyIdleMs = 30_000) {
  const root = join(tempFolder(), 'objects');
  const ports = { ...serviceFakes(), store: new FileObjectStore(root) } as unknown as ServiceFakes;
  const app = createHttpApp(ports, {
    version: async () => ({ service: '1', node: '1', engines: {}, models: [] }),
    readiness: async () => ({ ready: true, checks: {}, errors: [] }),
    loadForms: async () => (await import('../../../adapters/http-app/form-routes.ts')).segmentForm,
    serverSentEvents: true,
    baseUrl: (received) => new URL(received.url).origin,
    patience: { bodyIdleMs, pollMs: 10 },
  });
  const server = serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server;
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { ports, root, port: (server.address() as AddressInfo).port };
}

const open = (port: number): ClientRequest =>
  request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/segment/both',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` },
  });

async function write(call: ClientRequest, chunk: string | Uint8Array): Promise<void> {
  if (!call.write(chunk)) await once(call, 'drain');
}

describe('a form on a socket', () => {
  it('of 300 MB goes to the store while memory stays flat', async () => {
    const { ports, root, port } = await listening();
    const chunk = randomBytes(MIB);
    const call = open(port);
    call.on('error', () => undefined);
    await write(call, HEAD);
    for (let n = 0; n < 20; n += 1) await write(call, chunk);
    const before = process.memoryUsage();
    let peak = 0;

    for (let n = 20; n < 300; n += 1) {
      await write(call, chunk);
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      peak = Math.max(peak, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed);
    }
    call.end(TAIL);
    await expect.poll(() => ports.executions.started.length, { timeout: 60_000 }).toBe(1);
    const uploads = await ports.store.list('uploads/');
    call.destroy();

    const input = uploads.find(({ key }) => key.endsWith('/input'));
    expect(input?.bytes).toBe(300 * MIB);
    expect(statSync(join(root, input!.key)).size).toBe(300 * MIB);
    // A body held in memory would be 280 MiB; garbage of the streams comes to some tens.
    expect(peak).toBeLessThan(150 * MIB);
  });

  it('whose caller leaves while the job runs cancels the job', async () => {
    const { ports, port } = await listening();
    const call = open(port);
    call.on('error', () => undefined);
    call.end(`${HEAD}voxels${TAIL}`);
    await expect.poll(() => ports.executions.started.length, { timeout: 30_000 }).toBe(1);

    call.destroy();

    const state = async () => (await ports.index.list({ limit: 1 })).jobs[0]?.state;
    await expect.poll(state, { timeout: 30_000 }).toBe('CANCELLED');
    expect(ports.executions.stopped).toHaveLength(1);
  });

  it('whose caller leaves in the middle of the file leaves nothing behind', async () => {
    const { ports, port } = await listening();
    const call = open(port);
    call.on('error', () => undefined);
    await write(call, HEAD);
    await write(call, randomBytes(MIB));

    call.destroy();

    const answered = () => ports.log.lines.find(({ event }) => event === 'http:answered');
    await expect.poll(answered, { timeout: 30_000 }).toBeDefined();
    expect(await ports.store.list('')).toEqual([]);
    expect(ports.executions.started).toEqual([]);
  });

  it('that stops coming is answered with 408, and nothing is kept', async () => {
    const { ports, port } = await listening(50);
    const call = open(port);
    call.on('error', () => undefined);
    await write(call, `${HEAD}the first voxels`);

    const [answer] = (await once(call, 'response')) as [IncomingMessage];
    call.destroy();

    expect(answer.statusCode).toBe(408);
    expect(await ports.store.list('')).toEqual([]);
  });
});
