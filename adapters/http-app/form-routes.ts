import { createHash, type Hash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from 'hono';
import { HpbError } from '../../core/errors.ts';
import { isFinal, type JobDocument } from '../../core/job.ts';
import { uploadUsesPrefix, type JobId } from '../../core/layout.ts';
import type { SegmentTarget } from '../../core/requests.ts';
import { cancelJob } from '../../core/use-cases/cancel-job.ts';
import { receiveUpload, type IncomingUpload } from '../../core/use-cases/receive-upload.ts';
import { findRequest } from '../../core/use-cases/job-request.ts';
import { jobIdOfKey, submitJob, type Submission } from '../../core/use-cases/submit-job.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { boundedBody, refuseAnnounced } from './bounded-body.ts';
import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { formAnswer } from './form-answer.ts';
import { formOptions, wantsViewerFolder } from './form-options.ts';
import { receiveForm, type ReceivedForm } from './multipart-form.ts';

/** What is asked of a form. */
interface FormCall {
  readonly target: SegmentTarget;
  readonly idempotencyKey: string | undefined;
}

interface StoredForm {
  readonly upload: IncomingUpload;
  readonly form: ReceivedForm;
  /** Of the file; null where no key asks for it. */
  readonly sha256: string | null;
}

/** Headers and boundaries of a form, beside the file in it. */
const FORM_OVERHEAD_BYTES = 64 * 1024;

/**
 * One call for everything, as the service this project replaces had it: the CT comes as a form, the answer is the
 * result. The job is one as any other; when the caller leaves, it is cancelled, unless there is a key to come back with.
 */
export async function segmentForm(
  home: HttpHome,
  { target, idempotencyKey }: FormCall,
  c: Context<HttpEnv>,
): Promise<Response> {
  const { ports } = home;
  // Options in the query can be wrong before anything is read.
  formOptions(target, {}, c.req.query());
  const { upload, form, sha256 } = await storeForm(home, { target, idempotencyKey }, c);
  const options = formOptions(target, form.fields, c.req.query());
  const links = linksOf(home, c);
  const { job } = await submitStored(ports, upload, {
    target,
    body: { uploadId: upload.uploadId, ...options },
    idempotencyKey,
    // The upload is another one every time.
    ...(sha256 !== null && {
      fingerprint: ports.ids.sha256(JSON.stringify([target, options, form.fileName, sha256])),
    }),
    ...links,
  });
  const { signal } = c.req.raw;
  const ended = await endOf(home, job.jobId, signal);
  if (ended === null) {
    if (idempotencyKey === undefined) await cancelJob(ports, job.jobId, links);
    throw new HpbError('CANCELLED', 'The caller left before the job had ended.', {
      remedy: 'Send it again, or use POST /uploads and GET /jobs/{id}, which need no open connection.',
    });
  }
  const { fileName, fields } = form;
  const { loadJpegOfPng } = home.deployment;
  const pictures = loadJpegOfPng === undefined ? {} : { loadJpegOfPng };
  const web = wantsViewerFolder(fields, c.req.query());
  const answer = await formAnswer({ ...ports, ...pictures }, ended, { target, fileName, web });
  answer.headers.set('x-job-id', job.jobId);
  return answer;
}

async function storeForm(
  { ports, patience }: HttpHome,
  { target, idempotencyKey }: FormCall,
  c: Context<HttpEnv>,
): Promise<StoredForm> {
  const maxBytes = ports.limits.maxUploadBytes + FORM_OVERHEAD_BYTES;
  // The disk is not full for what would not be taken anyway.
  refuseAnnounced(c.req.raw, maxBytes);
  const upload = await receiveUpload(ports, Number(c.req.header('content-length') ?? 0));
  const hash = idempotencyKey === undefined ? null : createHash('sha256');
  try {
    const body = boundedBody(c.req.raw, { maxBytes, idleMs: patience.bodyIdleMs });
    const form = await receiveForm(c.req.header('content-type') ?? '', body, {
      field: target === 'batch' ? 'bundle' : 'ct',
      store: (chunks) => upload.store(hash === null ? chunks : hashed(chunks, hash)),
    });
    formOptions(target, form.fields, c.req.query());
    await upload.complete(form);
    return { upload, form, sha256: hash?.digest('hex') ?? null };
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function submitStored(
  ports: ServicePorts,
  upload: IncomingUpload,
  submission: Submission,
): ReturnType<typeof submitJob> {
  try {
    return await submitJob(ports, submission);
  } finally {
    // What cannot be removed goes with the uploads that never became a job.
    await discardUnused(ports, upload, submission.idempotencyKey).catch(() => undefined);
  }
}

/** Its id is told to nobody. Once it is marked, or part of a request, there may be a job, which goes on by itself. */
async function discardUnused(
  { store, ids }: Pick<ServicePorts, 'store' | 'ids'>,
  { uploadId, discard }: IncomingUpload,
  idempotencyKey: string | undefined,
): Promise<void> {
  const uses = await store.list(uploadUsesPrefix(uploadId), { limit: 1 });
  if (uses.length > 0) return;
  const request =
    idempotencyKey === undefined ? null : await findRequest(store, jobIdOfKey(ids, idempotencyKey));
  if (request?.uploadId !== uploadId) await discard();
}

/** The job when it is final; null when the caller left first. */
async function endOf(home: HttpHome, jobId: JobId, signal: AbortSignal): Promise<JobDocument | null> {
  for (;;) {
    if (signal.aborted) return null;
    const job = await home.ports.index.get(jobId);
    if (job === null)
      throw new HpbError('JOB_NOT_FOUND', `The job ${jobId} was deleted while it was waited for.`, {
        remedy: 'Send it again.',
      });
    if (isFinal(job.state)) return job;
    await wait(home.patience.pollMs, undefined, { signal }).catch(() => undefined);
  }
}
