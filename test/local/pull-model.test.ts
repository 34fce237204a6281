import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { weightSet, type WeightSet } from '../../core/models/weights.ts';
import { parseSettings } from '../../core/settings.ts';
import { listModels } from '../../local/models/list-models.ts';
import { pullModel, pullWeightSet, weightSetsOf, type PullRequest } from '../../local/models/pull-model.ts';
import { closeServer, listen, urlOf } from '../fixtures/package-index.ts';
import { fakeSet, noise, zipOf } from '../fixtures/weights.ts';

let root: string;
let models: string;
let servers: Server[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hpb-pull-'));
  models = join(root, 'models');
  servers = [];
});

afterEach(async () => {
  await Promise.all(servers.map(closeServer));
  await rm(root, { recursive: true });
});

const request = () => ({
  settings: parseSettings({ HPB_DATA_ROOT: root, HPB_MODELS_ROOT: models }),
  packageRoot: root,
});

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Short pauses; a silence long enough that a busy machine is not taken for one. */
const PATIENCE = { attempts: 3, pauseMs: 5, silenceMs: 30_000 };

/** The archive of a set of 1 MB, its facts, and a server that gives it as `handler` says. */
async function publisher(make: (archive: Buffer) => Handler) {
  const archive = await zipOf({ ...fakeSet('ts298'), 'padding.bin': noise(1_000_000) });
  let count = 0;
  const ranges: (string | undefined)[] = [];
  const handler = make(archive);
  const server = await listen((message, response) => {
    ranges.push(message.headers.range);
    handler(message, response, count++);
  });
  servers.push(server);
  const set: WeightSet = { ...weightSet('ts298'), archiveBytes: archive.length };
  const pull = (more: Partial<PullRequest> = {}, facts: Partial<WeightSet> = {}) =>
    pullWeightSet(
      'ts298',
      { ...set, ...facts },
      {
        ...request(),
        acceptLicence: false,
        baseUrl: urlOf(server),
        patience: PATIENCE,
        ...more,
      },
    );
  return { archive, pull, ranges };
}

const honest =
  (archive: Buffer): Handler =>
  (message, response) => {
    const offset = Number(/^bytes=(\d+)-$/.exec(message.headers.range ?? '')?.[1] ?? 0);
    const resumes = offset > 0 && (message.headers['if-range'] ?? '"v1"') === '"v1"';
    const body = resumes ? archive.subarray(offset) : archive;
    response.writeHead(resumes ? 206 : 200, {
      etag: '"v1"',
      'content-length': body.length,
      ...(resumes ? { 'content-range': `bytes ${offset}-${archive.length - 1}/${archive.length}` } : {}),
    });
    response.end(body);
  };

/** Gives the first `bytes` of what was asked for, then drops the connection. */
const dropping =
  (archive: Buffer, bytes: number): Handler =>
  (_, response) => {
    response.writeHead(200, { etag: '"v1"', 'content-length': archive.length });
    response.write(archive.subarray(0, bytes), () => response.destroy());
  };

const isInstalled = async (): Promise<boolean> =>
  (await listModels(request())).sets.find(({ id }) => id === 'ts298')?.state === 'installed';

const leftovers = async (): Promise<string[]> =>
  (await readdir(join(models, 'downloads')).catch(() => [])).filter((name) => name.includes('.zip'));

it('fetches, installs, pins the checksum, and does nothing the second time', async () => {
  const { archive, pull, ranges } = await publisher(honest);

  const first = await pull();
  const second = await pull();

  expect(first.installed?.id).toBe('ts298');
  expect(second.installed).toBeNull();
  expect(ranges).toEqual([undefined]);
  const recorded = JSON.parse(await readFile(join(models, 'sha256.json'), 'utf8')) as {
    archives: Record<string, unknown>;
  };
  const sha256 = createHash('sha256').update(archive).digest('hex');
  expect(recorded.archives['ts298']).toEqual({ bytes: archive.length, sha256 });
  expect(await leftovers()).toEqual([]);
});

it('goes on where a dropped connection ended', async () => {
  const { pull, ranges } = await publisher((archive) => (message, response, count) => {
    if (count === 0) dropping(archive, 600_000)(message, response, count);
    else honest(archive)(message, response, count);
  });

  await pull();

  expect(await isInstalled()).toBe(true);
  expect(ranges).toHaveLength(2);
  expect(ranges[1]).toMatch(/^bytes=[1-9]\d+-$/);
});

it('does not fetch again what was fetched when it is cancelled while it installs', async () => {
  const stop = new AbortController();
  const { pull, ranges } = await publisher(honest);
  const onProgress: PullRequest['onProgress'] = ({ step }) => {
    if (step === 'install') stop.abort();
  };

  await expect(pull({ signal: stop.signal, onProgress })).rejects.toMatchObject({ code: 'CANCELLED' });
  const between = await isInstalled();
  await pull();

  expect([between, await isInstalled()]).toEqual([false, true]);
  expect(ranges).toHaveLength(1);
  expect(await leftovers()).toEqual([]);
});

