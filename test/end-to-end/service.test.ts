import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { onTestFinished, describe, expect, it } from 'vitest';
import { isFinal } from '../../core/job.ts';
import type { JobAnswer } from '../../core/requests.ts';
import { stillRunning } from '../fixtures/processes.ts';
import { goodCt, RunningService, tarGz } from '../fixtures/running-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const PATIENT = 'Erika-Mustermann-1969';

function start(...args: ConstructorParameters<typeof RunningService>): RunningService {
  const service = new RunningService(...args);
  onTestFinished(async () => void (await service.stop('SIGKILL')));
  return service;
}

const ended = ({ state }: JobAnswer): boolean => isFinal(state);

/** Everything that the workers of a data root have logged. */
function workerLogs(folder: string): string {
  const logs = join(folder, 'logs');
  return readdirSync(logs)
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('');
}

const countOf = (text: string, part: string): number => text.split(part).length - 1;

/** Process ids in the logs of the workers: the engines that were started. */
function engines(folder: string): number[] {
  return [...workerLogs(folder).matchAll(/"event":"engine:start"[^}]*"pid":(\d+)/g)].map(([, pid]) =>
    Number(pid),
  );
}

/** Children of a process, by the kernel. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

function zipMembers(bytes: Uint8Array): readonly string[] {
  const path = join(tempFolder(), 'results.zip');
  writeFileSync(path, bytes);
  const python =
    'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; print("\\n".join(z.namelist()))';
  return execFileSync('python3', ['-c', python, path]).toString().trim().split('\n');
}

async function batchOf(good: number, bad: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const members: Record<string, Uint8Array> = { ...bad };
  for (let at = 1; at <= good; at++)
    members[`${PATIENT}-${String(at).padStart(2, '0')}/raw.nii.gz`] = await goodCt(at);
  return tarGz(members);
}

describe('the service', () => {
  it('answers the old client with the ZIP of its CT', async () => {
    const service = start('ok');
    const form = new FormData();
    form.set('ct', new File([new Uint8Array(await goodCt(1))], 'case_0000.nii.gz'));

    const answer = await service.fetch('/segment/both', { method: 'POST', body: form });

    expect([answer.status, answer.headers.get('content-disposition')]).toEqual([
      200,
      expect.stringContaining('case_results.zip'),
    ]);
    expect(zipMembers(await answer.bytes())).toEqual(
      expect.arrayContaining(['liver.nii.gz', 'task008.nii.gz', 'meta.json']),
    );
    expect(answer.headers.get('x-request-id')).not.toBeNull();
    expect(answer.headers.get('x-case-id')).not.toBeNull();
  });

  it('ends a batch with broken cases PARTIAL, with readable reasons, and retries only what a retry can mend', async () => {
    const service = start(`once:${join(tempFolder(), 'died')}:dies`);
    const bundle = await batchOf(8, {
      'broken/raw.nii.gz': Buffer.from('this is no CT'),
      'cut/raw.nii.gz': (await goodCt(9)).subarray(0, 2000),
    });

    const job = await service.submit('batch', 'cases.tar.gz', bundle);
    const done = await service.until(job.jobId, ended);

    expect([done.state, done.counts]).toEqual(['PARTIAL', { total: 10, succeeded: 7, failed: 3 }]);
    const failed = done.cases.filter(({ state }) => state === 'failed');
    expect(failed.map(({ name, error }) => [name, error?.code])).toEqual([
      [`${PATIENT}-01`, 'ENGINE_DIED'],
      ['broken', 'NIFTI_NOT_NIFTI'],
      ['cut', expect.stringMatching(/^NIFTI_(BAD_GZIP|TRUNCATED)$/)],
    ]);
    expect(failed.every(({ error }) => error!.message.length > 20 && error!.remedy.length > 10)).toBe(true);

    const again = await service.fetch(`/jobs/${job.jobId}/retry`, { method: 'POST' });
    const second = await service.until(job.jobId, ({ attempt, state }) => attempt === 2 && isFinal(state));

    expect(again.status).toBe(202);
    expect([second.state, second.counts]).toEqual(['PARTIAL', { total: 10, succeeded: 8, failed: 2 }]);
    expect(countOf(workerLogs(service.folder), '"event":"case:start"')).toBe(8 + 1);
    const result = await service.fetch(`/jobs/${job.jobId}/result`);
    const members = zipMembers(await result.bytes());
    expect(members).toContain('manifest.json');
    expect(members.filter((name) => name.endsWith('/task008.nii.gz'))).toHaveLength(8);
    const third = await service.fetch(`/jobs/${job.jobId}/retry`, { method: 'POST' });
    expect([third.status, await third.json()]).toEqual([
      409,
      expect.objectContaining({ code: 'JOB_NOTHING_TO_RETRY' }),
    ]);
  });

  it('cancels: the engine is gone or idle at once, finished cases are kept', async () => {
    const service = start('leisurely');
    const job = await service.submit('batch', 'cases.tar.gz', await batchOf(4, {}));
    await service.until(job.jobId, ({ cases }) => cases.some(({ state }) => state === 'succeeded'));
    const asked = performance.now();

    const answer = await service.fetch(`/jobs/${job.jobId}`, { method: 'DELETE' });

    expect(performance.now() - asked).toBeLessThan(10_000);
    expect(answer.status).toBe(200);
    const cancelled = await service.job(job.jobId);
    expect([cancelled.state, cancelled.error?.code]).toEqual(['CANCELLED', 'CANCELLED']);
    const kept = cancelled.cases.filter(({ state }) => state === 'succeeded');
    expect(kept.length).toBeGreaterThanOrEqual(1);
    expect(kept.length).toBeLessThan(4);
    const file = await service.fetch(`/jobs/${job.jobId}/cases/${kept[0]!.caseId}/files/liver.nii.gz`);
    expect(file.status).toBe(200);
    await service.submit('liver', 'next.nii.gz', await goodCt(7));
  });

  it('survives a kill -9: nothing of it is left behind, and the job ends after a restart', async () => {
    const first = start('leisurely');
    const job = await first.submit('batch', 'cases.tar.gz', await batchOf(3, {}));
    await first.until(job.jobId, ({ cases }) => cases.some(({ stage }) => stage === 'segment'));
    await expect.poll(() => engines(first.folder).length, { timeout: 30_000 }).toBeGreaterThan(0);
    const workers = childrenOf(first.child.pid!);
    const started = engines(first.folder);

    await first.stop('SIGKILL');
    expect(workers.length).toBeGreaterThan(0);
    expect(started.length).toBeGreaterThan(0);
    expect(await stillRunning([...workers, ...started], 10_000)).toEqual([]);
    const second = start('ok', first.folder);
    const done = await second.until(job.jobId, ended);

    expect([done.state, done.counts?.succeeded]).toEqual(['SUCCEEDED', 3]);
    await second.stop();
    const scratch = join(first.folder, 'scratch');
    const left = readdirSync(scratch, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    expect(left.map(({ name }) => name)).toEqual([]);
  });

  it('goes on with its jobs after it was asked to stop', async () => {
    const first = start('leisurely');
    const job = await first.submit('liver', 'ct.nii.gz', await goodCt(1));
    await first.until(job.jobId, ({ state }) => state === 'RUNNING');

    expect(await first.stop('SIGTERM')).toBe(0);
    const second = start('ok', first.folder);

    expect((await second.until(job.jobId, ended)).state).toBe('SUCCEEDED');
  });

  it('does what the ingest folder holds', async () => {
    const service = start('ok');
    await service.url();
    const [dropped, folder] = [join(tempFolder(), 'cases.tar.gz'), join(service.folder, 'ingest')];
    writeFileSync(dropped, await batchOf(2, {}));
    copyFileSync(dropped, join(folder, '.cases.part'));
    renameSync(join(folder, '.cases.part'), join(folder, 'cases.tar.gz'));
    writeFileSync(join(folder, 'letter.txt'), 'no CT');

    const listed = async (): Promise<readonly JobAnswer[]> =>
      ((await (await service.fetch('/jobs?state=SUCCEEDED')).json()) as { jobs: JobAnswer[] }).jobs;
    await expect.poll(async () => (await listed()).length, { timeout: 30_000 }).toBe(1);

    expect((await listed())[0]!.counts).toEqual({ total: 2, succeeded: 2, failed: 0 });
    expect(existsSync(join(folder, 'cases.tar.gz'))).toBe(false);
    const reason = join(service.folder, 'ingest-rejected', 'letter.txt.reason.json');
    await expect.poll(() => existsSync(reason), { timeout: 30_000 }).toBe(true);
    expect(JSON.parse(readFileSync(reason, 'utf8'))).toMatchObject({ code: 'REQUEST_TYPE_UNSUPPORTED' });
  });

  it('makes one batch of a folder of the ingest folder that is ready', async () => {
    const service = start('ok');
    await service.url();
    const folder = join(service.folder, 'ingest', PATIENT);
    mkdirSync(join(folder, 'two'), { recursive: true });
    writeFileSync(join(folder, 'one.nii.gz'), await goodCt(1));
    writeFileSync(join(folder, 'two', 'raw.nii.gz'), await goodCt(2));
    writeFileSync(join(folder, 'broken.nii.gz'), 'no CT');
    writeFileSync(join(folder, '_READY'), '');

    const listed = async (): Promise<readonly JobAnswer[]> =>
      ((await (await service.fetch('/jobs?state=PARTIAL')).json()) as { jobs: JobAnswer[] }).jobs;
    await expect.poll(async () => (await listed()).length, { timeout: 30_000 }).toBe(1);

    const [{ jobId }] = (await listed()) as [JobAnswer];
    const { cases } = await service.job(jobId);
    expect(cases.map(({ name, state }) => [name, state])).toEqual([
      ['broken', 'failed'],
      ['one', 'succeeded'],
      ['two', 'succeeded'],
    ]);
    expect(existsSync(folder)).toBe(false);
    expect(service.output + workerLogs(service.folder)).not.toContain(PATIENT);
  });

  it('lets no second one into its data root', async () => {
    const first = start('ok');
    await first.url();

    const second = start('ok', first.folder);

    await expect(second.url()).rejects.toThrow('Another service');
    expect(second.child.exitCode).toBe(15);
  });

  it('is reached under its own name only', async () => {
    const service = start('ok');
    const { port } = new URL(await service.url());

    const status = await new Promise<number | undefined>((resolve) => {
      const asking = request({ port, host: '127.0.0.1', path: '/jobs', headers: { host: 'evil.example' } });
      asking.on('response', (response) => resolve(response.resume().statusCode));
      asking.end();
    });

    expect(status).toBe(403);
  });

  it('logs neither names of the caller nor signed links', async () => {
    const service = start('ok');
    const job = await service.submit(
      'batch',
      `${PATIENT}.tar.gz`,
      await batchOf(2, { [`${PATIENT}-x/raw.nii.gz`]: Buffer.from('x') }),
    );
    await service.until(job.jobId, ended);
    await (await service.fetch(`/jobs/${job.jobId}/result`)).bytes();
    await service.stop();

    const said = [
      service.output,
      workerLogs(service.folder),
      readFileSync(join(service.folder, 'metrics.jsonl'), 'utf8'),
    ].join('\n');
    expect(said).toContain('case:succeeded');
    expect(said).toContain('"name":"QueueSeconds"');
    expect(said).not.toContain(PATIENT);
    expect(said).not.toMatch(/signature|sig=/i);
    const keys = readdirSync(join(service.folder, 'objects'), { recursive: true }).join('\n');
    expect(keys).not.toContain(PATIENT);
  });
});
