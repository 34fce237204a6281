import { HpbError, isDiskFull } from '../errors.ts';
import {
  executionName,
  isJobId,
  jobContentPrefixes,
  jobExecutionsPrefix,
  jobPrefix,
  parseUploadKey,
  purgedKey,
  uploadDocumentKey,
  uploadInputKey,
  uploadPrefix,
  UPLOADS_PREFIX,
  uploadUseKey,
  workerNamePrefix,
  type JobId,
  type UploadId,
} from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import type { PurgeReceipt } from '../requests.ts';
import { endByCaller } from './cancel-job.ts';
import { findJob, findRequest } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';
import { findDocument } from './stored-document.ts';
import { uploadDocument } from './upload-document.ts';
import { uploadUses } from './upload-uses.ts';

const REMOVED_AT_ONCE = 16;

/** How much was deleted. */
interface Removed {
  readonly objects: number;
  readonly bytes: number;
  readonly versions?: number;
  /** An upload that may be of no use to anybody, which is to be seen in minutes. */
  readonly doubtful?: UploadId;
}

/**
 * Deletes all that is stored of a job, logs included, and its uploads unless another job uses them. A running job is
 * cancelled first. The job's own document goes last: after a crash the job is still there to be purged again. A job whose
 * document is damaged can be purged like any other. Where the store keeps versions they go too.
 *
 * @throws HpbError JOB_NOT_FOUND.
 */
export async function purgeJob(ports: ServicePorts, jobId: string): Promise<PurgeReceipt> {
  const { jobId: id, next } = await endedJob(ports, jobId);
  const removed: Removed[] = [...(await removeUploadsOf(ports, id))];
  for (const prefix of jobContentPrefixes(id)) removed.push(await ports.store.removeAll(prefix));
  await ports.jobs.removeLogs?.(workerNamePrefix(id));
  // The larger part of them while the job can still be purged again.
  for (const prefix of jobContentPrefixes(id)) removed.push(await erased(ports, prefix));
  const doubtful = removed.flatMap((one) => one.doubtful ?? []);
  if (ports.workersLinger === true || doubtful.length > 0)
    await ports.store.put(purgedKey(id), doubtful.join('\n'));
  await ports.index.remove(id);
  // From here on nobody begins an attempt: those that somebody has begun meanwhile end, and what they wrote goes.
  await stopAttempts(ports, id, next);
  await ports.jobs.removeLogs?.(workerNamePrefix(id));
  for (const prefix of [jobExecutionsPrefix(id), jobPrefix(id)])
    removed.push(await ports.store.removeAll(prefix));
  removed.push(await erased(ports, jobPrefix(id)));
  const { objects, bytes, versions } = summed(removed);
  ports.log.info('job:purged', { jobId: id, objects, bytes, versions });
  return { jobId: id, objects, bytes, versions, purgedAt: new Date(ports.clock.now()).toISOString() };
}

function summed(removed: readonly Removed[]): Required<Omit<Removed, 'doubtful'>> {
  const sum = (of: (one: Removed) => number): number => removed.reduce((total, one) => total + of(one), 0);
  return {
    objects: sum((one) => one.objects),
    bytes: sum((one) => one.bytes),
    versions: sum(({ versions = 0 }) => versions),
  };
}

async function erased(
  { eraseVersions }: Pick<ServicePorts, 'eraseVersions'>,
  prefix: string,
): Promise<Removed> {
  return { objects: 0, bytes: 0, versions: (await eraseVersions?.(prefix)) ?? 0 };
}

/** Sees to it that nothing of a job runs any more; `next`: the first attempt that may begin yet. */
async function endedJob(
  ports: ServicePorts,
  jobId: string,
): Promise<{ readonly jobId: JobId; readonly next: number }> {
  try {
    const ended = await endByCaller(ports, await findJob(ports.index, jobId));
    return { jobId: ended.jobId, next: ended.attempt + 1 };
  } catch (thrown) {
    const isDamaged = thrown instanceof HpbError && thrown.code === 'DOCUMENT_UNREADABLE';
    if (!isJobId(jobId) || !(isDamaged || isDiskFull(thrown))) throw thrown;
    // Which attempt a damaged one is at, nobody knows. On a full disk nothing runs, and what goes makes room.
    if (isDamaged) await stopAttempts(ports, jobId, 1);
    return { jobId, next: 1 };
  }
}

/** Stops the executions of an attempt and of those after it; what a full disk keeps from being recorded is to go anyway. */
async function stopAttempts(
  { executions }: Pick<ServicePorts, 'executions'>,
  jobId: JobId,
  first: number,
): Promise<void> {
  for (let attempt = first; ; attempt++) {
    const name = executionName(jobId, attempt);
    if ((await executions.describe(name)) === null) return;
    try {
      await executions.stop(name, { error: 'CANCELLED', cause: 'The job was purged.' });
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw thrown;
    }
  }
}

/**
 * Those that a manifest names first, and itself last: it is still there when this has to begin again. Where the request is
 * damaged or gone, the marks on all uploads tell which they are.
 */
async function removeUploadsOf(ports: ServicePorts, jobId: JobId): Promise<readonly Removed[]> {
  const request = await readable(findRequest(ports.store, jobId));
  if (request === null) {
    const marked = (await ports.store.list(UPLOADS_PREFIX)).filter(({ key }) => key.endsWith(`/${jobId}`));
    const found = marked.flatMap(({ key }) => parseUploadKey(key) ?? []);
    return mapLimited(found, REMOVED_AT_ONCE, (uploadId) => removeUnused(ports, uploadId, jobId));
  }
  // Loaded when it is needed: the start of the API does without it.
  const { manifestUploads } = await import('./manifest-uploads.ts');
  const named = await mapLimited(await manifestUploads(ports, request), REMOVED_AT_ONCE, (uploadId) =>
    removeUnused(ports, uploadId, jobId),
  );
  return [...named, await removeUnused(ports, request.uploadId, jobId)];
}

async function removeUnused(ports: ServicePorts, uploadId: UploadId, jobId: JobId): Promise<Removed> {
  await ports.store.remove(uploadUseKey(uploadId, jobId));
  const { isUsed, isDoubtful } = await uploadUses(ports, uploadId);
  if (!isUsed) return removeUpload(ports, uploadId);
  return { objects: 0, bytes: 0, ...(isDoubtful && { doubtful: uploadId }) };
}

/** Null also for one that is damaged. */
async function readable<T>(document: Promise<T | null>): Promise<T | null> {
  try {
    return await document;
  } catch (thrown) {
    if (thrown instanceof HpbError && thrown.code === 'DOCUMENT_UNREADABLE') return null;
    throw thrown;
  }
}

/**
 * Deletes an upload that no job uses, parts that have arrived included, and what submissions that died have written of
 * it; of one whose document is damaged S3 takes the parts in time.
 */
export async function removeUpload(
  ports: Pick<ServicePorts, 'store' | 'index' | 'clock' | 'links' | 'eraseVersions'>,
  uploadId: UploadId,
): Promise<Removed> {
  const { store, links } = ports;
  const upload = await readable(findDocument(store, uploadDocumentKey(uploadId), uploadDocument));
  if (upload !== null && upload.multipart !== null) {
    await links.abortMultipart(uploadInputKey(uploadId), upload.multipart.id);
  }
  const { stillborn } = await uploadUses(ports, uploadId);
  const removed: Removed[] = [];
  // The marks on the upload last: they lead to the rest.
  for (const prefix of [...stillborn.map(jobPrefix), uploadPrefix(uploadId)])
    removed.push(await store.removeAll(prefix), await erased(ports, prefix));
  return summed(removed);
}