it('goes on after it was cancelled', async () => {
  const stop = new AbortController();
  const { pull, ranges } = await publisher((archive) => (message, response, count) => {
    if (count > 0) return honest(archive)(message, response, count);
    response.writeHead(200, { etag: '"v1"', 'content-length': archive.length });
    response.write(archive.subarray(0, 500_000));
  });
  const onProgress: PullRequest['onProgress'] = ({ doneBytes }) => {
    if (doneBytes >= 500_000) stop.abort();
  };

  await expect(pull({ signal: stop.signal, onProgress })).rejects.toMatchObject({ code: 'CANCELLED' });
  await pull();

  expect(await isInstalled()).toBe(true);
  expect(ranges[1]).toBe('bytes=500000-');
});

it('starts over when the server ignores Range or has another file by now', async () => {
  for (const etag of ['"v1"', '"v2"']) {
    await rm(models, { recursive: true, force: true });
    const { pull } = await publisher((archive) => (message, response, count) => {
      if (count === 0) return dropping(archive, 600_000)(message, response, count);
      response.writeHead(200, { etag, 'content-length': archive.length }).end(archive);
    });

    await pull();

    expect(await isInstalled()).toBe(true);
  }
});

it('counts a silent connection as dropped', async () => {
  const { pull, ranges } = await publisher((archive) => (message, response, count) => {
    if (count > 0) honest(archive)(message, response, count);
  });

  // On a machine that is busy an honest answer may come too late as well, and is asked for again.
  await pull({ patience: { ...PATIENCE, attempts: 20, silenceMs: 1000 } });

  expect(await isInstalled()).toBe(true);
  expect(ranges.length).toBeGreaterThan(1);
});

it('gives up after attempts that brought nothing', async () => {
  const { pull, ranges } = await publisher(() => (_, response) => response.writeHead(503).end());

  await expect(pull()).rejects.toMatchObject({ code: 'WEIGHTS_DOWNLOAD_FAILED' });
  expect(ranges).toHaveLength(3);
});

it('does not repeat what the server refuses', async () => {
  const { pull, ranges } = await publisher(() => (_, response) => response.writeHead(404).end());

  await expect(pull()).rejects.toMatchObject({ code: 'WEIGHTS_DOWNLOAD_FAILED', details: { status: 404 } });
  expect(ranges).toHaveLength(1);
});

it('tells a network that is down from a server that fails', async () => {
  const gone = await listen(() => {});
  const url = urlOf(gone);
  await closeServer(gone);
  const { pull } = await publisher(honest);

  await expect(pull({ baseUrl: url })).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
});

it('removes what has a wrong size or checksum', async () => {
  const other = await publisher((archive) => (_, response) => response.end(Buffer.from(archive).fill(1)));
  await expect(other.pull({}, { archiveMd5: '0'.repeat(32) })).rejects.toMatchObject({
    code: 'WEIGHTS_CORRUPT',
  });
  const page = await publisher(() => (_, response) => response.end('<html>Log in to this network</html>'));
  await expect(page.pull()).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });
  const endless = await publisher((archive) => (_, response) => {
    response.write(archive);
    response.end(archive);
  });
  await expect(endless.pull()).rejects.toMatchObject({ code: 'WEIGHTS_CORRUPT' });

  expect(await leftovers()).toEqual([]);
  expect(await isInstalled()).toBe(false);
});

it('holds later fetches against the checksum of the first', async () => {
  const { pull } = await publisher((archive) => (message, response, count) => {
    const changed = Buffer.from(archive);
    if (count > 0) changed[archive.indexOf('padding.bin') + 500]! ^= 1;
    honest(changed)(message, response, count);
  });
  const { installed } = await pull();
  await rm(installed!.folder, { recursive: true });

  await expect(pull()).rejects.toMatchObject({
    code: 'WEIGHTS_CORRUPT',
    message: expect.stringContaining('sha256') as string,
  });
});

it('fetches once when two processes pull at once', async () => {
  const { pull, ranges } = await publisher(honest);

  const both = await Promise.all([pull(), pull()]);

  expect(both.filter(({ installed }) => installed === null)).toHaveLength(1);
  expect(ranges).toHaveLength(1);
});

it('asks for a licence that restricts use before the first byte', async () => {
  const { ranges } = await publisher(honest);
  const refused = pullModel('both', { ...request(), acceptLicence: false, baseUrl: urlOf(servers[0]!) });

  await expect(refused).rejects.toMatchObject({ code: 'LICENCE_NOT_ACCEPTED' });
  expect(ranges).toEqual([]);
});

it.each(['foo', 'foo/bar', 'ftp://mirror.example', 'file:///mirror', 'http://', ''])(
  'refuses the mirror %j at once',
  async (baseUrl) => {
    const refused = pullModel('ts298', { ...request(), acceptLicence: true, baseUrl });

    await expect(refused).rejects.toMatchObject({ code: 'BAD_OPTION' });
  },
);

it('knows models, sets and groups by name', () => {
  expect(weightSetsOf('liver')).toEqual(['ts297', 'ts298', 'ts291']);
  expect(weightSetsOf('both')).toContain('task008');
  expect(weightSetsOf('ts8')).toEqual(['ts8']);
  expect(() => weightSetsOf('toString')).toThrow(expect.objectContaining({ code: 'UNKNOWN_MODEL' }) as Error);
});
