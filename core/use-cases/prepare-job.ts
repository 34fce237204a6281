import { z } from 'zod';
import { asHpbError, HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import {
  executionName,
  isJobId,
  jobCasesKey,
  jobPlanKey,
  LAYOUT_VERSION,
  workerName,
  type JobId,
} from '../layout.ts';
import { resultBytes } from '../plan.ts';
import { preparedJob, type PreparedJob } from '../workflow.ts';
import { failJobWith, recordEvent } from './finish-job.ts';
import { findCases, type JobCases } from './job-cases.ts';
import { readRequest, type JobRequest } from './job-request.ts';
import { planAttempt } from './plan-attempt.ts';
import type { ServicePorts, WorkflowPorts } from './service-ports.ts';
import { documentText, parsePayload } from './stored-document.ts';
import { cancelled } from './workflow-errors.ts';

/** Payload of PrepareJob and PlanUnpackedCases. */
const prepareInput = z.object({
  phase: z.enum(['prepare', 'plan']),
  jobId: z.string().refine(isJobId, 'not a job id'),
  attempt: z.int().min(1),
});

/**
 * Takes the upload in, and plans the shards of an attempt. It may run twice: what is stored is stored again, or left.
 * What is wrong with the upload ends the job here, with all that the error has to say, and is thrown as well. An aborted
 * `signal` stops it; what it was doing to a job that is deleted would stay behind.
 *
 * @throws HpbError ARCHIVE_*, INPUT_*, UPLOAD_CHECKSUM_MISMATCH, JOB_TOO_EXPENSIVE; CANCELLED and JOB_FINISHED when the
 * attempt is over.
 */
export async function prepareJob(
  ports: WorkflowPorts,
  payload: unknown,
  signal?: AbortSignal,
): Promise<PreparedJob> {
  const { phase, jobId, attempt } = parsePayload(prepareInput, payload);
  const { job } = await recordEvent(ports, jobId, { event: 'prepare', attempt });
  refuseWhenOver(job, attempt);
  try {
    const request = await readRequest(ports.store, jobId);
    const cases = await casesOfUpload(ports, request, { attempt, phase, signal });
    if (cases === null) return unpackFirst(ports.limits, request, attempt);
    return await plan(ports, { job, request, cases });
  } catch (thrown) {
    const error = asHpbError(thrown);
    // Through the workflow only code and sentence would arrive; errors of the store may pass and are tried again.
    // Who stops this ends the job, or goes on with it later.
    if (error.blame === 'caller' && signal?.aborted !== true) await failJobWith(ports, job, error);
    throw error;
  }
}

/**
 * Takes an upload apart and checks it, and writes cases.json. The workflow's own worker calls it for archives that are
 * too large for a function.
 *
 * @throws HpbError ARCHIVE_*, INPUT_*, UPLOAD_CHECKSUM_MISMATCH.
 */
export async function takeUpload(
  ports: Pick<ServicePorts, 'store' | 'intake' | 'limits'>,
  { jobId }: { readonly jobId: JobId; readonly attempt: number },
): Promise<void> {
  const request = await readRequest(ports.store, jobId);
  if ((await casesOf(ports, request)) === null) await take(ports, request);
}

/** The cases of the upload; null when a worker has to unpack it first. */
async function casesOfUpload(
  ports: WorkflowPorts,
  request: JobRequest,
  {
    attempt,
    phase,
    signal,
  }: {
    readonly attempt: number;
    readonly phase: 'prepare' | 'plan';
    readonly signal: AbortSignal | undefined;
  },
): Promise<JobCases | null> {
  const known = await casesOf(ports, request);
  if (known !== null) return known;
  if (phase === 'plan') {
    throw new HpbError('WORKFLOW_FAILED', 'The worker that unpacks ended without having stored the cases.', {
      remedy: `Look at the log of ${workerName(request.jobId, attempt, 'unpack')}, then retry the job.`,
    });
  }
  if (request.batch && request.bytes > ports.limits.functionArchiveBytes) return null;
  return take(ports, request, signal);
}

/** cases.json, when it is of this upload. */
async function casesOf(
  { store }: Pick<ServicePorts, 'store'>,
  { jobId, inputKey }: JobRequest,
): Promise<JobCases | null> {
  const cases = await findCases(store, jobId);
  return cases?.inputKey === inputKey ? cases : null;
}

async function take(
  ports: Pick<ServicePorts, 'store' | 'intake' | 'limits'>,
  request: JobRequest,
  signal?: AbortSignal,
): Promise<JobCases> {
  const { jobId, inputKey, fileName, batch, models, options } = request;
  const { maxCases, maxUnpackedBytes } = ports.limits;
  const report = await ports.intake.take(
    { jobId, inputKey, fileName, batch, models, options, maxCases, maxUnpackedBytes },
    signal,
  );
  if (signal?.aborted === true) throw cancelled();
  if (request.sha256 !== null && report.sha256 !== request.sha256) {
    throw new HpbError(
      'UPLOAD_CHECKSUM_MISMATCH',
      `The upload has the SHA-256 ${report.sha256}, ${request.sha256} was promised.`,
      { remedy: 'The file was damaged on its way, or changed: send it again in a new upload.' },
    );
  }
  const cases: JobCases = {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    inputKey,
    kind: report.kind,
    sha256: report.sha256,
    bytes: report.bytes,
    cases: report.cases.map((one) => ({
      ...one,
      grid: one.grid === null ? null : { dims: [...one.grid.dims], affine: [...one.grid.affine] },
    })),
    ignored: [...report.ignored],
    ignoredCount: report.ignoredCount,
  };
  await ports.store.put(jobCasesKey(jobId), documentText(cases));
  return cases;
}

async function plan(
  ports: WorkflowPorts,
  {
    job,
    request,
    cases,
  }: { readonly job: JobDocument; readonly request: JobRequest; readonly cases: JobCases },
): Promise<PreparedJob> {
  const { jobId, attempt } = job;
  const bytes = cases.cases.reduce((sum, { grid }) => sum + resultBytes(grid, request), 0);
  const needsWorker = request.batch && bytes > ports.limits.functionResultBytes;
  const workers = workersOf(ports.limits, request, { attempt, results: bytes });
  const publishSeconds = needsWorker ? workers.publish.timeoutSeconds : workSeconds(bytes);
  const planned = await planAttempt(ports, { attempt, request, cases, publishSeconds });
  await recordEvent(ports, jobId, {
    event: 'run',
    attempt,
    counts: { total: cases.cases.length, succeeded: planned.succeeded, failed: planned.refused },
    deadlineAt: planned.deadlineAt,
  });
  ports.log.info('job:prepared', { jobId, attempt, cases: cases.cases.length, shards: planned.shards });
  return preparedJob.parse({
    jobId,
    attempt,
    route: 'run',
    planKey: jobPlanKey(jobId, attempt),
    shards: planned.shards,
    publisher: needsWorker ? 'worker' : 'function',
    ...workers,
  });
}

function unpackFirst(limits: WaitLimit, request: JobRequest, attempt: number): PreparedJob {
  const { jobId } = request;
  return {
    jobId,
    attempt,
    route: 'unpack',
    planKey: jobPlanKey(jobId, attempt),
    shards: 0,
    publisher: 'function',
    ...workersOf(limits, request, { attempt, results: 0 }),
  };
}

const WORKER_SIZE = { memoryMib: '4000', vcpus: '2' } as const;
const LEAST_SECONDS = 900;
/** Slowest rate at which a worker is expected to unpack, check and pack. */
const BYTES_PER_SECOND = 5e6;

/** Longest time to unpack or pack so many bytes, s. */
const workSeconds = (bytes: number): number => LEAST_SECONDS + Math.ceil(bytes / BYTES_PER_SECOND);

type WaitLimit = Pick<ServicePorts['limits'], 'queueSeconds'>;

/**
 * The workflow's own workers for an upload of this size and results of so many bytes. They may wait for a machine like
 * those of shards: others may be at it.
 */
function workersOf(
  { queueSeconds }: WaitLimit,
  { jobId, bytes }: JobRequest,
  { attempt, results }: { readonly attempt: number; readonly results: number },
): Pick<PreparedJob, 'unpack' | 'publish'> {
  const worker = (role: 'unpack' | 'publish', mode: string, size: number): PreparedJob['unpack'] => ({
    name: workerName(jobId, attempt, role),
    command: [mode, jobId, '--attempt', String(attempt)],
    ...WORKER_SIZE,
    timeoutSeconds: queueSeconds + workSeconds(size),
  });
  return {
    unpack: worker('unpack', '--take', bytes),
    publish: worker('publish', '--publish', results),
  };
}

function refuseWhenOver(job: JobDocument, attempt: number): void {
  if (job.attempt === attempt && !isFinal(job.state)) return;
  const code = job.attempt === attempt && job.state === 'CANCELLED' ? 'CANCELLED' : 'JOB_FINISHED';
  throw new HpbError(code, `The attempt ${executionName(job.jobId, attempt)} is over (${job.state}).`, {
    remedy: 'Nothing is to be done: the job says how it ended.',
  });
}
