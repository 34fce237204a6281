import { once } from 'node:events';
import { existsSync, readdirSync, utimesSync } from 'node:fs';
import { createConnection, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve, type ServerType } from '@hono/node-server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { FileLinkServer } from '../../adapters/file-link-server.ts';
import { FileMultipart } from '../../adapters/file-multipart.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { FileSignedLinks } from '../../adapters/file-signed-links.ts';
import { systemClock } from '../../adapters/system.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { send, type LinkBench } from '../fixtures/link-bench.ts';
import { signedLinksContract } from './signed-links.contract.ts';

const TYPE = 'application/octet-stream';

interface FileBench extends LinkBench {
  readonly root: string;
  readonly port: number;
  readonly multipart: FileMultipart;
}

async function bench(root = join(tempFolder(), 'objects')): Promise<FileBench> {
  const store = new FileObjectStore(root);
  const multipart = new FileMultipart(root);
  const options = { store, multipart, secret: 'a secret of the test', clock: systemClock };
  const port = await listen(new FileLinkServer(options));
  const baseUrl = (): string => `http://127.0.0.1:${port}`;
  const links = new FileSignedLinks(options, baseUrl);
  const linksAt: LinkBench['linksAt'] = ({ now }) =>
    new FileSignedLinks({ ...options, clock: { ...systemClock, now } }, baseUrl);
  return { store, links, linksAt, root, port, multipart };
}

async function listen(server: FileLinkServer): Promise<number> {
  const http: ServerType = serve({
    fetch: async (request) => server.handle(request),
    hostname: '127.0.0.1',
    port: 0,
  });
  await once(http, 'listening');
  onTestFinished(() => void http.close());
  return (http.address() as AddressInfo).port;
}

signedLinksContract('a folder', bench);

