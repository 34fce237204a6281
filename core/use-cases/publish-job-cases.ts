import { HpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { publishedCaseId } from '../layout.ts';
import type { CaseEnd } from './gather-outcomes.ts';
import { findRequest } from './job-request.ts';
import { publishCase } from './publish-case.ts';
import type { ServicePorts } from './service-ports.ts';
import { storedCase } from './viewer-source.ts';

/**
 * Puts the cases of a job that have a result into the viewer, when the job was submitted with `publish`. One after the
 * other: each changes the list of all cases. It may run twice.
 *
 * @throws HpbError SETTINGS_INVALID where no viewer is wired; what the store of the viewer throws.
 */
export async function publishToViewer(
  ports: Pick<ServicePorts, 'store' | 'log' | 'viewer'>,
  { jobId, attempt }: JobDocument,
  ends: readonly CaseEnd[],
): Promise<void> {
  const request = await findRequest(ports.store, jobId);
  if (request?.publish !== true) return;
  if (ports.viewer === undefined) {
    throw new HpbError('SETTINGS_INVALID', 'The job is to be published, and no viewer is set up here.', {
      remedy: 'Deploy the service stack again: it sets HPB_VIEWER_BUCKET.',
      details: { name: 'HPB_VIEWER_BUCKET' },
    });
  }
  const viewer = await ports.viewer();
  let [cases, bytes] = [0, 0];
  for (const { entry, result } of ends) {
    if (result === null) continue;
    const naming = { id: publishedCaseId(jobId, entry.caseId) };
    bytes += (await publishCase(viewer, storedCase(ports.store, result), naming)).bytes;
    cases += 1;
  }
  ports.log.info('job:published', { jobId, attempt, cases, bytes });
}
