import { HpbError } from '../../core/errors.ts';
import { isFinal, jobDocument, type JobDocument, type JobState } from '../../core/job.ts';
import type { JobId } from '../../core/layout.ts';
import type { JobIndex } from '../../core/ports.ts';

/** A job index in memory. `beforeWrite` may throw to play an index that fails, or a process that dies. */
export class MemoryJobIndex implements JobIndex {
  readonly jobs = new Map<JobId, JobDocument>();
  beforeWrite: (jobId: JobId) => void = () => undefined;

  async create(job: JobDocument): Promise<void> {
    this.beforeWrite(job.jobId);
    if (this.jobs.has(job.jobId)) {
      throw new HpbError('OBJECT_EXISTS', `There is a job ${job.jobId}.`, { remedy: 'Read it.' });
    }
    this.jobs.set(job.jobId, jobDocument.parse(job));
  }

  async get(jobId: JobId): Promise<JobDocument | null> {
    return this.jobs.get(jobId) ?? null;
  }

  async update(jobId: JobId, change: (job: JobDocument) => JobDocument | null): Promise<JobDocument> {
    const job = this.jobs.get(jobId);
    if (job === undefined) {
      throw new HpbError('JOB_NOT_FOUND', `There is no job ${jobId}.`, { remedy: 'Check the id.' });
    }
    const next = change(job);
    if (next === null) return job;
    this.beforeWrite(jobId);
    this.jobs.set(jobId, jobDocument.parse(next));
    return next;
  }

  async list(query: {
    readonly state?: JobState | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<{ readonly jobs: readonly JobDocument[]; readonly next: string | null }> {
    const key = ({ createdAt, jobId }: JobDocument): string => `${9e15 - createdAt}-${jobId}`;
    const rest = [...this.jobs.values()]
      .filter((job) => query.state === undefined || job.state === query.state)
      .filter((job) => query.after === undefined || key(job) > query.after)
      .sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const jobs = rest.slice(0, query.limit);
    return { jobs, next: rest.length > jobs.length ? key(jobs.at(-1)!) : null };
  }

  async countActive(): Promise<number> {
    return [...this.jobs.values()].filter(({ state }) => !isFinal(state)).length;
  }

  async remove(jobId: JobId): Promise<void> {
    this.beforeWrite(jobId);
    this.jobs.delete(jobId);
  }
}
