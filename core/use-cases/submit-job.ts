import { HpbError } from '../errors.ts';
import { beginAttempt, type JobDocument } from '../job.ts';
import {
  executionName,
  jobRequestKey,
  LAYOUT_VERSION,
  uploadInputKey,
  uploadUseKey,
  type JobId,
} from '../layout.ts';
import { REQUEST_MODELS } from '../models/catalogue.ts';
import type { JobAnswer, SegmentTarget, SubmitRequest } from '../requests.ts';
import { segmentOptions } from '../shard.ts';
import { readRequest, type JobRequest } from './job-request.ts';
import { answerOf } from './read-job.ts';
import type { AnswerLinks, ServicePorts } from './service-ports.ts';
import { documentText } from './stored-document.ts';
import type { UploadDocument } from './upload-document.ts';
import { completedUpload } from './uploads.ts';

/** What to segment, and who asks. */
export interface Submission {
  readonly target: SegmentTarget;
  readonly body: SubmitRequest;
  /** The same key and body is the same job; another body is `IDEMPOTENCY_CONFLICT`. */
  readonly idempotencyKey?: string | undefined;
  /** What tells a body from another one; default: itself. */
  readonly fingerprint?: string;
  readonly baseUrl: string;
  /** Whether answers link to live events. */
  readonly events?: boolean;
}

/**
 * Makes a job of a complete upload and starts it. It is written as request, mark on the upload, job, execution: a
 * crash after any of them loses nothing, since the same submission again, and `resumeJobs`, go on from there.
 *
 * @throws HpbError UPLOAD_NOT_FOUND, UPLOAD_INCOMPLETE, BAD_OPTION, TOO_MANY_JOBS, IDEMPOTENCY_CONFLICT, DISK_FULL,
 * WEIGHTS_MISSING, JOB_TOO_EXPENSIVE.
 */
export async function submitJob(
  ports: ServicePorts,
  submission: Submission,
): Promise<{ readonly job: JobAnswer; readonly created: boolean }> {
  const { job, created } = await submit(ports, submission);
  const links: AnswerLinks = { baseUrl: submission.baseUrl, events: submission.events ?? false };
  return { job: await answerOf(ports, job, links), created };
}

async function submit(
  ports: ServicePorts,
  submission: Submission,
): Promise<{ readonly job: JobDocument; readonly created: boolean }> {
  const { ids, index } = ports;
  const { target, body, idempotencyKey } = submission;
  const { fingerprint = ids.sha256(canonicalText({ target, body })) } = submission;
  const jobId = idempotencyKey === undefined ? ids.jobId() : jobIdOfKey(ids, idempotencyKey);
  const known = idempotencyKey === undefined ? null : await index.get(jobId);
  if (known !== null) return { job: await again(ports, known, fingerprint), created: false };
  const upload = await completedUpload(ports, body.uploadId);
  const asked = requestOf(submission, upload, { jobId, fingerprint, now: ports.clock.now() });
  refuseWithoutViewer(ports, asked);
  await admit(ports, asked);
  const request = await keepRequest(ports, asked);
  await ports.store.put(uploadUseKey(request.uploadId, jobId), '');
  const attempt = idempotencyKey === undefined ? 1 : await freeAttempt(ports, jobId);
  const { job, created } = await createJob(ports, newJob(request, attempt));
  await startAttempt(ports, job);
  if (created) {
    ports.log.info('job:submitted', { jobId, models: request.models.join(','), batch: request.batch });
    await ports.metrics.put([{ name: 'UploadedBytes', value: request.bytes }]);
  }
  return { job, created };
}

/** The job that an `Idempotency-Key` stands for. */
export const jobIdOfKey = (ids: Pick<ServicePorts['ids'], 'derivedJobId'>, key: string): JobId =>
  ids.derivedJobId(`key:${key}`);

/**
 * Starts the execution of a job's present attempt. Starting it twice is the same execution.
 */
export async function startAttempt(
  { executions }: Pick<ServicePorts, 'executions'>,
  { jobId, attempt }: JobDocument,
): Promise<void> {
  await executions.start(executionName(jobId, attempt), { jobId, attempt });
}

/** The job that an earlier submission with this key has made. */
async function again(ports: ServicePorts, job: JobDocument, fingerprint: string): Promise<JobDocument> {
  refuseOtherBody(await readRequest(ports.store, job.jobId), fingerprint);
  const now = ports.clock.now();
  // Its bytes are there already.
  if (job.state === 'FAILED') await admitAttempt(ports, { ...job, bytes: 0 });
  const current =
    job.state === 'FAILED'
      ? await ports.index.update(job.jobId, (latest) =>
          latest.state === 'FAILED' ? beginAttempt(latest, now) : null,
        )
      : job;
  // The submission before may have died between writing the job and starting it.
  if (current.state === 'QUEUED') await startAttempt(ports, current);
  return current;
}

