import { isFinal, type JobDocument, type JobState } from '../job.ts';
import { workerNamePrefix } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import { CASE_STAGES } from '../results/run-record.ts';
import type { JobAnswer, JobListAnswer, JobSummary } from '../requests.ts';
import { countsOf, standingOf, withCounts, type JobStanding } from './case-standing.ts';
import { findJob } from './job-request.ts';
import type { AnswerLinks, ServicePorts } from './service-ports.ts';

type ReadPorts = Pick<ServicePorts, 'store' | 'index' | 'jobs'>;

/** Where a job stands, with its cases. Throws `JOB_NOT_FOUND`. */
export async function readJob(ports: ReadPorts, jobId: string, links: AnswerLinks): Promise<JobAnswer> {
  return answerOf(ports, await findJob(ports.index, jobId), links);
}

const COUNTED_AT_ONCE = 8;

/** A page of jobs, newest first. */
export async function listJobs(
  { index, store }: Pick<ReadPorts, 'index' | 'store'>,
  query: {
    readonly state?: JobState | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  },
  links: AnswerLinks,
): Promise<JobListAnswer> {
  const { jobs, next } = await index.list(query);
  const counted = await mapLimited(jobs, COUNTED_AT_ONCE, (job) => withCounts({ store }, job));
  return { jobs: counted.map((job) => summaryOf(job, links)), next };
}

/** The answer about a job that was read already. */
export async function answerOf(
  ports: Pick<ReadPorts, 'store' | 'jobs'>,
  job: JobDocument,
  links: AnswerLinks,
): Promise<JobAnswer> {
  const standing = await standingOf(ports, job);
  const waits = job.state === 'RUNNING' && !standing.begun;
  return {
    ...summaryOf(job, links),
    counts: countsOf(job, standing),
    stage: stageOf(job, standing),
    percent: percentOf(job, standing),
    queuePosition: waits ? await ports.jobs.queuePosition(workerNamePrefix(job.jobId)) : null,
    attempts: job.attempts.map(({ attempt, startedAt, endedAt, state, code }) => ({
      attempt,
      startedAt: isoTime(startedAt),
      endedAt: isoTimeOrNull(endedAt),
      state,
      code,
    })),
    cases: [...standing.cases],
    ignored: standing.found?.ignored ?? [],
    ignoredCount: standing.found?.ignoredCount ?? 0,
  };
}

function summaryOf(job: JobDocument, { baseUrl, events }: AnswerLinks): JobSummary {
  const self = `${baseUrl}/jobs/${job.jobId}`;
  return {
    jobId: job.jobId,
    state: job.state,
    attempt: job.attempt,
    batch: job.batch,
    models: job.models,
    options: job.options,
    createdAt: isoTime(job.createdAt),
    updatedAt: isoTime(job.updatedAt),
    endedAt: isoTimeOrNull(job.endedAt),
    deadlineAt: isoTimeOrNull(job.deadlineAt),
    counts: job.counts,
    error: job.error,
    links: {
      self,
      ...(isFinal(job.state) && job.zip !== null ? { result: `${self}/result` } : {}),
      ...(events ? { events: `${self}/events` } : {}),
      logs: `${self}/logs`,
    },
  };
}

function stageOf(job: JobDocument, { cases }: JobStanding): JobAnswer['stage'] {
  switch (job.state) {
    case 'QUEUED':
      return 'waiting';
    case 'PREPARING':
      return 'preparing';
    case 'RUNNING':
      return latestStage(cases.map(({ stage }) => stage)) ?? 'waiting';
    case 'PUBLISHING':
      return 'publishing';
    case 'SUCCEEDED':
    case 'PARTIAL':
    case 'FAILED':
    case 'CANCELLED':
      return 'done';
  }
}

type CaseStages = JobStanding['cases'][number]['stage'];

function latestStage(stages: readonly CaseStages[]): CaseStages {
  const latest = Math.max(...stages.map((stage) => (stage === null ? -1 : CASE_STAGES.indexOf(stage))), -1);
  return CASE_STAGES[latest] ?? null;
}

/** Share of a job's percents that its cases make; the rest is taking in and publishing. */
const CASES_FROM = 2;
const CASES_TO = 97;

function percentOf(job: JobDocument, { fraction }: JobStanding): number {
  switch (job.state) {
    case 'QUEUED':
      return 0;
    case 'PREPARING':
      return 1;
    case 'RUNNING':
      return Math.floor(CASES_FROM + (CASES_TO - CASES_FROM) * fraction);
    case 'PUBLISHING':
      return 98;
    case 'SUCCEEDED':
    case 'PARTIAL':
    case 'FAILED':
    case 'CANCELLED':
      return 100;
  }
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
const isoTimeOrNull = (ms: number | null): string | null => (ms === null ? null : isoTime(ms));
