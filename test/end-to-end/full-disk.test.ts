import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { isFinal } from '../../core/job.ts';
import { noDisks } from '../fixtures/full-disk.ts';
import { goodCt, RunningService } from '../fixtures/running-service.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const SIZE = '24m';

/** A data root on a disk of its own that outlives the services on it. */
interface Disk {
  readonly start: (behaviour: string, environment?: Readonly<Record<string, string>>) => RunningService;
  /** To the last byte. */
  readonly fill: () => void;
  readonly empty: () => void;
}

async function disk(context: TestContext): Promise<Disk> {
  const impossible = noDisks();
  if (impossible !== null) context.skip(impossible);
  const folder = tempFolder();
  const dataRoot = join(folder, 'data');
  mkdirSync(dataRoot);
  const mount = `mount -t tmpfs -o size=${SIZE} tmpfs '${dataRoot}' && echo mounted && exec sleep 600`;
  const holder = spawn('unshare', ['-rm', 'sh', '-c', mount]);
  onTestFinished(() => void holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  const filler = `/proc/${holder.pid}/root${join(dataRoot, 'filler')}`;
  const enter = ['nsenter', '-t', String(holder.pid), '-m', '-U', '--preserve-credentials'];
  return {
    start: (behaviour, environment) => {
      const service = new RunningService(
        behaviour,
        folder,
        { HPB_DATA_ROOT: dataRoot, ...environment },
        enter,
      );
      onTestFinished(async () => void (await service.stop('SIGKILL')));
      return service;
    },
    fill: () => {
      const file = openSync(filler, 'a');
      for (let bytes = 2 ** 20; bytes >= 1;) {
        try {
          writeSync(file, Buffer.alloc(bytes));
        } catch {
          bytes = Math.floor(bytes / 2);
        }
      }
      closeSync(file);
    },
    empty: () => rmSync(filler),
  };
}

const cancel = (service: RunningService, jobId: string): Promise<Response> =>
  service.fetch(`/jobs/${jobId}`, { method: 'DELETE' });

async function running(service: RunningService): Promise<string> {
  const { jobId } = await service.submit('liver', 'ct.nii.gz', await goodCt(1));
  await service.until(jobId, ({ stage }) => stage === 'segment');
  return jobId;
}

async function waiting(service: RunningService): Promise<string> {
  const { jobId } = await service.submit('liver', 'ct.nii.gz', await goodCt(2));
  await service.until(jobId, ({ queuePosition }) => queuePosition !== null);
  return jobId;
}

describe('the service on a full disk', () => {
  it('cancels a job: what its worker kept makes room for the record', async (context) => {
    const { start, fill } = await disk(context);
    const service = start('slow');
    const jobId = await running(service);
    fill();

    const answer = await cancel(service, jobId);

    expect([answer.status, (await service.job(jobId)).state]).toEqual([200, 'CANCELLED']);
  });

  it('stops a job whose end it has no room for, says so, and records it when there is room', async (context) => {
    const scratch = tempFolder();
    const { start, fill, empty } = await disk(context);
    const service = start('slow', { HPB_IN_ROOT: scratch, HPB_OUT_ROOT: scratch });
    const jobId = await running(service);
    const inputs = (): readonly string[] =>
      readdirSync(scratch, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.nii.gz'));
    expect(inputs()).not.toEqual([]);
    fill();

    const answers = [await cancel(service, jobId), await cancel(service, jobId)];

    expect(answers.map(({ status }) => status)).toEqual([507, 507]);
    expect(await answers[0]!.json()).toMatchObject({
      code: 'DISK_FULL',
      detail: expect.stringContaining('Nothing of the job runs any more') as string,
    });
    expect(inputs()).toEqual([]);
    empty();
    expect((await cancel(service, jobId)).status).toBe(200);
    expect(await service.job(jobId)).toMatchObject({ state: 'CANCELLED' });
  });

  it('starts, and deletes jobs, also one that was running, which makes room', async (context) => {
    const scratch = tempFolder();
    const elsewhere = { HPB_IN_ROOT: scratch, HPB_OUT_ROOT: scratch };
    const { start, fill, empty } = await disk(context);
    const before = start('slow', elsewhere);
    const jobIds = [await running(before), await waiting(before), await waiting(before)];
    await before.stop('SIGKILL');
    fill();

    const service = start('ok', elsewhere);

    expect((await service.fetch('/jobs')).status).toBe(200);
    for (const jobId of jobIds.slice(0, 2)) {
      const purged = await service.fetch(`/jobs/${jobId}?purge=true`, { method: 'DELETE' });
      expect(purged.status, await purged.text()).toBe(200);
    }
    empty();
    expect((await service.fetch(`/jobs/${jobIds[0]}`)).status).toBe(404);
    // Sooner than the next round of the service's tidying.
    await service.stop();
    const next = start('ok', elsewhere);
    const { state, error } = await next.until(jobIds[2]!, (job) => isFinal(job.state));
    // Its worker may have met the disk before.
    expect([undefined, 'DISK_FULL'], state).toContain(error?.code);
    await next.fetch(`/jobs/${jobIds[2]}/retry`, { method: 'POST' });
    expect(await next.until(jobIds[2]!, (job) => isFinal(job.state))).toMatchObject({
      state: 'SUCCEEDED',
    });
  }, 60_000);
});