describe('signed links to a folder', () => {
  it('outlive a restart, with what has arrived of an upload in parts', async () => {
    const before = await bench();
    const id = await before.links.startMultipart('k', { contentType: TYPE });
    const put = await before.links.signPart('k', id, { part: 1, bytes: 4, expiresSeconds: 60 });
    await send(put, 'part');

    const after = await bench(before.root);

    expect(await after.links.listParts('k', id)).toMatchObject([{ part: 1, bytes: 4 }]);
    const again = await send({ ...put, url: put.url.replace(`:${before.port}/`, `:${after.port}/`) }, 'same');
    expect(again.status).toBe(200);
  });

  it('are refused by a server with another secret', async () => {
    const { links, store, root } = await bench();
    await store.put('k', 'bytes');
    const options = { store, multipart: new FileMultipart(root), secret: 'another', clock: systemClock };
    const { url } = await links.signGet('k', { expiresSeconds: 60 });

    const answer = await new FileLinkServer(options).handle(new Request(url), 'request-1');

    expect(answer.status).toBe(403);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const problem = (await answer.json()) as { code: string };
    expect(problem).toMatchObject({ code: 'URL_REFUSED', requestId: 'request-1' });
    expect(JSON.stringify(problem)).not.toContain('signature=');
  });

  it('reach nothing outside the folder, even when signed', async () => {
    const { links } = await bench();

    for (const key of ['../secret', '.multipart/x', 'a/../../b']) {
      const get = await links.signGet(key, { expiresSeconds: 60 });
      expect([403, 404]).toContain((await fetch(get.url)).status);
      const put = await links.signPut(key, { bytes: 1, contentType: TYPE, expiresSeconds: 60 });
      expect([403, 404]).toContain((await send(put, 'x')).status);
    }
  });

  it('keep nothing of an upload whose client went away', async () => {
    const { links, store, root, port } = await bench();
    const put = await links.signPut('k', { bytes: 1_000_000, contentType: TYPE, expiresSeconds: 60 });
    const url = new URL(put.url);
    const socket = createConnection(port, '127.0.0.1');
    await once(socket, 'connect');
    const headers = Object.entries({ host: url.host, ...put.headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.write(`PUT ${url.pathname}${url.search} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    socket.write('x'.repeat(100_000));
    const partials = (): readonly string[] =>
      existsSync(join(root, '.partial')) ? readdirSync(join(root, '.partial')) : [];
    await vi.waitFor(() => expect(partials()).toHaveLength(1), 20_000);

    socket.destroy();

    await vi.waitFor(() => expect(partials()).toEqual([]), 20_000);
    expect(await store.list('')).toEqual([]);
  });

  it('leave nothing of an aborted upload, and nothing of one that was completed but the object', async () => {
    const { links, root } = await bench();
    for (const key of ['aborted', 'completed']) {
      const id = await links.startMultipart(key, { contentType: TYPE });
      const put = await links.signPart(key, id, { part: 1, bytes: 4, expiresSeconds: 60 });
      await send(put, 'part');
      if (key === 'aborted') await links.abortMultipart(key, id);
      else await links.completeMultipart(key, id, await links.listParts(key, id));
    }

    expect(readdirSync(join(root, '.multipart'))).toEqual([]);
    expect(readdirSync(join(root, '.partial'))).toEqual([]);
  });

  it('do not serve an upload in parts under the key of another', async () => {
    const { links } = await bench();
    const id = await links.startMultipart('k', { contentType: TYPE });

    await expect(links.listParts('other', id)).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
    await expect(links.listParts('k', '../../etc')).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
  });

  it('forget uploads in parts that nobody ends', async () => {
    const { links, multipart, root } = await bench();
    const old = await links.startMultipart('old', { contentType: TYPE });
    const young = await links.startMultipart('young', { contentType: TYPE });
    const slow = await links.startMultipart('slow', { contentType: TYPE });
    const dayAgo = Date.now() / 1000 - 86_400;
    for (const name of [`${old}/upload.json`, old, `${slow}/upload.json`, slow])
      utimesSync(join(root, '.multipart', name), dayAgo, dayAgo);
    const before = await links.lastPartAt!('slow', slow);
    await send(await links.signPart('slow', slow, { part: 1, bytes: 4, expiresSeconds: 60 }), 'part');

    expect(before).toBe(Math.floor(dayAgo * 1000));
    expect(Date.now() - (await links.lastPartAt!('slow', slow))!).toBeLessThan(60_000);
    expect(await links.lastPartAt!('other', slow)).toBeNull();

    const removed = await multipart.removeStale(3_600_000);

    expect(removed).toBe(1);
    expect(readdirSync(join(root, '.multipart')).sort()).toEqual([young, slow].sort());
  });

  it('know an upload no longer that somebody else has completed while its parts were read', async () => {
    const { links, multipart } = await bench();
    const id = await links.startMultipart('k', { contentType: TYPE });
    for (const part of [1, 2])
      await send(await links.signPart('k', id, { part, bytes: 4, expiresSeconds: 60 }), 'part');
    const parts = await links.listParts('k', id);

    const chunks = (await multipart.joined('k', id, parts))[Symbol.asyncIterator]();
    await chunks.next();
    await links.completeMultipart('k', id, parts);

    await expect(chunks.next()).rejects.toMatchObject({ code: 'UPLOAD_NOT_FOUND' });
  });

  it('go on with a download only of the version that it began with', async () => {
    const { store, links } = await bench();
    await store.put('k', 'first version');
    const { url } = await links.signGet('k', { expiresSeconds: 60 });
    const etag = (await fetch(url)).headers.get('etag')!;
    const resumed = async (): Promise<readonly [number, string]> => {
      const answer = await fetch(url, { headers: { range: 'bytes=6-', 'if-range': etag } });
      return [answer.status, await answer.text()];
    };

    const same = await resumed();
    await store.put('k', 'other version');
    const changed = await resumed();

    expect(same).toEqual([206, 'version']);
    expect(changed).toEqual([200, 'other version']);
  });
});
