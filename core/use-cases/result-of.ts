import { HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import type { ResultAnswer } from '../requests.ts';
import { findJob } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';

/** A file that a caller may fetch. */
interface FetchableFile {
  readonly key: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Name that the caller's file gets. */
  readonly fileName: string;
}

/**
 * A signed URL of the ZIP of a job's results.
 *
 * @throws HpbError JOB_NOT_FOUND, JOB_NOT_FINISHED, RESULT_NOT_FOUND.
 */
export async function resultOf(
  ports: Pick<ServicePorts, 'index' | 'links' | 'limits'>,
  jobId: string,
): Promise<ResultAnswer> {
  const job = await findJob(ports.index, jobId);
  if (!isFinal(job.state)) {
    throw new HpbError('JOB_NOT_FINISHED', `The job ${job.jobId} has not ended yet (${job.state}).`, {
      remedy: 'Ask again when GET /jobs/{id} says that it has ended.',
      details: { state: job.state },
    });
  }
  if (job.zip === null) throw noResult(job);
  return signedFile(ports, { ...job.zip, fileName: `${job.jobId}_results.zip` });
}

/** A signed URL of a stored file, with its name for the caller. */
export async function signedFile(
  { links, limits }: Pick<ServicePorts, 'links' | 'limits'>,
  { key, bytes, sha256, fileName }: FetchableFile,
): Promise<ResultAnswer> {
  const { url, expiresAt } = await links.signGet(key, {
    expiresSeconds: limits.downloadSeconds,
    downloadName: fileName,
    contentType: contentTypeOf(fileName),
  });
  return { url, expiresAt: new Date(expiresAt).toISOString(), fileName, bytes, sha256 };
}

function contentTypeOf(fileName: string): string {
  if (fileName.endsWith('.json')) return 'application/json';
  if (fileName.endsWith('.zip')) return 'application/zip';
  if (fileName.endsWith('.gz')) return 'application/gzip';
  return 'application/octet-stream';
}

function noResult({ jobId, state, counts, error }: JobDocument): HpbError {
  const succeeded = counts?.succeeded ?? 0;
  if (succeeded > 0) {
    return new HpbError('RESULT_NOT_FOUND', `The job ${jobId} (${state}) has no ZIP of all its cases.`, {
      remedy: `Fetch its cases one by one: GET /jobs/${jobId}/cases/{caseId}/files/results.zip. GET /jobs/${jobId}/files/index.html lists them.`,
      details: { state, succeeded },
    });
  }
  return new HpbError('RESULT_NOT_FOUND', `The job ${jobId} ended without a result (${state}).`, {
    remedy: error?.remedy ?? 'GET /jobs/{id} says why each case failed.',
    details: { state, code: error?.code ?? null },
  });
}