/** Writes request.json; when an earlier submission has written it, that one holds. */
async function keepRequest(ports: ServicePorts, request: JobRequest): Promise<JobRequest> {
  try {
    await ports.store.put(jobRequestKey(request.jobId), documentText(request), { ifAbsent: true });
    return request;
  } catch (error) {
    if (!(error instanceof HpbError) || error.code !== 'OBJECT_EXISTS') throw error;
  }
  const earlier = await readRequest(ports.store, request.jobId);
  refuseOtherBody(earlier, request.fingerprint);
  return earlier;
}

/**
 * The first attempt whose execution there has never been: a purged job of the same key has left its names taken, and
 * starting one of them would run nothing.
 */
async function freeAttempt({ executions }: Pick<ServicePorts, 'executions'>, jobId: JobId): Promise<number> {
  let attempt = 1;
  while ((await executions.describe(executionName(jobId, attempt))) !== null) attempt += 1;
  return attempt;
}

async function createJob(
  { index }: Pick<ServicePorts, 'index'>,
  job: JobDocument,
): Promise<{ readonly job: JobDocument; readonly created: boolean }> {
  try {
    await index.create(job);
    return { job, created: true };
  } catch (error) {
    if (!(error instanceof HpbError) || error.code !== 'OBJECT_EXISTS') throw error;
  }
  return { job: (await index.get(job.jobId)) ?? job, created: false };
}

function newJob({ jobId, batch, models, options, createdAt }: JobRequest, attempt: number): JobDocument {
  return {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    state: 'QUEUED',
    attempt,
    batch,
    models,
    options,
    createdAt,
    updatedAt: createdAt,
    endedAt: null,
    deadlineAt: null,
    counts: null,
    error: null,
    attempts: [{ attempt, startedAt: createdAt, endedAt: null, state: null, code: null }],
    zip: null,
  };
}

function requestOf(
  { target, body }: Submission,
  upload: UploadDocument,
  { jobId, fingerprint, now }: { readonly jobId: JobId; readonly fingerprint: string; readonly now: number },
): JobRequest {
  const {
    model,
    fast,
    folds,
    tta,
    meshes = null,
    priority = null,
    maxCostUsd = null,
    publish = false,
  } = body;
  if (model !== undefined && target !== 'batch') {
    throw new HpbError('BAD_OPTION', `"model" ("${model}") does not go with /segment/${target}.`, {
      remedy: `Leave "model" out, or send the request to /segment/${model} or /segment/batch.`,
    });
  }
  return {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    uploadId: upload.uploadId,
    inputKey: uploadInputKey(upload.uploadId),
    fileName: upload.fileName,
    bytes: upload.sizeBytes,
    sha256: upload.sha256,
    batch: target === 'batch',
    models: [...REQUEST_MODELS[target === 'batch' ? (model ?? 'both') : target]!],
    options: segmentOptions.parse({ fast, folds, tta }),
    meshes,
    priority,
    maxCostUsd,
    publish,
    fingerprint,
    createdAt: now,
  };
}

async function admit(ports: ServicePorts, request: JobRequest): Promise<void> {
  await admitAttempt(ports, request);
  // Loaded when needed: what the API loads at its start is what a caller waits for.
  const { refuseCostOfCt } = await import('./cost-limit.ts');
  await refuseCostOfCt(ports, request);
}

/**
 * Refuses one more attempt that the home has no room for.
 *
 * @throws HpbError TOO_MANY_JOBS, and what `admission` throws.
 */
export async function admitAttempt(
  ports: Pick<ServicePorts, 'admission' | 'limits' | 'index'>,
  { bytes, models, options }: Pick<JobRequest, 'bytes' | 'models' | 'options'>,
): Promise<void> {
  await ports.admission({ bytes, work: { models, options } });
  const { maxActiveJobs } = ports.limits;
  const active = await ports.index.countActive();
  if (active < maxActiveJobs) return;
  throw new HpbError(
    'TOO_MANY_JOBS',
    `${active} jobs are waiting or running; at most ${maxActiveJobs} may.`,
    {
      remedy: 'Send the request again when some of them have ended.',
      details: { active, limit: maxActiveJobs },
    },
  );
}

function refuseWithoutViewer(
  { hasViewer = false }: Pick<ServicePorts, 'hasViewer'>,
  { publish }: Pick<JobRequest, 'publish'>,
): void {
  if (!publish || hasViewer) return;
  throw new HpbError('BAD_OPTION', '"publish" is true, and this service has no viewer to publish to.', {
    remedy: 'Leave "publish" out, and put the cases where a viewer reads them with `hpb publish`.',
  });
}

function refuseOtherBody(request: JobRequest, fingerprint: string): void {
  if (request.fingerprint === fingerprint) return;
  throw new HpbError(
    'IDEMPOTENCY_CONFLICT',
    `The Idempotency-Key was sent before with another request (job ${request.jobId}).`,
    { remedy: 'Use a new key for a new request.', details: { jobId: request.jobId } },
  );
}

/** JSON with sorted keys: the order in which a caller writes them makes no other request. */
function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonicalText(field)}`).join(',')}}`;
}
