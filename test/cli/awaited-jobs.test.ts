import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import type { JobId } from '../../core/layout.ts';
import { finished, lines, workplace } from '../fixtures/client-workplace.ts';
import { hpbHere, type CommandResult } from '../fixtures/hpb-command.ts';

const DAY_MS = 24 * 3_600_000;

/** The job that a command has said to be that of its input. */
function jobIn({ stdout, stderr }: CommandResult): { readonly jobId: JobId; readonly isKnown: boolean } {
  const event = lines(stdout).find(({ event: name }) => name === 'submitted');
  if (event === undefined) throw new Error(`nothing was submitted: ${stdout}${stderr}`);
  return { jobId: (event['job'] as { jobId: JobId }).jobId, isKnown: event['isKnown'] as boolean };
}

/** A command that has sent a CT, and was interrupted while it waited for the results. */
async function interrupted(input: 'a CT' | 'a folder' = 'a CT') {
  const place = await workplace();
  const { folder, ct, environment } = place;
  const cases = join(folder, 'cases');
  mkdirSync(cases);
  writeFileSync(join(cases, 'one.nii.gz'), randomBytes(2_000));
  const path = input === 'a CT' ? ct : cases;
  const out = join(folder, 'out');
  const args = ['submit', path, '--wait', '--out', out, '--json'];
  /** Runs it, or one like it, until it waits. */
  const untilItWaits = (...more: string[]): Promise<CommandResult> => {
    const stop = new AbortController();
    const onText = (text: string): void => void (text.includes('"progress"') && stop.abort());
    return hpbHere([...args, ...more], environment, { signal: stop.signal, onText });
  };
  const first = await untilItWaits();
  return { ...place, path, out, args, untilItWaits, first, job: jobIn(first) };
}

describe('a command that is interrupted while it waits for a job', () => {
  it('names the job, and what goes on with it', async () => {
    const { first, job } = await interrupted();

    expect(first.code).toBe(130);
    expect(job.isKnown).toBe(false);
    const { error } = lines(first.stdout).find(({ event }) => event === 'failed')!;
    const { message, remedy } = error as { message: string; remedy: string };
    expect(message).toContain(job.jobId);
    for (const command of ['status', 'fetch', 'cancel'])
      expect(remedy).toContain(`hpb ${command} ${job.jobId}`);
  });

  it.each(['a CT', 'a folder'] as const)(
    'waits on for the same job of %s when it runs again, and is done with it then',
    async (input) => {
      const { service, run, args, out, environment, untilItWaits, job } = await interrupted(input);
      const packed = join(environment.HPB_DATA_ROOT, 'client', 'packed');
      expect(existsSync(packed) ? readdirSync(packed) : []).toEqual([]);
      const uploads = service.seen.filter((line) => line === 'POST /uploads').length;

      const second = await untilItWaits();
      await finished(service, job.jobId, 'SUCCEEDED');
      const third = await run(...args);

      for (const again of [second, third]) expect(jobIn(again)).toEqual({ jobId: job.jobId, isKnown: true });
      expect(third.code, third.stderr).toBe(0);
      expect(readdirSync(out)).toHaveLength(1);
      expect(service.seen.filter((line) => line === 'POST /uploads')).toHaveLength(uploads);
      expect(jobIn(await untilItWaits())).toMatchObject({ isKnown: false });
      expect((await service.ports.index.list({ limit: 10 })).jobs).toHaveLength(2);
    },
  );

  it('fetches later what could not be written', async () => {
    const { service, run, args, out, job } = await interrupted();
    await finished(service, job.jobId, 'SUCCEEDED');
    writeFileSync(out, 'in the way');

    const refused = await run(...args);
    rmSync(out);
    const fetched = await run(...args);

    expect(refused.code).not.toBe(0);
    expect(jobIn(fetched)).toEqual({ jobId: job.jobId, isKnown: true });
    expect(fetched.code).toBe(0);
  });

  it.each(['--new', '--no-fast', '--priority=bulk'])('makes another job with %s', async (option) => {
    const { untilItWaits, job } = await interrupted();

    const other = jobIn(await untilItWaits(option));

    expect(other.isKnown).toBe(false);
    expect(other.jobId).not.toBe(job.jobId);
  });

  it('makes another job of a file that has changed', async () => {
    const { path, untilItWaits, job } = await interrupted();
    appendFileSync(path, 'more');

    expect(jobIn(await untilItWaits()).jobId).not.toBe(job.jobId);
  });

  it.each([
    ['failed', 'fail'],
    ['was cancelled', 'cancel'],
  ] as const)('makes another job when that %s meanwhile', async (_, event) => {
    const { service, untilItWaits, job } = await interrupted();
    const error = new HpbError('ENGINE_FAILED', 'It broke.', { remedy: 'Again.' }).toDocument();
    await service.happen(job.jobId, { event, error });

    expect(jobIn(await untilItWaits()).jobId).not.toBe(job.jobId);
  });

  it.each([
    ['ended more than a day ago', DAY_MS + 60_000, false],
    ['ended within the last day', DAY_MS - 60_000, true],
  ])('knows a job that %s: %s', async (_, ago, isKnown) => {
    const { service, untilItWaits, job } = await interrupted();
    await finished(service, job.jobId, 'SUCCEEDED');
    await service.ports.index.update(job.jobId, (latest) => ({ ...latest, endedAt: Date.now() - ago }));

    expect(jobIn(await untilItWaits())).toMatchObject({ isKnown });
  });

  it('makes another job when that was deleted meanwhile', async () => {
    const { service, run, untilItWaits, job } = await interrupted();
    expect((await fetch(`${service.url}/jobs/${job.jobId}?purge=true`, { method: 'DELETE' })).status).toBe(
      200,
    );

    const again = await untilItWaits();

    expect(jobIn(again)).toMatchObject({ isKnown: false });
    expect((await run('jobs')).stdout).toContain(jobIn(again).jobId);
  });
});
