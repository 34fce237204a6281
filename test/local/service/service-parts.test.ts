import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobDocument } from '../../../core/job.ts';
import type { JobId } from '../../../core/layout.ts';
import { lockDataRoot } from '../../../local/service/data-root-lock.ts';
import { keepDiskFloor } from '../../../local/service/disk-floor.ts';
import { finishedWebhook } from '../../../local/service/finished-webhook.ts';
import { isHostOf, isLoopbackHost } from '../../../local/service/host-check.ts';
import { linkSecret } from '../../../local/service/link-secret.ts';
import { memoryLog } from '../../fixtures/memory-log.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

describe('the key of signed links', () => {
  it('is made once, kept, and readable by its owner only', async () => {
    const root = join(tempFolder(), 'data');

    const keys = await Promise.all([linkSecret(root), linkSecret(root), linkSecret(root)]);

    expect(keys[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(1);
    expect(statSync(join(root, 'link-secret')).mode & 0o777).toBe(0o600);
    expect(await linkSecret(tempFolder())).not.toBe(keys[0]);
    expect(readdirSync(root)).toEqual(['link-secret']);
  });

  it.each(['', '0123', 'g'.repeat(64)])('is made anew when it is damaged: %j', async (damaged) => {
    const root = tempFolder();
    writeFileSync(join(root, 'link-secret'), damaged);

    const key = await linkSecret(root);

    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(await linkSecret(root)).toBe(key);
    expect(statSync(join(root, 'link-secret')).mode & 0o777).toBe(0o600);
  });
});

describe('the lock of the data root', () => {
  it('says so when there can be no data root', async () => {
    const file = join(tempFolder(), 'file');
    writeFileSync(file, '');

    await expect(lockDataRoot(join(file, 'data'))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});

describe('the host check', () => {
  it.each(['127.0.0.1:8080', 'localhost:8080', 'LOCALHOST:8080', '[::1]:8080'])('lets %s in', (host) => {
    expect(isLoopbackHost(host, 8080)).toBe(true);
  });

  it.each([
    '',
    'evil.example:8080',
    'localhost',
    'localhost:80',
    '127.0.0.1.evil.example:8080',
    '0.0.0.0:8080',
  ])('refuses %j', (host) => {
    expect(isLoopbackHost(host, 8080)).toBe(false);
  });
});

describe('the host check of a public address', () => {
  it('lets that one host in, port included where it has one', () => {
    expect(isHostOf('https://hpb.example.org')('HPB.example.org')).toBe(true);
    expect(isHostOf('https://hpb.example.org:8443')('hpb.example.org:8443')).toBe(true);
    for (const host of ['', 'example.org', 'hpb.example.org.evil', 'hpb.example.org:8080', '127.0.0.1:8080'])
      expect(isHostOf('https://hpb.example.org')(host), host).toBe(false);
  });
});

describe('the disk floor', () => {
  it('lets pass what leaves enough, and says how much lacks otherwise', async () => {
    await keepDiskFloor(tempFolder(), 1000, 1000);

    await expect(keepDiskFloor(tempFolder(), 2 ** 60, 1000)).rejects.toMatchObject({
      code: 'DISK_FULL',
      details: { floorBytes: 1000, requestBytes: 2 ** 60 },
    });
  });
});

describe('the webhook of finished jobs', () => {
  const job: JobDocument = {
    layoutVersion: 1,
    jobId: 'j-0123456789' as JobId,
    state: 'PARTIAL',
    attempt: 1,
    batch: true,
    models: ['liver'],
    options: { fast: true, folds: [0], tta: false },
    createdAt: 0,
    updatedAt: 5,
    endedAt: 5,
    deadlineAt: null,
    counts: { total: 3, succeeded: 2, failed: 1 },
    error: null,
    attempts: [{ attempt: 1, startedAt: 0, endedAt: 5, state: 'PARTIAL', code: null }],
    zip: null,
  };

  async function receiver(status: number) {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        bodies.push(JSON.parse(text));
        response.writeHead(status).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { bodies, url: `http://127.0.0.1:${port}/done`, close: () => server.close() };
  }

  it('tells id, outcome and counts', async () => {
    const { url, bodies, close } = await receiver(204);

    await finishedWebhook(url, memoryLog())(job);
    close();

    expect(bodies).toEqual([
      {
        event: 'job.finished',
        jobId: 'j-0123456789',
        state: 'PARTIAL',
        attempt: 1,
        counts: { total: 3, succeeded: 2, failed: 1 },
        code: null,
        models: ['liver'],
        endedAt: '1970-01-01T00:00:00.005Z',
        link: '/jobs/j-0123456789',
      },
    ]);
  });

  it('that fails is logged and fails nothing', async () => {
    const { url, close } = await receiver(500);
    const log = memoryLog();

    await finishedWebhook(url, log)(job);
    close();
    await finishedWebhook('http://127.0.0.1:9/nobody', log)(job);

    expect(log.lines.map(({ event, fields }) => [event, fields?.['status']])).toEqual([
      ['notify:failed', 500],
      ['notify:failed', null],
    ]);
  });
});
