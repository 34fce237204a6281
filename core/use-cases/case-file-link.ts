import { HpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { isCaseId } from '../layout.ts';
import type { ResultAnswer } from '../requests.ts';
import { caseStanding } from './case-standing.ts';
import { findJob } from './job-request.ts';
import { noCase, succeededResult } from './read-case.ts';
import { signedFile } from './result-of.ts';
import type { ServicePorts } from './service-ports.ts';
import { quoted } from './upload-document.ts';

/**
 * A signed URL of a file of a case: `results.zip`, or a file of its package. Finished cases of a job that still runs
 * have theirs already.
 *
 * @throws HpbError JOB_NOT_FOUND, RESULT_NOT_FOUND.
 */
export async function caseFileLink(
  ports: Pick<ServicePorts, 'store' | 'index' | 'links' | 'limits'>,
  jobId: string,
  caseId: string,
  fileName: string,
): Promise<ResultAnswer> {
  const job = await findJob(ports.index, jobId);
  const result = isCaseId(caseId) ? await succeededResult(ports, job, caseId) : null;
  if (result === null) throw await withoutResult(ports, job, caseId);
  const files = [...result.files, ...(result.previews ?? [])];
  const file = fileName === 'results.zip' ? result.zip : files.find(({ name }) => name === fileName);
  if (file === null || file === undefined) {
    throw new HpbError('RESULT_NOT_FOUND', `The case ${caseId} has no file ${quoted(fileName)}.`, {
      remedy: `GET /jobs/${job.jobId}/cases/${caseId} lists its files.`,
    });
  }
  return signedFile(ports, { ...file, fileName: `${job.jobId}_${caseId}_${fileName.replaceAll('/', '_')}` });
}

/** Why a case has no files: there is no such case, it has failed, or it is not done. */
async function withoutResult(
  ports: Pick<ServicePorts, 'store'>,
  job: JobDocument,
  caseId: string,
): Promise<HpbError> {
  const standing = isCaseId(caseId) ? await caseStanding(ports, job, caseId) : null;
  if (standing === null) return noCase(job, caseId);
  const { state, error } = standing;
  const sentence = `The case ${caseId} of the job ${job.jobId} has no result`;
  if (error === null) {
    return new HpbError('RESULT_NOT_FOUND', `${sentence} yet (${state}).`, {
      remedy: `Ask again when GET /jobs/${job.jobId} says that it has succeeded.`,
      details: { state },
    });
  }
  return new HpbError('RESULT_NOT_FOUND', `${sentence}; it failed with ${error.code}: ${error.message}`, {
    remedy: error.remedy,
    details: { state, code: error.code },
  });
}
