import { HpbError } from '../errors.ts';
import { JOB_FILES, jobFileKey } from '../layout.ts';
import type { ResultAnswer } from '../requests.ts';
import { findJob } from './job-request.ts';
import { signedFile } from './result-of.ts';
import type { ServicePorts } from './service-ports.ts';
import { quoted } from './upload-document.ts';

/**
 * A signed URL of a file of a whole job: `index.html` or `cases.csv` of a batch that has no ZIP.
 *
 * @throws HpbError JOB_NOT_FOUND, RESULT_NOT_FOUND.
 */
export async function jobFileLink(
  ports: Pick<ServicePorts, 'store' | 'index' | 'links' | 'limits' | 'ids'>,
  jobId: string,
  fileName: string,
): Promise<ResultAnswer> {
  const job = await findJob(ports.index, jobId);
  const name = JOB_FILES.find((one) => one === fileName);
  const key = name === undefined ? null : jobFileKey(job.jobId, name);
  if (key === null || (await ports.store.head(key)) === null) {
    throw new HpbError('RESULT_NOT_FOUND', `The job ${job.jobId} has no file ${quoted(fileName)}.`, {
      remedy: `A batch too large for one ZIP has ${JOB_FILES.join(' and ')}; in others they are in the ZIP.`,
    });
  }
  const body = await ports.store.get(key);
  const sha256 = ports.ids.sha256(new TextDecoder().decode(body));
  return signedFile(ports, { key, bytes: body.length, sha256, fileName: `${job.jobId}_${fileName}` });
}
