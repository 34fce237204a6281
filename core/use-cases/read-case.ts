import { HpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { caseResultKey, isCaseId, type CaseId } from '../layout.ts';
import type { CaseDetailAnswer } from '../requests.ts';
import { caseResult, type CaseResult } from '../shard.ts';
import { caseStanding } from './case-standing.ts';
import { findJob } from './job-request.ts';
import type { AnswerLinks, ServicePorts } from './service-ports.ts';
import { findDocument } from './stored-document.ts';
import { quoted } from './upload-document.ts';

/**
 * One case of a job with its files.
 *
 * @throws HpbError JOB_NOT_FOUND; RESULT_NOT_FOUND when the job has no such case.
 */
export async function readCase(
  ports: Pick<ServicePorts, 'store' | 'index'>,
  jobId: string,
  caseId: string,
  links: AnswerLinks,
): Promise<CaseDetailAnswer> {
  const job = await findJob(ports.index, jobId);
  const standing = isCaseId(caseId) ? await caseStanding(ports, job, caseId) : null;
  if (standing === null) throw noCase(job, caseId);
  const result = await succeededResult(ports, job, standing.caseId);
  const self = `${links.baseUrl}/jobs/${job.jobId}/cases/${standing.caseId}`;
  const files = filesOf(self, result);
  return {
    ...standing,
    jobId: job.jobId,
    seconds: result?.seconds ?? null,
    demo: result?.demo ?? null,
    ...files,
    links: {
      self,
      job: `${links.baseUrl}/jobs/${job.jobId}`,
      ...(result === null || result.zip === null ? {} : { result: `${self}/files/results.zip` }),
    },
  };
}

/** What a case holds, each with its address below `self`. */
function filesOf(self: string, result: CaseResult | null): Pick<CaseDetailAnswer, 'files' | 'previews'> {
  const listed = ({ name, bytes, sha256 }: CaseResult['files'][number]) => ({
    name,
    bytes,
    sha256,
    href: `${self}/files/${name.split('/').map(encodeURIComponent).join('/')}`,
  });
  return { files: (result?.files ?? []).map(listed), previews: (result?.previews ?? []).map(listed) };
}

/** The result of a case; null while it has none, or when it failed. */
export async function succeededResult(
  { store }: Pick<ServicePorts, 'store'>,
  { jobId }: JobDocument,
  caseId: CaseId,
): Promise<CaseResult | null> {
  const result = await findDocument(store, caseResultKey(jobId, caseId), caseResult);
  return result?.outcome === 'succeeded' ? result : null;
}

/** The error of a case that a job does not have. */
export function noCase({ jobId }: JobDocument, caseId: string): HpbError {
  return new HpbError('RESULT_NOT_FOUND', `The job ${jobId} has no case ${quoted(caseId)}.`, {
    remedy: 'GET /jobs/{id} lists its cases.',
  });
}
