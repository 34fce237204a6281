import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openPromise } from 'yauzl';
import { writeZip } from '../../adapters/zip-archive.ts';
import { jobRequestKey, jobZipKey, type JobId } from '../../core/layout.ts';
import type { JobAnswer } from '../../core/requests.ts';
import { hpb, hpbHere, startNode, type CommandResult } from '../fixtures/hpb-command.ts';
import { serviceServer, type ServiceServer } from '../fixtures/service-server.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const FULL = { total: 1, succeeded: 1, failed: 0 };
const ERROR = {
  code: 'ENGINE_DIED',
  message: 'The engine died.',
  remedy: 'Try again.',
  blame: 'system',
  retryable: true,
  details: {},
} as const;

/** A command against a server, with a data root and a working folder of its own. */
async function workplace(server?: ServiceServer) {
  const folder = tempFolder();
  const service = server ?? (await serviceServer());
  const environment = { HPB_ENDPOINT: service.url, HPB_DATA_ROOT: join(folder, 'data') };
  const run = (...args: string[]): Promise<CommandResult> => hpbHere(args, environment);
  const ct = join(folder, 'scan_0000.nii.gz');
  writeFileSync(ct, randomBytes(5000));
  const submitted = async (...args: string[]): Promise<JobAnswer> => {
    const { stdout } = await run('submit', ct, '--json', ...args);
    return lines(stdout).find(({ event }) => event === 'submitted')!['job'] as JobAnswer;
  };
  return { folder, service, environment, run, ct, submitted };
}

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** A job that has ended well, with a ZIP of two files. */
async function finished({ ports, happen }: ServiceServer, jobId: string, state: 'SUCCEEDED' | 'PARTIAL') {
  const folder = tempFolder();
  writeFileSync(join(folder, 'liver.nii.gz'), randomBytes(400_000));
  writeFileSync(join(folder, 'meta.json'), '{}');
  const path = join(folder, 'results.zip');
  const members = ['liver.nii.gz', 'meta.json'].map((name) => ({ name, path: join(folder, name) }));
  const written = await writeZip(path, members);
  const key = jobZipKey(jobId as JobId);
  await ports.store.putFile(key, path);
  const counts = state === 'SUCCEEDED' ? FULL : { total: 2, succeeded: 1, failed: 1 };
  await happen(jobId, { event: 'finish', state, counts, zip: { key, ...written }, error: null });
  return { ...written, content: readFileSync(path) };
}

const requestOf = async ({ ports }: ServiceServer, jobId: string): Promise<string> =>
  Buffer.from(await ports.store.get(jobRequestKey(jobId as JobId))).toString();

const sha256 = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

async function namesIn(body: Uint8Array): Promise<string[]> {
  const path = join(tempFolder(), 'a.zip');
  writeFileSync(path, body);
  const zip = await openPromise(path);
  const names: string[] = [];
  for await (const { fileName } of zip.eachEntry()) names.push(fileName);
  zip.close();
  return names;
}

/** The bytes of every upload that the service has. */
async function uploads({ ports }: ServiceServer): Promise<Uint8Array[]> {
  const inputs = (await ports.store.list('uploads/')).filter(({ key }) => key.endsWith('/input'));
  return Promise.all(inputs.map(({ key }) => ports.store.get(key)));
}

