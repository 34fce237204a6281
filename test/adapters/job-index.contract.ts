import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import { applyJobEvent, type JobDocument, type JobState } from '../../core/job.ts';
import { isJobId, LAYOUT_VERSION, type JobId } from '../../core/layout.ts';
import type { JobIndex } from '../../core/ports.ts';

const BORN = 1_790_000_000_000;

/** A job that has just been submitted, the `age`-th: the higher, the newer. */
export function submitted(age: number, jobId = `job-${String(age).padStart(6, '0')}`): JobDocument {
  if (!isJobId(jobId)) throw new Error(`${jobId} is no job id`);
  const at = BORN + age * 1000;
  return {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    state: 'QUEUED',
    attempt: 1,
    batch: false,
    models: ['liver'],
    options: { fast: false, folds: [0], tta: false },
    createdAt: at,
    updatedAt: at,
    endedAt: null,
    deadlineAt: null,
    counts: null,
    error: null,
    attempts: [{ attempt: 1, startedAt: at, endedAt: null, state: null, code: null }],
    zip: null,
  };
}

const CANCELLED = new HpbError('CANCELLED', 'Cancelled by a test.', { remedy: 'None.' }).toDocument();

/** Moves a job on, as the use-cases do. */
export async function move(
  index: JobIndex,
  jobId: JobId,
  to: 'prepare' | 'publish' | 'cancel',
): Promise<JobDocument> {
  return index.update(jobId, (job) => {
    const { attempt } = job;
    const event = to === 'cancel' ? { attempt, event: to, error: CANCELLED } : { attempt, event: to };
    return applyJobEvent(job, event, job.updatedAt + 1);
  });
}

/** Ids of a whole list, read in pages of `limit`. */
export async function idsOf(index: JobIndex, state?: JobState, limit = 100): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let after: string | undefined; ;) {
    const { jobs, next } = await index.list({ state, limit, after });
    ids.push(...jobs.map(({ jobId }) => jobId));
    if (next === null) return ids;
    after = next;
  }
}

/** What every `JobIndex` does; `make` gives an empty one. */
export function jobIndexContract(name: string, make: () => JobIndex | Promise<JobIndex>): void {
  describe(`${name}, as an index of jobs`, () => {
    it('gives back what was created', async () => {
      const index = await make();
      const job = submitted(1);

      await index.create(job);

      expect(await index.get(job.jobId)).toEqual(job);
      expect(await index.get(submitted(2).jobId)).toBeNull();
      expect(await idsOf(index)).toEqual([job.jobId]);
    });

    it('refuses a second job of the same id, and keeps the first', async () => {
      const index = await make();
      await index.create(submitted(1, 'the-same-id'));

      await expect(index.create(submitted(5, 'the-same-id'))).rejects.toMatchObject({
        code: 'OBJECT_EXISTS',
      });
      await expect(index.create(submitted(1, 'the-same-id'))).rejects.toMatchObject({
        code: 'OBJECT_EXISTS',
      });

      expect((await index.list({ limit: 10 })).jobs).toEqual([submitted(1, 'the-same-id')]);
      expect(await idsOf(index, 'QUEUED')).toEqual(['the-same-id']);
    });

    it('lists newest first, page by page, whatever the order of creation', async () => {
      const index = await make();
      const ages = [3, 1, 7, 5, 2, 6, 4];
      for (const age of ages) await index.create(submitted(age));

      const newestFirst = [7, 6, 5, 4, 3, 2, 1].map((age) => submitted(age).jobId);
      expect(await idsOf(index)).toEqual(newestFirst);
      for (const limit of [1, 2, 3, 7]) expect(await idsOf(index, undefined, limit)).toEqual(newestFirst);
      expect((await index.list({ limit: 7 })).next).toBeNull();
    });

    it('lists the jobs of a state as they change it', async () => {
      const index = await make();
      const [first, second, third] = [submitted(1), submitted(2), submitted(3)];
      for (const job of [first, second, third]) await index.create(job);

      await move(index, first.jobId, 'prepare');
      await move(index, second.jobId, 'cancel');

      expect(await idsOf(index, 'QUEUED')).toEqual([third.jobId]);
      expect(await idsOf(index, 'PREPARING')).toEqual([first.jobId]);
      expect(await idsOf(index, 'CANCELLED')).toEqual([second.jobId]);
      expect(await idsOf(index, 'RUNNING')).toEqual([]);
      expect(await idsOf(index)).toHaveLength(3);
    });

    it('counts the jobs that are not final', async () => {
      const index = await make();
      for (const age of [1, 2, 3]) await index.create(submitted(age));

      await move(index, submitted(1).jobId, 'prepare');
      await move(index, submitted(2).jobId, 'cancel');

      expect(await index.countActive()).toBe(2);
    });

    it('returns the job after a change, and as it stands when there is nothing to change', async () => {
      const index = await make();
      const job = submitted(1);
      await index.create(job);

      const cancelled = await move(index, job.jobId, 'cancel');
      const late = await move(index, job.jobId, 'prepare');

      expect(cancelled.state).toBe('CANCELLED');
      expect(late).toEqual(cancelled);
      expect(await index.get(job.jobId)).toEqual(cancelled);
      expect(await idsOf(index, 'PREPARING')).toEqual([]);
    });

    it('says that there is no such job to change', async () => {
      const index = await make();

      await expect(move(index, submitted(1).jobId, 'prepare')).rejects.toMatchObject({
        code: 'JOB_NOT_FOUND',
      });
    });

    it('loses no change of writers at once', async () => {
      const index = await make();
      const job = submitted(1);
      await index.create(job);

      await Promise.all(
        Array.from({ length: 5 }, async () =>
          index.update(job.jobId, (now) => ({ ...now, updatedAt: now.updatedAt + 1 })),
        ),
      );

      expect((await index.get(job.jobId))?.updatedAt).toBe(job.updatedAt + 5);
    });

    it('agrees with itself after changes of state at once', async () => {
      const index = await make();
      const job = submitted(1);
      await index.create(job);

      await Promise.all([
        move(index, job.jobId, 'prepare'),
        move(index, job.jobId, 'publish'),
        move(index, job.jobId, 'cancel'),
      ]);

      expect((await index.get(job.jobId))?.state).toBe('CANCELLED');
      expect(await idsOf(index, 'CANCELLED')).toEqual([job.jobId]);
      expect(await index.countActive()).toBe(0);
    });

    it('removes a job from every list, also one that is not there', async () => {
      const index = await make();
      for (const age of [1, 2]) await index.create(submitted(age));

      await index.remove(submitted(1).jobId);
      await index.remove(submitted(1).jobId);

      expect(await index.get(submitted(1).jobId)).toBeNull();
      expect(await idsOf(index)).toEqual([submitted(2).jobId]);
      expect(await idsOf(index, 'QUEUED')).toEqual([submitted(2).jobId]);
      expect(await index.countActive()).toBe(1);
    });

    it('refuses a place in the list that it did not give', async () => {
      const index = await make();

      for (const after of ['', '../../jobs', 'x'.repeat(2_000)])
        await expect(index.list({ limit: 10, after })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });
  });
}
