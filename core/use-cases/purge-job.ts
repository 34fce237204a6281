import type { JobDocument } from '../job.ts';
import {
  jobContentPrefixes,
  jobPrefix,
  uploadInputKey,
  uploadPrefix,
  uploadUseKey,
  uploadUsesPrefix,
  type UploadId,
} from '../layout.ts';
import type { PurgeReceipt } from '../requests.ts';
import { endByCaller } from './cancel-job.ts';
import { findJob, findRequest } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';
import { findDocument } from './stored-document.ts';
import { uploadDocument } from './upload-document.ts';
import { uploadDocumentKey } from '../layout.ts';

/** How much was deleted. */
interface Removed {
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Deletes all that is stored of a job, and its upload unless another job uses that. A running job is cancelled first.
 * The job's own document goes last: after a crash the job is still there to be purged again.
 *
 * @throws HpbError JOB_NOT_FOUND.
 */
export async function purgeJob(ports: ServicePorts, jobId: string): Promise<PurgeReceipt> {
  const job = await findJob(ports.index, jobId);
  await endByCaller(ports, job);
  const removed: Removed[] = [await removeUploadOf(ports, job)];
  for (const prefix of jobContentPrefixes(job.jobId)) removed.push(await ports.store.removeAll(prefix));
  await ports.index.remove(job.jobId);
  // What a worker that was ended still wrote meanwhile.
  removed.push(await ports.store.removeAll(jobPrefix(job.jobId)));
  const objects = removed.reduce((sum, one) => sum + one.objects, 0);
  const bytes = removed.reduce((sum, one) => sum + one.bytes, 0);
  ports.log.info('job:purged', { jobId: job.jobId, objects, bytes });
  return { jobId: job.jobId, objects, bytes, purgedAt: new Date(ports.clock.now()).toISOString() };
}

async function removeUploadOf(ports: ServicePorts, { jobId }: JobDocument): Promise<Removed> {
  const request = await findRequest(ports.store, jobId);
  if (request === null) return { objects: 0, bytes: 0 };
  const { uploadId } = request;
  await ports.store.remove(uploadUseKey(uploadId, jobId));
  const others = await ports.store.list(uploadUsesPrefix(uploadId), { limit: 1 });
  return others.length > 0 ? { objects: 0, bytes: 0 } : removeUpload(ports, uploadId);
}

/** Deletes an upload, parts that have arrived included. */
export async function removeUpload(
  { store, links }: Pick<ServicePorts, 'store' | 'links'>,
  uploadId: UploadId,
): Promise<Removed> {
  const upload = await findDocument(store, uploadDocumentKey(uploadId), uploadDocument);
  if (upload !== null && upload.multipart !== null) {
    await links.abortMultipart(uploadInputKey(uploadId), upload.multipart.id);
  }
  return store.removeAll(uploadPrefix(uploadId));
}