describe('hpb submit', () => {
  it('uploads a CT, starts its job with the options given, and leaves nothing behind', async () => {
    const { run, ct, service, environment } = await workplace();

    const { code, stdout } = await run('submit', ct, '--model', 'liver', '--no-fast', '--priority', 'bulk');

    expect(code).toBe(0);
    const [, jobId] = /job (\S+)/.exec(stdout) ?? [];
    expect(JSON.parse(await requestOf(service, jobId!))).toMatchObject({ priority: 'bulk' });
    expect(await service.ports.index.get(jobId as JobId)).toMatchObject({
      models: ['liver'],
      options: { fast: false, folds: [0], tta: false },
    });
    expect((await uploads(service)).map(sha256)).toEqual([sha256(readFileSync(ct))]);
    expect(readdirSync(join(environment.HPB_DATA_ROOT, 'client', 'uploads'))).toEqual([]);
  });

  it('makes one job although the answer to the start is lost', async () => {
    const { run, ct, service } = await workplace();
    let starts = 0;
    service.fault = async (request) => {
      if (!request.url.includes('/segment/') || starts++ > 0) return undefined;
      const body = await request.clone().text();
      const { method, headers } = request;
      await fetch(request.url, { method, headers: Object.fromEntries(headers), body });
      return new Response('gateway', { status: 502 });
    };

    const { code } = await run('submit', ct);

    expect(code).toBe(0);
    expect(starts).toBe(3);
    expect((await service.ports.index.list({ limit: 10 })).jobs).toHaveLength(1);
  });

  it('goes on after it was killed, with the same upload', async () => {
    const { run, folder, service, environment } = await workplace();
    const large = join(folder, 'large.nii.gz');
    writeFileSync(large, randomBytes(1_500_000));
    let held = 0;
    service.fault = async (request) => {
      if (!request.url.includes('part=6')) return undefined;
      held += 1;
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return new Response('late', { status: 503 });
    };
    const killed = startNode(['cli/hpb.js', 'submit', large], environment);
    while (held === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    killed.child.kill('SIGKILL');
    await killed.ended;
    service.fault = () => undefined;

    const { code } = await run('submit', large);

    expect(code).toBe(0);
    expect(service.seen.filter((line) => line === 'POST /uploads')).toHaveLength(1);
    expect((await uploads(service)).map(sha256)).toEqual([sha256(readFileSync(large))]);
  });

  it('leaves an upload that Ctrl-C interrupts to be resumed, and says so', async () => {
    const { folder, service, environment } = await workplace();
    const large = join(folder, 'large.nii.gz');
    writeFileSync(large, randomBytes(1_500_000));
    let held = 0;
    service.fault = async (request) => {
      if (!request.url.includes('part=')) return undefined;
      held += 1;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return undefined;
    };
    const running = startNode(['cli/hpb.js', 'submit', large], environment);
    while (held === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    running.child.kill('SIGINT');

    const { code, stderr } = await running.ended;

    expect(code).toBe(130);
    expect(stderr).toContain('Run the same command again to go on');
    expect(readdirSync(join(environment.HPB_DATA_ROOT, 'client', 'uploads'))).toHaveLength(1);
  });

  it('packs a folder of cases, says what stays behind, and removes the archive', async () => {
    const { run, folder, service, environment } = await workplace();
    const cases = join(folder, 'cases');
    for (const name of ['a', 'b']) {
      mkdirSync(join(cases, name), { recursive: true });
      writeFileSync(join(cases, name, 'raw.nii.gz'), randomBytes(2000));
    }
    writeFileSync(join(cases, 'notes.txt'), 'x');
    writeFileSync(join(cases, '.DS_Store'), 'x');

    const { code, stderr } = await run('submit', cases, '--model', 'both');

    expect(code).toBe(0);
    expect(stderr).toContain('2 CTs packed; 1 other files stay behind');
    const [upload] = await uploads(service);
    expect(await namesIn(upload!)).toEqual(['a/raw.nii.gz', 'b/raw.nii.gz']);
    expect(readdirSync(join(environment.HPB_DATA_ROOT, 'client', 'packed'))).toEqual([]);
    expect(service.seen).toContain('POST /segment/batch');
  });

  it('makes one job of many CTs with --batch', async () => {
    const { run, ct, folder, service } = await workplace();
    const other = join(folder, 'other.nii');
    writeFileSync(other, randomBytes(100));

    const { code } = await run('submit', ct, other, '--batch');

    expect(code).toBe(0);
    const [upload] = await uploads(service);
    expect(await namesIn(upload!)).toEqual(['other.nii', 'scan.nii.gz']);
  });

  it('goes on with the others when one input is missing, and exits with 3', async () => {
    const { run, ct } = await workplace();

    const { code, stdout, stderr } = await run('submit', '/nowhere.nii.gz', ct);

    expect(code).toBe(3);
    expect(stdout).toMatch(/job \S+/);
    expect(stderr).toContain('INPUT_NOT_FOUND');
  });

  it('waits for the job, then fetches and unpacks the result', async () => {
    const { run, folder, ct, service } = await workplace();
    let ended: Promise<{ content: Buffer }> | null = null;
    service.fault = (request) => {
      const [, jobId] = /\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname) ?? [];
      if (jobId !== undefined) ended ??= finished(service, jobId, 'SUCCEEDED');
      return undefined;
    };

    const out = join(folder, 'out');
    const { code, stdout } = await run('submit', ct, '--wait', '--out', out, '--unpack');

    expect(code).toBe(0);
    const [, zip] = /Results: (\S+\.zip)/.exec(stdout) ?? [];
    expect(readFileSync(zip!).equals((await ended!).content)).toBe(true);
    expect(readdirSync(zip!.replace('.zip', '')).sort()).toEqual(['liver.nii.gz', 'meta.json']);
    expect(readdirSync(out).filter((name) => name.startsWith('.') || name.endsWith('.part'))).toEqual([]);
  });

  it('gives the same job for the same --idempotency-key', async () => {
    const { submitted } = await workplace();

    const first = await submitted('--idempotency-key', 'k1');
    const second = await submitted('--idempotency-key', 'k1');

    expect(second.jobId).toBe(first.jobId);
  });
});

describe('a job', () => {
  it('is listed, shown with its failure, and retried', async () => {
    const { run, service, submitted } = await workplace();
    const { jobId } = await submitted();
    await service.happen(jobId, { event: 'fail', error: ERROR });

    const listed = await run('jobs', '--state', 'FAILED', '--json');
    const shown = await run('status', jobId);
    const retried = await run('retry', jobId);

    expect((lines(listed.stdout)[0]!['jobs'] as JobAnswer[]).map((job) => job.jobId)).toEqual([jobId]);
    expect(shown.stdout).toContain('The engine died.');
    expect(shown.stdout).toContain('Try again.');
    expect(shown.code).toBe(34);
    expect(retried.stdout).toContain('attempt 2');
    expect(await service.ports.index.get(jobId as JobId)).toMatchObject({ state: 'QUEUED', attempt: 2 });
  });

  it('is watched until it ends, and its exit code says how', async () => {
    const { environment, service, submitted } = await workplace();
    const { jobId } = await submitted();
    const onText = (text: string): void => {
      if (text.includes('queued')) void finished(service, jobId, 'PARTIAL');
    };

    const { code, stdout } = await hpbHere(['status', jobId, '--watch'], environment, { onText });

    expect(code).toBe(3);
    expect(stdout).toContain('PARTIAL');
  });

  it('goes on when the watching is interrupted', async () => {
    const { environment, service, submitted } = await workplace();
    const { jobId } = await submitted();
    const stop = new AbortController();
    const onText = (): void => stop.abort();

    const { code, stderr } = await hpbHere(['status', jobId, '--watch'], environment, {
      signal: stop.signal,
      onText,
    });

    expect(code).toBe(130);
    expect(stderr).toContain('The job itself goes on');
    expect(await service.ports.index.get(jobId as JobId)).toMatchObject({ state: 'QUEUED' });
  });

  it('is cancelled; one that is unknown is named', async () => {
    const { run, submitted } = await workplace();
    const { jobId } = await submitted();

    const { code, stdout, stderr } = await run('cancel', jobId, 'j-unknown-job');

    expect(code).toBe(3);
    expect(stdout).toContain(`${jobId}: CANCELLED`);
    expect(stderr).toContain('JOB_NOT_FOUND');
  });

  it('shows the last lines of its log', async () => {
    const { run, submitted } = await workplace();
    const { jobId } = await submitted();

    expect((await run('logs', jobId, '--lines', '2')).stdout).toBe('two\nthree\n');
  });
});

describe('hpb fetch', () => {
  it('goes on where it stopped', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    const { content } = await finished(service, jobId, 'SUCCEEDED');
    const out = join(folder, 'out');
    const whole = await run('fetch', jobId, '--out', out);
    const [, path] = /Results: (\S+)/.exec(whole.stdout) ?? [];
    const again = join(folder, 'again');
    mkdirSync(again);
    writeFileSync(join(again, `${path!.split('/').at(-1)!}.part`), content.subarray(0, 100_000));
    const ranges: (string | null)[] = [];
    service.fault = (request) => {
      if (request.url.includes('/objects/')) ranges.push(request.headers.get('range'));
      return undefined;
    };

    const { code } = await run('fetch', jobId, '--out', again);

    expect(code).toBe(0);
    expect(ranges).toEqual(['bytes=100000-']);
    expect(readFileSync(join(again, path!.split('/').at(-1)!)).equals(content)).toBe(true);
  });

  it('keeps nothing of a result whose checksum is wrong', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    const { content } = await finished(service, jobId, 'SUCCEEDED');
    service.fault = (request) => {
      if (!request.url.includes('/objects/')) return undefined;
      const wrong = Buffer.from(content);
      wrong[1000] = wrong[1000]! ^ 1;
      return new Response(wrong, { headers: { 'content-length': String(wrong.length) } });
    };

    const out = join(folder, 'out');
    const { code, stderr } = await run('fetch', jobId, '--out', out);

    expect(code).toBe(1);
    expect(stderr).toContain('OBJECT_CHECKSUM_MISMATCH');
    expect(stderr).not.toContain('signature=');
    expect(readdirSync(out)).toEqual([]);
  });

  it('of a job that goes on is refused in the words of the service', async () => {
    const { run, folder, submitted } = await workplace();
    const { jobId } = await submitted();

    const { code, stdout } = await run('fetch', jobId, '--out', folder, '--json');

    expect(code).toBe(2);
    expect(lines(stdout)[0]).toMatchObject({ event: 'error', error: { code: 'JOB_NOT_FINISHED' } });
  });

  it('without a place to put results says what to give', async () => {
    const { run } = await workplace();

    const { code, stderr } = await run('fetch', 'j-0123456789ab');

    expect(code).toBe(2);
    expect(stderr).toContain('--out DIR');
  });
});

