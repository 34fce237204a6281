import { HpbError } from '../../core/errors.ts';
import type { JobDocument } from '../../core/job.ts';
import { caseFileKey, caseIdOf } from '../../core/layout.ts';
import { modelEntry } from '../../core/models/catalogue.ts';
import type { ObjectStore } from '../../core/ports.ts';
import type { SegmentTarget } from '../../core/requests.ts';

/** A result of a finished job, as the old service answered it. */
interface FormResult {
  readonly key: string;
  readonly bytes: number;
  readonly fileName: string;
  readonly contentType: string;
}

/** The name of a case as the old service made it from the uploaded file: without `.nii.gz` and `_0000`. */
export function caseNameOf(fileName: string): string {
  const stem = fileName.replace(/\.(nii(\.gz)?|zip|tar(\.gz)?|tgz)$/i, '').replace(/_0000$/, '');
  return stem === '' ? 'case' : stem;
}

/**
 * The answer to a form whose job has ended: the ZIP, or the mask.
 *
 * @throws HpbError with the job's own code when it has no result.
 */
export async function formAnswer(
  store: Pick<ObjectStore, 'head' | 'stream'>,
  job: JobDocument,
  request: { readonly target: SegmentTarget; readonly fileName: string },
): Promise<Response> {
  if (job.error !== null && job.state !== 'PARTIAL') {
    const { code, message, remedy, details } = job.error;
    throw new HpbError(code, message, { remedy, details });
  }
  const { key, bytes, fileName, contentType } = await resultOf(store, job, request);
  const chunks = await store.stream(key);
  return new Response(ReadableStream.from(chunks), {
    headers: {
      'content-type': contentType,
      'content-length': String(bytes),
      'content-disposition': attachment(fileName),
      'x-case-id': headerText(caseNameOf(request.fileName)),
    },
  });
}

async function resultOf(
  store: Pick<ObjectStore, 'head'>,
  job: JobDocument,
  { target, fileName }: { readonly target: SegmentTarget; readonly fileName: string },
): Promise<FormResult> {
  const name = caseNameOf(fileName);
  if (target === 'both' || target === 'batch') {
    if (job.zip === null) throw noResult(job);
    const { key, bytes } = job.zip;
    return { key, bytes, fileName: `${name}_results.zip`, contentType: 'application/zip' };
  }
  const key = caseFileKey(job.jobId, caseIdOf(1), modelEntry(target).output);
  const facts = await store.head(key);
  if (facts === null) throw noResult(job);
  return { key, bytes: facts.bytes, fileName: `${name}_${target}.nii.gz`, contentType: 'application/gzip' };
}

function noResult({ jobId }: JobDocument): HpbError {
  return new HpbError('RESULT_NOT_FOUND', `The job ${jobId} has no single file to answer with.`, {
    remedy: `GET /jobs/${jobId} names its cases; fetch their files one by one.`,
    details: { jobId },
  });
}

/** RFC 6266: a plain name for old clients, the true one for the others. */
function attachment(name: string): string {
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${headerText(name)}"; filename*=UTF-8''${encoded}`;
}

const headerText = (text: string): string => text.replaceAll(/[^\w.+@-]/g, '_');
