import type { JobDocument } from './job.ts';

/** What is said of a job that has ended: by an event, a message, a webhook. Nothing in it is a name of the caller's. */
export interface FinishedDocument {
  readonly event: 'job.finished';
  readonly jobId: string;
  readonly state: JobDocument['state'];
  readonly attempt: number;
  readonly counts: JobDocument['counts'];
  readonly code: string | null;
  readonly models: JobDocument['models'];
  readonly endedAt: string | null;
  /** Path below the address of the API. */
  readonly link: string;
}

/** Source of the events that a deployment puts on its bus, and the type of those about finished jobs. */
export const FINISHED_EVENT = { source: 'hpb.segmentation', detailType: 'Job Finished' } as const;

/** What is said of this job. */
export function finishedDocument(job: JobDocument): FinishedDocument {
  const { jobId, state, attempt, counts, error, models, endedAt } = job;
  return {
    event: 'job.finished',
    jobId,
    state,
    attempt,
    counts,
    code: error?.code ?? null,
    models,
    endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
    link: `/jobs/${jobId}`,
  };
}
