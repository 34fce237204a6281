import { isJobId, isUploadId, jobPrefix, PURGED_PREFIX, type JobId, type UploadId } from '../layout.ts';
import { isGone } from './job-request.ts';
import { removeUpload } from './purge-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { uploadUses } from './upload-uses.ts';

/** By then whoever worked on a job when it was purged has ended: a function after 15 minutes, a worker after two. */
const LINGER_MS = 20 * 60_000;

/**
 * Deletes once more, with all versions, what is stored of jobs that were purged: a worker may have published a case while
 * it was being ended. A job of the same id that was submitted since keeps what it has. So do uploads go that only the mark
 * of a submission kept which, as is seen by now, has died. Returns how many objects that were.
 */
export async function purgeLeftOvers(
  ports: Pick<ServicePorts, 'store' | 'index' | 'clock' | 'log' | 'links' | 'eraseVersions'>,
): Promise<number> {
  const { store, index, clock } = ports;
  let objects = 0;
  for (const { key, modifiedAt } of await store.list(PURGED_PREFIX)) {
    const jobId = key.slice(PURGED_PREFIX.length);
    if (modifiedAt > clock.now() - LINGER_MS) continue;
    if (isJobId(jobId) && (await isGone(index, jobId))) objects += await purgeRest(ports, jobId);
    for (const uploadId of doubtfulUploads(await store.get(key)))
      if (!(await uploadUses(ports, uploadId)).isUsed)
        objects += (await removeUpload(ports, uploadId)).objects;
    await store.remove(key);
  }
  return objects;
}

/** What `purgeJob` has written into its mark. */
const doubtfulUploads = (mark: Uint8Array): readonly UploadId[] =>
  new TextDecoder().decode(mark).split('\n').filter(isUploadId);

async function purgeRest(
  { store, log, eraseVersions }: Parameters<typeof purgeLeftOvers>[0],
  jobId: JobId,
): Promise<number> {
  const { objects, bytes } = await store.removeAll(jobPrefix(jobId));
  const versions = (await eraseVersions?.(jobPrefix(jobId))) ?? 0;
  if (objects > 0) log.info('job:purged', { jobId, objects, bytes, versions });
  return objects;
}
