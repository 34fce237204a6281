import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { JobFacts, Jobs, JobSpec } from '../../core/ports.ts';
import { itExcept, type Deviations } from '../fixtures/deviations.ts';

/** A home of jobs; commands that it can run to each end. */
export interface JobsHome {
  readonly jobs: Jobs;
  /** A worker that ends well, having logged `log lines` lines. */
  readonly good: readonly string[];
  /** One that ends with exit code 2. */
  readonly bad: readonly string[];
  /** One that never ends by itself. */
  readonly endless: readonly string[];
}

/** A job of a name that no other test has. */
export function newSpec(command: readonly string[], changes: Partial<JobSpec> = {}): JobSpec {
  return {
    name: `hpb-${randomUUID()}-a1-s0001`,
    command,
    priority: 0,
    memoryMib: 1024,
    vcpus: 1,
    timeoutSeconds: 120,
    gpu: true,
    ...changes,
  };
}

/** Waits until a job is in one of these states. */
export async function reach(
  jobs: Jobs,
  ref: string,
  statuses: readonly JobFacts['status'][],
): Promise<JobFacts> {
  for (const until = Date.now() + 60_000; ; await sleep(10)) {
    const facts = await jobs.describe(ref);
    if (facts !== null && statuses.includes(facts.status)) return facts;
    if (Date.now() > until) throw new Error(`The job is ${facts?.status ?? 'unknown'}.`);
  }
}

/** What every home of jobs does. */
export function jobsContract(home: string, open: () => Promise<JobsHome>, deviations: Deviations = {}): void {
  const it = itExcept(deviations);
  describe(`jobs in ${home}`, () => {
    it('run to a good end', async () => {
      const { jobs, good } = await open();
      const spec = newSpec(good);

      const facts = await jobs.wait(await jobs.submit(spec));

      expect(facts).toMatchObject({ name: spec.name, status: 'SUCCEEDED' });
      expect(await jobs.describe(facts.ref)).toEqual(facts);
    });

    it('of each kind run', async () => {
      const { jobs, good } = await open();

      const kinds = [{ gpu: false }, { priority: 1 }, { priority: 0 }] as const;
      const refs = await Promise.all(kinds.map(async (kind) => jobs.submit(newSpec(good, kind))));
      const ends = await Promise.all(refs.map((ref) => jobs.wait(ref)));

      expect(ends.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
    });

    it('that fail say the exit code', async () => {
      const { jobs, bad } = await open();

      const facts = await jobs.wait(await jobs.submit(newSpec(bad)));

      expect(facts).toMatchObject({ status: 'FAILED', exitCode: 2 });
    });

    it('end when they are terminated', async () => {
      const { jobs, endless } = await open();
      const ref = await jobs.submit(newSpec(endless));

      await jobs.terminate(ref, 'no longer wanted');

      expect(await jobs.wait(ref)).toMatchObject({ status: 'FAILED' });
    });

    it('end when nobody waits for them any more', async () => {
      const { jobs, endless } = await open();
      const owner = new AbortController();
      const end = jobs.wait(await jobs.submit(newSpec(endless)), owner.signal);

      owner.abort();

      expect(await end).toMatchObject({ status: 'FAILED' });
    });

    it('that have ended stay as they are when they are terminated', async () => {
      const { jobs, good } = await open();
      const facts = await jobs.wait(await jobs.submit(newSpec(good)));

      await jobs.terminate(facts.ref, 'too late');

      expect(await jobs.describe(facts.ref)).toMatchObject({ status: 'SUCCEEDED' });
    });

    it('that never were are told so', async () => {
      const { jobs } = await open();
      const ref = randomUUID();

      await jobs.terminate(ref, 'no longer wanted');

      expect(await jobs.describe(ref)).toBeNull();
      await expect(jobs.wait(ref)).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
      expect(await jobs.queuePosition('hpb-nobody')).toBeNull();
      expect(await jobs.logTail('hpb-nobody', 10)).toEqual([]);
    });

    it('show the last lines of their logs', async () => {
      const { jobs, good } = await open();
      const spec = newSpec(good);
      await jobs.wait(await jobs.submit(spec));

      expect(await jobs.logTail(spec.name.slice(0, -6), 2)).toHaveLength(2);
    });
  });
}
