import { z } from 'zod';
import { errorDocument, segmentOptions } from './shard.ts';
import { isJobId, LAYOUT_VERSION } from './layout.ts';
import { MODEL_IDS, type ModelId } from './models/catalogue.ts';

/** States of a job in the order in which they can come; the last four are final. */
export const JOB_STATES = [
  'QUEUED',
  'PREPARING',
  'RUNNING',
  'PUBLISHING',
  'SUCCEEDED',
  'PARTIAL',
  'FAILED',
  'CANCELLED',
] as const;
export type JobState = (typeof JOB_STATES)[number];

const FINAL_STATES: ReadonlySet<JobState> = new Set(['SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED']);

/** Whether nothing of this attempt changes the job any more. */
export const isFinal = (state: JobState): boolean => FINAL_STATES.has(state);

const counts = z.object({
  total: z.int().min(0),
  succeeded: z.int().min(0),
  failed: z.int().min(0),
});
/** Cases of a job: all, and how those that ended did. */
export type CaseCounts = z.infer<typeof counts>;

const attemptRecord = z.object({
  attempt: z.int().min(1),
  /** ms since 1970. */
  startedAt: z.int(),
  endedAt: z.int().nullable(),
  /** Final state of the attempt; null while it goes on. */
  state: z.enum(JOB_STATES).nullable(),
  code: z.string().nullable(),
});

const storedFile = z.object({ key: z.string(), bytes: z.int(), sha256: z.string() });

/** job.json: the one document that says where a job stands. Times are ms since 1970. */
export const jobDocument = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  state: z.enum(JOB_STATES),
  /** Counts up with every retry. */
  attempt: z.int().min(1),
  /** Whether an archive of cases was sent. */
  batch: z.boolean(),
  models: z.array(z.enum(MODEL_IDS as [ModelId, ...ModelId[]])).min(1),
  options: segmentOptions,
  createdAt: z.int(),
  updatedAt: z.int(),
  endedAt: z.int().nullable(),
  /** When the job is final at the latest; null before it is prepared. */
  deadlineAt: z.int().nullable(),
  /** Null before the cases are known. */
  counts: counts.nullable(),
  /** Why the job as a whole failed or was cancelled. */
  error: errorDocument.nullable(),
  attempts: z.array(attemptRecord).min(1),
  /** The ZIP of all results; null while there is none, or when there is a ZIP per case only. */
  zip: storedFile.nullable(),
});
export type JobDocument = z.infer<typeof jobDocument>;

/** What can happen to a job. Every event names the attempt that it belongs to. */
export type JobEvent = { readonly attempt: number } & (
  | { readonly event: 'prepare' }
  | { readonly event: 'run'; readonly counts: CaseCounts; readonly deadlineAt: number }
  | { readonly event: 'publish' }
  | {
      readonly event: 'finish';
      readonly state: 'SUCCEEDED' | 'PARTIAL' | 'FAILED';
      readonly counts: CaseCounts;
      readonly zip: JobDocument['zip'];
      readonly error: JobDocument['error'];
    }
  | { readonly event: 'fail'; readonly error: NonNullable<JobDocument['error']> }
  | { readonly event: 'cancel'; readonly error: NonNullable<JobDocument['error']> }
);

/**
 * The job after an event at `now` (ms since 1970). Null when the event changes nothing: it belongs to another
 * attempt, the job is final already, or the job is past it. So events may come twice, late, or in any order.
 */
export function applyJobEvent(job: JobDocument, event: JobEvent, now: number): JobDocument | null {
  if (event.attempt !== job.attempt || isFinal(job.state)) return null;
  const next = { ...job, updatedAt: now };
  switch (event.event) {
    case 'prepare':
      return forward(job, { ...next, state: 'PREPARING' });
    case 'run':
      return forward(job, { ...next, state: 'RUNNING', counts: event.counts, deadlineAt: event.deadlineAt });
    case 'publish':
      return forward(job, { ...next, state: 'PUBLISHING' });
    case 'finish': {
      const { state, counts: found, zip, error } = event;
      return ended({ ...next, state, counts: found, zip, error }, now);
    }
    case 'fail':
      return ended({ ...next, state: 'FAILED', error: event.error }, now);
    case 'cancel':
      return ended({ ...next, state: 'CANCELLED', error: event.error }, now);
  }
}

/** The job when its next attempt begins: what had failed is to be run again. Only for a final job. */
export function beginAttempt(job: JobDocument, now: number): JobDocument {
  const attempt = job.attempt + 1;
  return {
    ...job,
    state: 'QUEUED',
    attempt,
    updatedAt: now,
    endedAt: null,
    deadlineAt: null,
    error: null,
    attempts: [...job.attempts, { attempt, startedAt: now, endedAt: null, state: null, code: null }],
  };
}

function forward(job: JobDocument, next: JobDocument): JobDocument | null {
  return JOB_STATES.indexOf(next.state) > JOB_STATES.indexOf(job.state) ? next : null;
}

function ended(job: JobDocument, now: number): JobDocument {
  const attempts = job.attempts.map((one) =>
    one.attempt === job.attempt
      ? { ...one, endedAt: now, state: job.state, code: job.error?.code ?? null }
      : one,
  );
  return { ...job, endedAt: now, attempts };
}
