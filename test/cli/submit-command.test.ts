import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openPromise } from 'yauzl';
import { jobRequestKey, type JobId } from '../../core/layout.ts';
import { finished, lines, workplace } from '../fixtures/client-workplace.ts';
import { hpbHere, startNode, type CommandResult } from '../fixtures/hpb-command.ts';
import { goodCt } from '../fixtures/running-service.ts';
import type { ServiceServer } from '../fixtures/service-server.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

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

    const options = ['--model', 'liver', '--no-fast', '--priority', 'bulk', '--meshes', 'stl'];
    const { code, stdout } = await run('submit', ct, ...options);

    expect(code).toBe(0);
    const [, jobId] = /job (\S+)/.exec(stdout) ?? [];
    expect(JSON.parse(await requestOf(service, jobId!))).toMatchObject({ priority: 'bulk', meshes: 'stl' });
    expect(await service.ports.index.get(jobId as JobId)).toMatchObject({
      models: ['liver'],
      options: { fast: false, folds: [0], tta: false },
    });
    expect((await uploads(service)).map(sha256)).toEqual([sha256(readFileSync(ct))]);
    expect(readdirSync(join(environment.HPB_DATA_ROOT, 'client', 'uploads'))).toEqual([]);
  });

  it('hands on the limit of the cost, and leaves with the code of the refusal', async () => {
    const { run, folder, service } = await workplace();
    const ct = join(folder, 'good.nii.gz');
    writeFileSync(ct, await goodCt(1));

    const refused = await run('submit', ct, '--max-cost', '0.001');
    const wrong = await run('submit', ct, '--max-cost', '-1');

    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('the limit of the request is $0.001');
    expect(refused.stderr).toContain('uncalibrated');
    expect(wrong.code).toBe(2);
    expect((await service.ports.index.list({ limit: 10 })).jobs).toEqual([]);
  });

  it('asks for the viewer only when told to, and says so where there is none', async () => {
    const { run, ct, service } = await workplace();

    const refused = await run('submit', ct, '--publish');

    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('this service has no viewer to publish to');
    expect((await service.ports.index.list({ limit: 10 })).jobs).toEqual([]);
    expect((await run('submit', ct)).code).toBe(0);
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
    const held = Promise.withResolvers<void>();
    service.fault = async (request) => {
      if (!request.url.includes('part=6')) return undefined;
      held.resolve();
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return new Response('late', { status: 503 });
    };
    const killed = startNode(['cli/hpb.js', 'submit', large], environment);
    await held.promise;
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
    const held = Promise.withResolvers<void>();
    service.fault = async (request) => {
      if (!request.url.includes('part=')) return undefined;
      held.resolve();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return undefined;
    };
    const running = startNode(['cli/hpb.js', 'submit', large], environment);
    await held.promise;
    running.child.kill('SIGINT');

    const { code, stderr } = await running.ended;

    expect(code).toBe(130);
    expect(stderr).toContain('Run the same command again to go on');
    expect(readdirSync(join(environment.HPB_DATA_ROOT, 'client', 'uploads'))).toHaveLength(1);
  });

  it.each(['Ctrl-C', 'the end of the service'])(
    'goes on with the jobs that it had begun when the same command runs again after %s',
    async (end) => {
      const { folder, run, service, environment } = await workplace();
      const cases = join(folder, 'cases');
      mkdirSync(cases);
      writeFileSync(join(cases, 'one.nii.gz'), randomBytes(2000));
      const others = ['two', 'three'].map((name) => join(folder, `${name}.nii.gz`));
      for (const path of others) writeFileSync(path, randomBytes(2000));
      const inputs = [cases, ...others];
      const stop = new AbortController();
      let puts = 0;
      service.fault = (request) => {
        if (request.method === 'PUT') puts += 1;
        if (puts < 2 || request.method !== 'PUT') return undefined;
        if (end === 'Ctrl-C') stop.abort();
        return new Response(null, { status: 400 });
      };

      const first = await hpbHere(['submit', ...inputs, '--json'], environment, { signal: stop.signal });
      service.fault = () => undefined;
      const second = await run('submit', ...inputs, '--json');

      const jobsOf = ({ stdout }: CommandResult): unknown[] =>
        lines(stdout).flatMap(({ event, job }) =>
          event === 'submitted' ? [(job as { jobId: string }).jobId] : [],
        );
      expect(first.code).not.toBe(0);
      expect(jobsOf(first)).toHaveLength(1);
      expect(jobsOf(second)).toHaveLength(3);
      expect(jobsOf(second)[0]).toBe(jobsOf(first)[0]);
      expect((await service.ports.index.list({ limit: 10 })).jobs).toHaveLength(3);
      expect(await run('submit', ...inputs, '--json').then(jobsOf)).not.toContain(jobsOf(first)[0]);
    },
  );

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

  it('with --aws signs the calls of the API, and never those to signed URLs', async () => {
    const { run, ct, service } = await workplace();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    const signed = new Map<string, boolean>();
    service.fault = ({ url, headers }) => {
      const kind = new URL(url).pathname.split('/')[1]!;
      signed.set(
        kind,
        /Credential=AKIDEXAMPLE\/\d+\/eu-west-1\/execute-api/.test(headers.get('authorization') ?? ''),
      );
      return undefined;
    };

    const { code } = await run('submit', ct, '--aws');
    vi.unstubAllEnvs();

    expect(code).toBe(0);
    expect(Object.fromEntries(signed)).toEqual({ uploads: true, objects: false, segment: true });
  });

  it('refuses an --idempotency-key that no job can have before it uploads anything', async () => {
    const { run, ct, service } = await workplace();

    const results = await Promise.all(
      ['', 'two words', 'a\nb', 'ü'].map((key) => run('submit', ct, '--idempotency-key', key)),
    );

    expect(results.map(({ code }) => code)).toEqual([2, 2, 2, 2]);
    expect(await uploads(service)).toEqual([]);
  });

  it('gives the same job for the same --idempotency-key', async () => {
    const { submitted } = await workplace();

    const first = await submitted('--idempotency-key', 'k1');
    const second = await submitted('--idempotency-key', 'k1');

    expect(second.jobId).toBe(first.jobId);
  });
});
