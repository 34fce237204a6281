import { asHpbError, type HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import { parseUploadKey, UPLOADS_PREFIX, type UploadId } from '../layout.ts';
import { purgeJob, removeUpload } from './purge-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { uploadUses } from './upload-uses.ts';

const PAGE = 100;

/** What retention has deleted. */
export interface PurgedExpired {
  readonly jobs: number;
  /** Uploads that never became a job. */
  readonly uploads: number;
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Deletes jobs that ended longer ago than `olderThanMs`, and uploads of that age that no job uses. What cannot be deleted
 * stops none of the others.
 *
 * @throws HpbError what went wrong first, after all has been tried.
 */
export async function purgeExpired(
  ports: ServicePorts,
  { olderThanMs }: { readonly olderThanMs: number },
): Promise<PurgedExpired> {
  const before = ports.clock.now() - olderThanMs;
  const jobs = await purgeEach(await expiredJobs(ports, before), ({ jobId }) => purgeJob(ports, jobId));
  const uploads = await purgeEach(await forgottenUploads(ports, before), (id) => removeUpload(ports, id));
  const [fault] = [...jobs.faults, ...uploads.faults];
  if (fault !== undefined) throw fault;
  return {
    jobs: jobs.count,
    uploads: uploads.count,
    objects: jobs.objects + uploads.objects,
    bytes: jobs.bytes + uploads.bytes,
  };
}

async function purgeEach<T>(
  expired: readonly T[],
  purge: (one: T) => Promise<{ readonly objects: number; readonly bytes: number }>,
): Promise<
  Omit<PurgedExpired, 'jobs' | 'uploads'> & { readonly count: number; readonly faults: readonly HpbError[] }
> {
  let [count, objects, bytes] = [0, 0, 0];
  const faults: HpbError[] = [];
  for (const one of expired) {
    try {
      const removed = await purge(one);
      count += 1;
      objects += removed.objects;
      bytes += removed.bytes;
    } catch (thrown) {
      const error = asHpbError(thrown);
      // Somebody else was faster.
      if (error.code !== 'JOB_NOT_FOUND') faults.push(error);
    }
  }
  return { count, objects, bytes, faults };
}

/** Read as a whole first: purging would shift the pages. */
async function expiredJobs(
  { index }: Pick<ServicePorts, 'index'>,
  before: number,
): Promise<readonly JobDocument[]> {
  const expired: JobDocument[] = [];
  let after: string | undefined;
  do {
    const page = await index.list({ limit: PAGE, after });
    expired.push(
      ...page.jobs.filter(({ state, endedAt }) => isFinal(state) && endedAt !== null && endedAt < before),
    );
    after = page.next ?? undefined;
  } while (after !== undefined);
  return expired;
}

/** Uploads that no job uses and nobody has written to since `before`, ms since 1970. */
export async function forgottenUploads(
  ports: Pick<ServicePorts, 'store' | 'index' | 'clock'>,
  before: number,
): Promise<readonly UploadId[]> {
  const lastWrite = new Map<UploadId, number>();
  for (const { key, modifiedAt } of await ports.store.list(UPLOADS_PREFIX)) {
    const uploadId = parseUploadKey(key);
    if (uploadId !== null) lastWrite.set(uploadId, Math.max(modifiedAt, lastWrite.get(uploadId) ?? 0));
  }
  const forgotten: UploadId[] = [];
  for (const [uploadId, modifiedAt] of lastWrite) {
    if (modifiedAt >= before) continue;
    if (!(await uploadUses(ports, uploadId)).isUsed) forgotten.push(uploadId);
  }
  return forgotten;
}
