import type { JobDocument } from '../job.ts';
import { isFinal } from '../job.ts';
import {
  caseProgressKey,
  caseResultKey,
  jobManifestKey,
  progressPrefix,
  type CaseId,
  type JobId,
} from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import { HpbError, type ErrorDocument } from '../errors.ts';
import { MAX_ANSWER_CASES, type CaseAnswer } from '../requests.ts';
import { jobManifest } from '../results/job-manifest.ts';
import { caseResult } from '../shard.ts';
import { findCases, refusalOf, type JobCase, type JobCases } from './job-cases.ts';
import { caseOfProgressKey, progressDocument, type ProgressDocument } from './progress-document.ts';
import type { ServicePorts } from './service-ports.ts';
import { findDocument } from './stored-document.ts';

type StandingPorts = Pick<ServicePorts, 'store'>;

/** Most progress documents, and most results, that one look at a running job reads. */
const MAX_PROGRESS = 64;
const MAX_RESULTS = 256;
const READ_AT_ONCE = 16;

/** The cases of a job as they now are. */
export interface JobStanding {
  readonly cases: readonly CaseAnswer[];
  /** Share of the work on all cases that is done, 0 to 1. */
  readonly fraction: number;
  /** Whether a worker has begun a case of this attempt. */
  readonly begun: boolean;
  readonly found: JobCases | null;
}

/** Looks at the cases of a job: in its manifest when it has ended, else in progress documents and results. */
export async function standingOf(ports: StandingPorts, job: JobDocument): Promise<JobStanding> {
  const found = await findCases(ports.store, job.jobId);
  if (found === null) return { cases: [], fraction: 0, begun: false, found };
  const ended = isFinal(job.state) ? await endedCases(ports, job) : null;
  if (ended !== null) return { cases: ended, fraction: 1, begun: true, found };
  const begun = await begunCases(ports, job, found);
  const cases = found.cases.map((one) => atEndOf(job, begun.get(one.caseId) ?? waiting(one)));
  const fraction = cases.reduce((sum, { percent }) => sum + percent, 0) / (100 * Math.max(1, cases.length));
  return {
    cases: cases.slice(0, MAX_ANSWER_CASES),
    fraction,
    begun: [...begun.values()].some(({ state }) => state !== 'waiting'),
    found,
  };
}

/** Counts of the cases as they were read; those in the document of the job where not every case was. */
export function countsOf(job: JobDocument, { cases, found }: JobStanding): JobDocument['counts'] {
  if (found === null) return job.counts;
  const total = found.cases.length;
  const having = (state: string): number => cases.filter((one) => one.state === state).length;
  const isWhole = cases.length === total && having('ended') === 0;
  if (!isWhole && isCounted(job)) return job.counts;
  return { total, succeeded: having('succeeded'), failed: having('failed') };
}

/**
 * A job that ended before it was published counts what its plan did: this is the job with the cases as they ended
 * (what has a result of its own succeeded, all else failed), or as it is when a document of theirs is damaged.
 */
export async function withCounts(ports: StandingPorts, job: JobDocument): Promise<JobDocument> {
  return !isFinal(job.state) || isCounted(job) ? job : countedAnew(ports, job);
}

/** The same of a final job that was counted before: a worker that was being ended may have finished a case since. */
export async function countedAnew({ store }: StandingPorts, job: JobDocument): Promise<JobDocument> {
  const { jobId } = job;
  try {
    const found = await findCases(store, jobId);
    if (found === null) return job;
    const total = found.cases.length;
    const documents = await store.list(progressPrefix(jobId));
    const begun = documents.flatMap(({ key }) => caseOfProgressKey(jobId, key) ?? []);
    const succeeded = (await succeededCases({ store }, jobId, begun)).size;
    return { ...job, counts: { total, succeeded, failed: total - succeeded } };
  } catch (thrown) {
    if (thrown instanceof HpbError && thrown.code === 'DOCUMENT_UNREADABLE') return job;
    throw thrown;
  }
}

const isCounted = ({ counts }: JobDocument): boolean =>
  counts !== null && counts.succeeded + counts.failed === counts.total;

/** One case of a job as it now is; null when the job has no such case. */
export async function caseStanding(
  ports: StandingPorts,
  job: JobDocument,
  caseId: CaseId,
): Promise<CaseAnswer | null> {
  const found = await findCases(ports.store, job.jobId);
  const one = found?.cases.find((candidate) => candidate.caseId === caseId);
  if (one === undefined) return null;
  if (isFinal(job.state)) {
    const ended = (await endedCases(ports, job))?.find((candidate) => candidate.caseId === caseId);
    if (ended !== undefined) return ended;
  }
  const finished = await finishedCase(ports, job, one);
  if (finished !== null) return finished;
  const progress = await findDocument(ports.store, caseProgressKey(job.jobId, caseId), progressDocument);
  return atEndOf(job, progress === null || refusalOf(one) !== null ? waiting(one) : running(one, progress));
}

