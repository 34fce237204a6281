import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobAnswer } from '../../core/requests.ts';
import { JOB_FILES, jobFileKey } from '../../core/layout.ts';
import { finished, finishedWithoutZip, lines, workplace } from '../fixtures/client-workplace.ts';
import { hpb, hpbHere } from '../fixtures/hpb-command.ts';
import { lockDataRoot } from '../../local/service/data-root-lock.ts';
import { serviceServer } from '../fixtures/service-server.ts';

const ERROR = {
  code: 'ENGINE_DIED',
  message: 'The engine died.',
  remedy: 'Try again.',
  blame: 'system',
  retryable: true,
  details: {},
} as const;

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
    expect(await service.ports.index.get(jobId)).toMatchObject({ state: 'QUEUED', attempt: 2 });
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
    expect(await service.ports.index.get(jobId)).toMatchObject({ state: 'QUEUED' });
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

  it('begins anew when what it had is of another result', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    const { content } = await finished(service, jobId, 'SUCCEEDED');
    for (const bytes of [100_000, content.length, content.length + 5]) {
      const out = join(folder, `out-${bytes}`);
      mkdirSync(out);
      writeFileSync(join(out, `${jobId}_results.zip.part`), Buffer.alloc(bytes, 'x'));

      const { code, stderr } = await run('fetch', jobId, '--out', out);

      expect(code, stderr).toBe(0);
      expect(readFileSync(join(out, `${jobId}_results.zip`)).equals(content)).toBe(true);
    }
  });

  it('says that it cannot write where something else lies in the way', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    await finished(service, jobId, 'SUCCEEDED');
    const out = join(folder, 'out');
    mkdirSync(join(out, `${jobId}_results.zip`), { recursive: true });

    const { code, stderr } = await run('fetch', jobId, '--out', out);

    expect(code).toBe(14);
    expect(stderr).toContain('OUTPUT_UNWRITABLE');
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

  it('of a batch too large for one ZIP fetches the ZIP of each case, with an index that links to what it unpacks', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    await finishedWithoutZip(service, jobId);
    const out = join(folder, 'out');

    const { code, stdout } = await run('fetch', jobId, '--out', out, '--unpack', '--json');

    expect(code, stdout).toBe(0);
    const unpacked = `${jobId}_c0001_results`;
    expect(readdirSync(out).toSorted()).toEqual(
      [unpacked, `${unpacked}.zip`, `${jobId}_cases.csv`, `${jobId}_index.html`].toSorted(),
    );
    const [, link] = /href="\.\/([^"]+)"/.exec(readFileSync(join(out, `${jobId}_index.html`), 'utf8')) ?? [];
    expect(existsSync(join(out, link!)), link).toBe(true);
  });

  it('of a batch that was stopped fetches what there is', async () => {
    const { run, folder, service, submitted } = await workplace();
    const { jobId } = await submitted();
    await finishedWithoutZip(service, jobId);
    for (const name of JOB_FILES) await service.ports.store.remove(jobFileKey(jobId, name));

    const { code } = await run('fetch', jobId, '--out', join(folder, 'out'));

    expect(code).toBe(0);
    expect(readdirSync(join(folder, 'out'))).toEqual([`${jobId}_c0001_results.zip`]);
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

  it('says when no service is there to take it up', async () => {
    const { run, folder, environment } = await workplace();
    const archive = join(folder, 'cases.zip');
    writeFileSync(archive, 'archive');

    const alone = await run('ingest', archive);
    const unlock = await lockDataRoot(environment.HPB_DATA_ROOT);
    const watched = await run('ingest', archive);
    await unlock();

    expect(alone.stderr).toContain('hpb serve');
    expect(watched.stderr).toBe('');
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

  it.each([
    ['a port that no program may use', 'http://127.0.0.1:9', 'bad port'],
    ['https where nobody speaks it', 'https', '--endpoint http://127'],
  ])('says what is wrong with the address: %s', async (_, address, words) => {
    const { url } = await serviceServer();
    const endpoint = address === 'https' ? url.replace('http', 'https') : address;

    const { code, stderr } = await hpbHere(['jobs', '--endpoint', endpoint]);

    expect(code).toBe(17);
    expect(stderr).toContain(words);
  });

  it('half a document at its address is told apart too', async () => {
    const server = await serviceServer();
    const { run } = await workplace(server);
    server.fault = () => new Response('{"jobs":', { headers: { 'content-type': 'application/json' } });

    const { code, stderr } = await run('jobs');

    expect(code).toBe(17);
    expect(stderr).toContain('is not the segmentation service');
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
