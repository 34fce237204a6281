import { asHpbError, type HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import {
  jobIndexPrefix,
  parseJobIndexKey,
  parseUploadKey,
  uploadInputKey,
  UPLOADS_PREFIX,
  type JobId,
  type UploadId,
} from '../layout.ts';
import { purgeJob, removeUpload } from './purge-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { readUpload } from './upload-document.ts';
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
 * Deletes jobs that ended longer ago than `olderThanMs`, and uploads of that age that no job uses. Of a job whose document
 * is damaged its start counts. What cannot be deleted stops none of the others.
 *
 * @throws HpbError what went wrong first, after all has been tried.
 */
export async function purgeExpired(
  ports: ServicePorts,
  { olderThanMs }: { readonly olderThanMs: number },
): Promise<PurgedExpired> {
  const before = ports.clock.now() - olderThanMs;
  const jobs = await purgeEach(await expiredJobs(ports, before), (jobId) => purgeJob(ports, jobId));
  const forgotten: UploadId[] = [];
  for (const id of await forgottenUploads(ports, before))
    if (!(await isUnderWay(ports, id, before))) forgotten.push(id);
  const uploads = await purgeEach(forgotten, (id) => removeUpload(ports, id));
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
  ports: Pick<ServicePorts, 'index' | 'store'>,
  before: number,
): Promise<readonly JobId[]> {
  const listed: JobDocument[] = [];
  let after: string | undefined;
  do {
    const page = await ports.index.list({ limit: PAGE, after });
    listed.push(...page.jobs);
    after = page.next ?? undefined;
  } while (after !== undefined);
  const expired = listed.filter(
    ({ state, endedAt }) => isFinal(state) && endedAt !== null && endedAt < before,
  );
  const known = new Set(listed.map(({ jobId }) => jobId));
  return [...expired.map(({ jobId }) => jobId), ...(await damagedJobs(ports, known, before))];
}

/** Jobs that were begun before `before` and that no list shows, since their document cannot be read. */
async function damagedJobs(
  { index, store }: Pick<ServicePorts, 'index' | 'store'>,
  known: ReadonlySet<JobId>,
  before: number,
): Promise<readonly JobId[]> {
  const damaged: JobId[] = [];
  for (const { key } of await store.list(jobIndexPrefix())) {
    const entry = parseJobIndexKey(key);
    if (entry === null || entry.createdAt >= before || known.has(entry.jobId)) continue;
    // Others have come or gone since.
    const isDamaged = await index.get(entry.jobId).then(
      () => false,
      (thrown: unknown) => asHpbError(thrown).code === 'DOCUMENT_UNREADABLE',
    );
    if (isDamaged) damaged.push(entry.jobId);
  }
  return damaged;
}

/** Whether parts of an upload came since `before`: they lie elsewhere than what is listed of it. */
async function isUnderWay(
  { store, links }: Pick<ServicePorts, 'store' | 'links'>,
  uploadId: UploadId,
  before: number,
): Promise<boolean> {
  if (links.lastPartAt === undefined) return false;
  const upload = await readUpload(store, uploadId).catch(() => null);
  if (upload === null || upload.multipart === null) return false;
  return ((await links.lastPartAt(uploadInputKey(uploadId), upload.multipart.id)) ?? 0) >= before;
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