/** Cases of the manifest; null when the job ended without one, or with that of an earlier attempt. */
async function endedCases(
  { store }: StandingPorts,
  { jobId, attempt }: JobDocument,
): Promise<readonly CaseAnswer[] | null> {
  const manifest = await findDocument(store, jobManifestKey(jobId), jobManifest);
  if (manifest === null || manifest.attempt !== attempt) return null;
  return manifest.cases.slice(0, MAX_ANSWER_CASES).map(({ caseId, name, outcome, error }) => ({
    caseId,
    name,
    state: outcome,
    stage: null,
    percent: 100,
    error,
  }));
}

/** The cases that a worker has taken up, the latest ones in full. */
async function begunCases(
  ports: StandingPorts,
  job: JobDocument,
  found: JobCases,
): Promise<ReadonlyMap<CaseId, CaseAnswer>> {
  const { jobId } = job;
  const documents = await ports.store.list(progressPrefix(jobId));
  const latest = [...documents].sort((a, b) => b.modifiedAt - a.modifiedAt);
  const byId = new Map(found.cases.map((one) => [one.caseId, one]));
  const begun = latest.flatMap(({ key }) => byId.get(caseOfProgressKey(jobId, key) ?? ('' as CaseId)) ?? []);
  const answers = await mapLimited(begun, READ_AT_ONCE, async (one, rank) => {
    const finished = rank < MAX_RESULTS ? await finishedCase(ports, job, one) : null;
    if (finished !== null) return finished;
    if (rank >= MAX_PROGRESS) return ended(one);
    const progress = await findDocument(ports.store, caseProgressKey(jobId, one.caseId), progressDocument);
    return progress === null || isStale(job, progress) ? waiting(one) : running(one, progress);
  });
  return new Map(answers.map((answer) => [answer.caseId, answer]));
}

/** A case by its result; null while there is none of this attempt, or only that of a worker which was stopped. */
async function finishedCase(
  { store }: StandingPorts,
  { jobId, attempt, state }: JobDocument,
  one: JobCase,
): Promise<CaseAnswer | null> {
  const result = await findDocument(store, caseResultKey(jobId, one.caseId), caseResult);
  if (result === null || (result.outcome === 'failed' && result.attempt !== attempt)) return null;
  // The next worker runs it again: a service that shuts down cancels what runs, a machine that goes interrupts it.
  const isStopped = result.error?.code === 'INTERRUPTED' || result.error?.code === 'CANCELLED';
  if (isStopped && !isFinal(state)) return null;
  return { ...ended(one), state: result.outcome, error: result.error };
}

/** Whether a progress document was left by an earlier attempt. */
function isStale(job: JobDocument, progress: ProgressDocument): boolean {
  return progress.updatedAt < job.attempts.at(-1)!.startedAt;
}

/** What ended the job is why a case that was not done has no result. */
function atEndOf({ state, error }: JobDocument, one: CaseAnswer): CaseAnswer {
  const isOpen = one.state === 'waiting' || one.state === 'running';
  if (!isOpen || !isFinal(state) || error === null) return one;
  return { ...one, state: 'failed', stage: null, percent: 100, error };
}

function waiting(one: JobCase): CaseAnswer {
  const error: ErrorDocument | null = refusalOf(one);
  if (error !== null) return { ...ended(one), state: 'failed', error };
  return { caseId: one.caseId, name: one.name, state: 'waiting', stage: null, percent: 0, error: null };
}

function ended({ caseId, name }: JobCase): CaseAnswer {
  return { caseId, name, state: 'ended', stage: null, percent: 100, error: null };
}

function running({ caseId, name }: JobCase, { stage, fraction }: ProgressDocument): CaseAnswer {
  const percent = Math.floor(fraction * 99);
  return { caseId, name, state: 'running', stage, percent, error: null };
}

/** Ids of a job's cases that have a result of their own. */
export async function succeededCases(
  { store }: StandingPorts,
  jobId: JobId,
  caseIds: readonly CaseId[],
): Promise<ReadonlySet<CaseId>> {
  const results = await mapLimited(caseIds, READ_AT_ONCE, (caseId) =>
    findDocument(store, caseResultKey(jobId, caseId), caseResult),
  );
  return new Set(results.flatMap((result) => (result?.outcome === 'succeeded' ? [result.caseId] : [])));
}