describe('hpb ingest', () => {
  it('drops a copy under a neutral name into the ingest folder', async () => {
    const { run, folder, environment } = await workplace();
    const archive = join(folder, 'Doe^Jane.tar.gz');
    writeFileSync(archive, 'archive');

    const { code } = await run('ingest', archive);

    expect(code).toBe(0);
    const [dropped, ...rest] = readdirSync(join(environment.HPB_DATA_ROOT, 'ingest'));
    expect(rest).toEqual([]);
    expect(dropped).toMatch(/^[0-9a-f-]{36}\.tar\.gz$/);
    expect(existsSync(archive)).toBe(true);
  });
});

describe('without a service', () => {
  it('every command says how to start one, exit code 17', async () => {
    const server = await serviceServer();
    const { run, ct, environment } = await workplace(server);
    await server.stop();

    const outcomes = [
      await hpb(['jobs'], environment),
      await run('submit', ct),
      await run('logs', 'j-0123456789ab'),
    ];

    expect(outcomes.map(({ code }) => code)).toEqual([17, 17, 17]);
    for (const { stderr } of outcomes) expect(stderr).toMatch(/npm start[^]*SERVICE_UNREACHABLE/);
    await server.start();
  });

  it('another program at its address is told apart', async () => {
    const server = await serviceServer();
    const { run } = await workplace(server);
    server.fault = () => new Response('<html>', { headers: { 'content-type': 'text/html' } });

    const { code, stderr } = await run('jobs');

    expect(code).toBe(17);
    expect(stderr).toContain('is not the segmentation service');
  });
});
