import { HpbError } from '../../core/errors.ts';
import type { JobDocument } from '../../core/job.ts';
import { caseFileKey, caseIdOf, isViewerCaseId, type ViewerCaseId } from '../../core/layout.ts';
import { modelEntry } from '../../core/models/catalogue.ts';
import type { SegmentTarget } from '../../core/requests.ts';
import { succeededResult } from '../../core/use-cases/read-case.ts';
import type { ServicePorts } from '../../core/use-cases/service-ports.ts';
import { viewerZip } from '../../core/use-cases/viewer-zip.ts';
import type { HttpDeployment } from './deployment.ts';

/** What was asked for. */
interface FormRequest {
  readonly target: SegmentTarget;
  readonly fileName: string;
  /** Whether the folder for the viewer is wanted. */
  readonly web: boolean;
}

type FormPorts = Pick<ServicePorts, 'store' | 'bundler'> & Pick<HttpDeployment, 'loadJpegOfPng'>;

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
 * The answer to a form whose job has ended: the ZIP, the mask, or the folder for the viewer as a ZIP.
 *
 * @throws HpbError with the job's own code when it has no result.
 */
export async function formAnswer(
  ports: FormPorts,
  job: JobDocument,
  request: FormRequest,
): Promise<Response> {
  if (job.error !== null && job.state !== 'PARTIAL') {
    const { code, message, remedy, details } = job.error;
    throw new HpbError(code, message, { remedy, details });
  }
  const { key, bytes, fileName, contentType } = await resultOf(ports, job, request);
  const chunks = await ports.store.stream(key);
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
  ports: FormPorts,
  job: JobDocument,
  { target, fileName, web }: FormRequest,
): Promise<FormResult> {
  const name = caseNameOf(fileName);
  if (web) return viewerFolderOf(ports, job, name);
  if (target === 'both' || target === 'batch') {
    if (job.zip === null) throw noResult(job);
    const { key, bytes } = job.zip;
    return { key, bytes, fileName: `${name}_results.zip`, contentType: 'application/zip' };
  }
  const key = caseFileKey(job.jobId, caseIdOf(1), modelEntry(target).output);
  const facts = await ports.store.head(key);
  if (facts === null) throw noResult(job);
  return { key, bytes: facts.bytes, fileName: `${name}_${target}.nii.gz`, contentType: 'application/gzip' };
}

async function viewerFolderOf(
  { store, bundler, loadJpegOfPng }: FormPorts,
  job: JobDocument,
  name: string,
): Promise<FormResult> {
  const result = await succeededResult({ store }, job, caseIdOf(1));
  if (result === null || loadJpegOfPng === undefined) throw noResult(job);
  const jpegOfPng = await loadJpegOfPng();
  const zip = await viewerZip({ store, bundler, jpegOfPng }, result, { id: viewerIdOf(name) });
  return { ...zip, fileName: `${name}_web.zip`, contentType: 'application/zip' };
}

/** The caller's own name for the case, in the letters that the viewer's folders may have: it goes to nobody else. */
function viewerIdOf(name: string): ViewerCaseId {
  const id = `case_${headerText(name)}`.replaceAll(/[.+@]/g, '_').slice(0, 80);
  const plain = id.slice('case_'.length);
  return isViewerCaseId(plain) ? plain : (id as ViewerCaseId);
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
