import { asHpbError, HpbError, type ErrorDocument } from '../errors.ts';
import {
  INGEST_PREFIX,
  ingestRejectedKeys,
  isUploadId,
  LAYOUT_VERSION,
  uploadDocumentKey,
  uploadInputKey,
  type JobId,
  type UploadId,
} from '../layout.ts';
import type { ObjectFacts } from '../ports.ts';
import type { SegmentTarget } from '../requests.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText } from './stored-document.ts';
import { submitJob } from './submit-job.ts';
import type { UploadDocument } from './upload-document.ts';

/** An object below `ingest/` that has become complete, as its event names it. */
export interface DroppedObject {
  readonly key: string;
  readonly bytes: number;
  readonly tag: string;
}

/** What became of a dropped object. */
export type Ingested =
  | { readonly jobId: JobId }
  /** It lies below `ingest-rejected/` now, with this beside it. */
  | { readonly rejected: ErrorDocument }
  /** Why there was nothing to do. */
  | { readonly ignored: string };

/**
 * Makes one job of an object that was dropped below `ingest/`, however often its event comes: an archive becomes a
 * batch, a CT a job of `both`. The object is moved out of the folder once the job is stored.
 *
 * @throws HpbError what may pass by itself (TOO_MANY_JOBS, DISK_FULL, STORE_UNAVAILABLE): deliver the event again.
 */
export async function ingestObject(ports: ServicePorts, dropped: DroppedObject): Promise<Ingested> {
  const { key, tag, bytes } = dropped;
  const fileName = key.slice(key.lastIndexOf('/') + 1);
  if (!key.startsWith(INGEST_PREFIX) || fileName === '') return { ignored: 'not a file below ingest/' };
  if (fileName.startsWith('.') || /\.(part|partial|tmp|crdownload)$/i.test(fileName)) {
    return { ignored: 'a file that is still being written' };
  }
  const idempotencyKey = `ingest:${key}:${plainTag(tag)}`;
  const id = ports.ids.derivedJobId(idempotencyKey);
  try {
    const target = ingestTarget(fileName, bytes);
    const uploadId = await keepUpload(ports, dropped, { fileName, id });
    if (uploadId === null) return await ingestedBefore(ports, idempotencyKey);
    const submission = { target, body: { uploadId }, idempotencyKey, baseUrl: '' };
    const jobId = await submitOnce(ports, submission);
    await removeUnlessChanged(ports, dropped);
    ports.log.info('ingest:accepted', { jobId, bytes });
    return { jobId };
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.blame !== 'caller' || error.retryable) throw error;
    return reject(ports, dropped, { id, error });
  }
}

/** The job of the drop; one that failed is not run again, since an event may come twice. */
async function submitOnce(
  ports: ServicePorts,
  submission: Parameters<typeof submitJob>[1] & { readonly idempotencyKey: string },
): Promise<JobId> {
  const jobId = ports.ids.derivedJobId(`key:${submission.idempotencyKey}`);
  const known = await ports.index.get(jobId);
  if (known === null || known.state === 'QUEUED') await submitJob(ports, submission);
  return jobId;
}

/** Copies the dropped object to an upload of an id of its own; null when the object is not there any more. */
async function keepUpload(
  { store, clock }: Pick<ServicePorts, 'store' | 'clock'>,
  { key, tag, bytes }: DroppedObject,
  { fileName, id }: { readonly fileName: string; readonly id: JobId },
): Promise<UploadId | null> {
  const uploadId = uploadIdOf(id);
  if ((await store.head(uploadDocumentKey(uploadId))) !== null) return uploadId;
  const facts = await store.head(key);
  if (facts === null || !isSame(facts, tag)) return null;
  await store.copy(key, uploadInputKey(uploadId));
  const upload: UploadDocument = {
    layoutVersion: LAYOUT_VERSION,
    uploadId,
    fileName,
    sizeBytes: bytes,
    sha256: null,
    createdAt: clock.now(),
    multipart: null,
  };
  await store.put(uploadDocumentKey(uploadId), documentText(upload));
  return uploadId;
}

async function ingestedBefore(ports: ServicePorts, idempotencyKey: string): Promise<Ingested> {
  const job = await ports.index.get(ports.ids.derivedJobId(`key:${idempotencyKey}`));
  return job === null ? { ignored: 'gone or replaced before it was read' } : { jobId: job.jobId };
}

/** Moves the object aside with the reason beside it. */
async function reject(
  ports: ServicePorts,
  dropped: DroppedObject,
  { id, error }: { readonly id: JobId; readonly error: HpbError },
): Promise<Ingested> {
  const rejected = error.toDocument();
  const keys = ingestRejectedKeys(id);
  if ((await ports.store.head(dropped.key)) !== null) await ports.store.copy(dropped.key, keys.input);
  await ports.store.put(
    keys.reason,
    documentText({ layoutVersion: LAYOUT_VERSION, ingestKey: dropped.key, error: rejected }),
  );
  await removeUnlessChanged(ports, dropped);
  ports.log.warn('ingest:rejected', { id, code: error.code });
  return { rejected };
}

async function removeUnlessChanged(
  { store }: Pick<ServicePorts, 'store'>,
  { key, tag }: DroppedObject,
): Promise<void> {
  const facts = await store.head(key);
  if (facts !== null && isSame(facts, tag)) await store.remove(key);
}

/**
 * What is run on a dropped file, told by its ending.
 *
 * @throws HpbError INPUT_UNREADABLE for an empty file, REQUEST_TYPE_UNSUPPORTED for another kind.
 */
export function ingestTarget(fileName: string, bytes: number): SegmentTarget {
  if (bytes === 0) throw refused('INPUT_UNREADABLE', 'The dropped file is empty (0 bytes).');
  if (/\.(zip|tar|tgz|tar\.gz)$/i.test(fileName)) return 'batch';
  if (/\.nii(\.gz)?$/i.test(fileName)) return 'both';
  const ending = /\.[a-z0-9]{1,10}$/i.exec(fileName)?.[0] ?? 'without one';
  throw refused(
    'REQUEST_TYPE_UNSUPPORTED',
    `The dropped file is neither an archive nor a CT (ending ${ending}).`,
  );
}

function refused(code: 'INPUT_UNREADABLE' | 'REQUEST_TYPE_UNSUPPORTED', message: string): HpbError {
  return new HpbError(code, message, {
    remedy: 'Drop a .zip, .tar, .tar.gz or .tgz of cases, or one CT as .nii or .nii.gz.',
  });
}

const isSame = (facts: ObjectFacts, tag: string): boolean => plainTag(facts.tag) === plainTag(tag);

/** Events give tags without the quotes that other answers have. */
const plainTag = (tag: string): string => tag.replaceAll('"', '');

function uploadIdOf(id: JobId): UploadId {
  const uploadId = `u-${id}`.slice(0, 64);
  if (isUploadId(uploadId)) return uploadId;
  throw new HpbError('UNEXPECTED', `${uploadId} cannot be the id of an upload.`, { remedy: 'Report this.' });
}
