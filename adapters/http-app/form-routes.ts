import { setTimeout as wait } from 'node:timers/promises';
import type { Context } from 'hono';
import { HpbError } from '../../core/errors.ts';
import { isFinal, type JobDocument } from '../../core/job.ts';
import { uploadUsesPrefix, type JobId } from '../../core/layout.ts';
import type { SegmentTarget } from '../../core/requests.ts';
import { cancelJob } from '../../core/use-cases/cancel-job.ts';
import { receiveUpload, type IncomingUpload } from '../../core/use-cases/receive-upload.ts';
import { submitJob } from '../../core/use-cases/submit-job.ts';
import { boundedBody, refuseAnnounced } from './bounded-body.ts';
import { linksOf, type HttpEnv, type HttpHome } from './deployment.ts';
import { formAnswer } from './form-answer.ts';
import { formOptions, wantsViewerFolder } from './form-options.ts';
import { receiveForm, type ReceivedForm } from './multipart-form.ts';

/** Headers and boundaries of a form, beside the file in it. */
const FORM_OVERHEAD_BYTES = 64 * 1024;

/**
 * One call for everything, as the service this project replaces had it: the CT comes as a form, the answer is the
 * result. The job is one as any other; when the caller leaves, it is cancelled.
 */
export async function segmentForm(
  home: HttpHome,
  target: SegmentTarget,
  c: Context<HttpEnv>,
): Promise<Response> {
  if (!home.deployment.acceptsBodies) throw bodiesNotTaken(target);
  const { ports } = home;
  // Options in the query can be wrong before anything is read.
  formOptions(target, {}, c.req.query());
  const { upload, form } = await storeForm(home, target, c);
  const { uploadId } = upload;
  const body = { uploadId, ...formOptions(target, form.fields, c.req.query()) };
  const links = linksOf(home, c);
  const { job } = await submitJob(ports, { target, body, ...links }).catch(async (thrown: unknown) => {
    // Its id is told to nobody. Once it is marked there may be a job, which goes on by itself.
    const uses = await ports.store.list(uploadUsesPrefix(uploadId), { limit: 1 });
    if (uses.length === 0) await upload.discard();
    throw thrown;
  });
  const { signal } = c.req.raw;
  const ended = await endOf(home, job.jobId, signal);
  if (ended === null) {
    await cancelJob(ports, job.jobId, links);
    throw new HpbError('CANCELLED', 'The caller left before the job had ended; it is cancelled.', {
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
  target: SegmentTarget,
  c: Context<HttpEnv>,
): Promise<{ readonly upload: IncomingUpload; readonly form: ReceivedForm }> {
  const maxBytes = ports.limits.maxUploadBytes + FORM_OVERHEAD_BYTES;
  // The disk is not full for what would not be taken anyway.
  refuseAnnounced(c.req.raw, maxBytes);
  const upload = await receiveUpload(ports, Number(c.req.header('content-length') ?? 0));
  try {
    const body = boundedBody(c.req.raw, { maxBytes, idleMs: patience.bodyIdleMs });
    const form = await receiveForm(c.req.header('content-type') ?? '', body, {
      field: target === 'batch' ? 'bundle' : 'ct',
      store: upload.store,
    });
    formOptions(target, form.fields, c.req.query());
    await upload.complete(form);
    return { upload, form };
  } catch (error) {
    await upload.discard();
    throw error;
  }
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

function bodiesNotTaken(target: SegmentTarget): HpbError {
  const first = 'POST /uploads {"fileName", "sizeBytes"}';
  const second = 'PUT the file to the signed URL it answers';
  const third = `POST /segment/${target} {"uploadId"}`;
  return new HpbError('REQUEST_TYPE_UNSUPPORTED', 'Files do not come as a form here, but to a signed URL.', {
    remedy: `Make three calls instead: ${first}; ${second}; ${third}, then GET /jobs/{jobId}.`,
    details: { call1: first, call2: second, call3: third },
  });
}
