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
import { jobIdOfKey, submitJob } from './submit-job.ts';
import type { UploadDocument } from './upload-document.ts';

/** An object below `ingest/` that has become complete, as its event names it. */
export interface DroppedObject {
  readonly key: string;
  readonly bytes: number;
  readonly tag: string;
}

const ARCHIVE = /\.(zip|tar|tgz|tar\.gz)$/i;
const READY = '_READY';
const MANIFEST = 'manifest.json';
/** What a function packs within its 15 minutes. */
const MAX_FOLDER_BYTES = 8 * 2 ** 30;

/** What became of a dropped object. */
export type Ingested =
  | { readonly jobId: JobId }
  /** It lies below `ingest-rejected/` now, with this beside it. */
  | { readonly rejected: ErrorDocument }
  /** Why there was nothing to do. */
  | { readonly ignored: string };

/** Something dropped that is to become one job. */
interface Drop {
  /** What is run on it; throws what is wrong with it. */
  readonly target: () => SegmentTarget;
  /** Stores it as the input of an upload, with its document; false when it is not there any more. */
  readonly keep: (uploadId: UploadId) => Promise<boolean>;
  /** Removes from `ingest/` what has become the upload. */
  readonly remove: () => Promise<void>;
}

/**
 * Makes one job of an object that was dropped below `ingest/`, however often its event comes: an archive becomes a
 * batch, a CT a job of `both`, and the files of a folder `ingest/<source>/<folder>/` a batch once `_READY` or
 * `manifest.json` is there. What was dropped is removed once the job is stored.
 *
 * @throws HpbError what may pass by itself (TOO_MANY_JOBS, DISK_FULL, STORE_UNAVAILABLE), and what is for who runs the
 * service to mend (WEIGHTS_MISSING): deliver the event again.
 */
export async function ingestObject(ports: ServicePorts, dropped: DroppedObject): Promise<Ingested> {
  const { key, tag, bytes } = dropped;
  const ignored = ignoredBecause(key);
  if (ignored !== null) return leave(ports, ignored);
  if (await isSuperseded(ports, key)) return leave(ports, 'a folder whose other mark came later');
  const drop = isReadyMark(key) ? folderDrop(ports, dropped) : objectDrop(ports, dropped);
  const idempotencyKey = `ingest:${key}:${plainTag(tag)}`;
  const id = ports.ids.derivedJobId(idempotencyKey);
  try {
    const target = drop.target();
    const uploadId = uploadIdOf(id);
    const kept =
      (await ports.store.head(uploadDocumentKey(uploadId))) !== null || (await drop.keep(uploadId));
    if (!kept) return await ingestedBefore(ports, idempotencyKey);
    const jobId = await submitOnce(ports, { target, body: { uploadId }, idempotencyKey, baseUrl: '' });
    await drop.remove();
    ports.log.info('ingest:accepted', { jobId, bytes });
    return { jobId };
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.blame !== 'caller' || error.retryable) throw error;
    return reject(ports, dropped, { id, error });
  }
}

/** Why nothing is made of an object of this key by itself; null when something is. */
function ignoredBecause(key: string): string | null {
  const fileName = fileNameOf(key);
  if (!key.startsWith(INGEST_PREFIX) || fileName === '') return 'not a file below ingest/';
  if (isUnfinished(fileName)) return 'a file that is still being written';
  if (isInFolder(key) && !isReadyMark(key) && !ARCHIVE.test(fileName))
    return 'part of a folder without _READY';
  return null;
}

/** Whether the other mark of the folder is there and covers all that this one does: each would make a job. */
async function isSuperseded({ store }: Pick<ServicePorts, 'store'>, key: string): Promise<boolean> {
  if (!isReadyMark(key)) return false;
  const [mark, other] = await Promise.all([store.head(key), store.head(otherMark(key))]);
  if (mark === null || other === null) return false;
  const later = other.modifiedAt - mark.modifiedAt;
  return later > 0 || (later === 0 && fileNameOf(other.key) === READY);
}

/** The job of the drop; one that failed is not run again, since an event may come twice. */
async function submitOnce(
  ports: ServicePorts,
  submission: Parameters<typeof submitJob>[1] & { readonly idempotencyKey: string },
): Promise<JobId> {
  const jobId = jobIdOfKey(ports.ids, submission.idempotencyKey);
  const known = await ports.index.get(jobId);
  if (known === null || known.state === 'QUEUED') await submitJob(ports, submission);
  return jobId;
}

/** A single file: copied to an upload of an id of its own. */
function objectDrop({ store, clock }: ServicePorts, dropped: DroppedObject): Drop {
  const { key, tag, bytes } = dropped;
  const fileName = fileNameOf(key);
  const isThere = async (): Promise<boolean> => {
    const facts = await store.head(key);
    return facts !== null && isSame(facts, tag);
  };
  return {
    target: () => ingestTarget(fileName, bytes),
    keep: async (uploadId) => {
      if (!(await isThere())) return false;
      await store.copy(key, uploadInputKey(uploadId));
      // Replaced meanwhile: these may be the bytes of the new one, whose own event makes the job. They are left to the
      // retention, since the same event may have come twice and be a job already.
      if (!(await isThere())) return false;
      const upload = uploadOf({ uploadId, fileName, sizeBytes: bytes, sha256: null, createdAt: clock.now() });
      await store.put(uploadDocumentKey(uploadId), documentText(upload));
      return true;
    },
    remove: async () => {
      if (await isThere()) await store.remove(key);
    },
  };
}

/** A folder: its files, those that were there when it was said to be ready, become an archive. */
function folderDrop(ports: ServicePorts, dropped: DroppedObject): Drop {
  const { store, bundler, clock } = ports;
  const { key } = dropped;
  const folder = key.slice(0, key.lastIndexOf('/') + 1);
  return {
    target: () => 'batch',
    keep: async (uploadId) => {
      const mark = await store.head(key);
      if (mark === null || !isSame(mark, dropped.tag)) return false;
      const members = (await folderFiles(ports, folder, mark)).map((file) => ({
        name: file.key.slice(folder.length),
        source: { key: file.key, bytes: file.bytes },
      }));
      if (members.length === 0) throw refused('INPUT_UNREADABLE', 'The folder that is ready holds no files.');
      const { bytes, sha256 } = await bundler.bundle(uploadInputKey(uploadId), members);
      const fileName = `${folder.split('/').at(-2)!}.zip`;
      const upload = uploadOf({ uploadId, fileName, sizeBytes: bytes, sha256, createdAt: clock.now() });
      await store.put(uploadDocumentKey(uploadId), documentText(upload));
      return true;
    },
    remove: async () => {
      const mark = await store.head(key);
      if (mark === null || !isSame(mark, dropped.tag)) return;
      for (const file of await folderFiles(ports, folder, mark)) await store.remove(file.key);
      const other = await store.head(otherMark(key));
      if (other !== null && other.modifiedAt <= mark.modifiedAt) await store.remove(other.key);
      // Last: while it is there, its event delivered again removes the rest.
      await store.remove(key);
    },
  };
}

/**
 * The files of a folder that are not younger than its mark: those that came later are of the next one.
 *
 * @throws HpbError ARCHIVE_TOO_LARGE for more than a function can pack in its time.
 */
async function folderFiles(
  { store }: Pick<ServicePorts, 'store'>,
  folder: string,
  mark: ObjectFacts,
): Promise<readonly ObjectFacts[]> {
  const files = (await store.list(folder)).filter(
    ({ key, modifiedAt }) => modifiedAt <= mark.modifiedAt && isMember(key),
  );
  const bytes = files.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes <= MAX_FOLDER_BYTES) return files;
  throw new HpbError(
    'ARCHIVE_TOO_LARGE',
    `The folder holds ${bytes} bytes; at most ${MAX_FOLDER_BYTES} are packed.`,
    {
      remedy: 'Split the folder, or drop its cases as an archive (.zip, .tar, .tar.gz).',
      details: { bytes, limit: MAX_FOLDER_BYTES },
    },
  );
}

const uploadOf = (facts: Omit<UploadDocument, 'layoutVersion' | 'multipart'>): UploadDocument => ({
  layoutVersion: LAYOUT_VERSION,
  multipart: null,
  ...facts,
});

async function ingestedBefore(ports: ServicePorts, idempotencyKey: string): Promise<Ingested> {
  const job = await ports.index.get(jobIdOfKey(ports.ids, idempotencyKey));
  return job === null ? leave(ports, 'gone or replaced before it was read') : { jobId: job.jobId };
}

function leave({ log }: Pick<ServicePorts, 'log'>, why: string): Ingested {
  log.info('ingest:ignored', { why });
  return { ignored: why };
}

/** Moves the object aside with the reason beside it; the other files of a folder stay. */
async function reject(
  { store, log }: ServicePorts,
  { key, tag }: DroppedObject,
  { id, error }: { readonly id: JobId; readonly error: HpbError },
): Promise<Ingested> {
  const rejected = error.toDocument();
  const keys = ingestRejectedKeys(id);
  const facts = await store.head(key);
  if (facts !== null && isSame(facts, tag)) await store.copy(key, keys.input);
  await store.put(
    keys.reason,
    documentText({ layoutVersion: LAYOUT_VERSION, ingestKey: key, error: rejected }),
  );
  if (facts !== null && isSame(facts, tag)) await store.remove(key);
  log.warn('ingest:rejected', { id, code: error.code });
  return { rejected };
}

/**
 * What is run on a dropped file, told by its ending.
 *
 * @throws HpbError INPUT_UNREADABLE for an empty file, REQUEST_TYPE_UNSUPPORTED for another kind.
 */
export function ingestTarget(fileName: string, bytes: number): SegmentTarget {
  if (bytes === 0) throw refused('INPUT_UNREADABLE', 'The dropped file is empty (0 bytes).');
  if (ARCHIVE.test(fileName)) return 'batch';
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

const fileNameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1);

const isUnfinished = (fileName: string): boolean =>
  fileName.startsWith('.') || /\.(part|partial|tmp|crdownload)$/i.test(fileName);

/** Below `ingest/<source>/<folder>/`: files that lie higher are drops of their own. */
const isInFolder = (key: string): boolean => key.split('/').length > 3;

const isReadyMark = (key: string): boolean => isInFolder(key) && [READY, MANIFEST].includes(fileNameOf(key));

const otherMark = (key: string): string =>
  key.slice(0, key.lastIndexOf('/') + 1) + (fileNameOf(key) === READY ? MANIFEST : READY);

/** Archives are drops of their own wherever they lie. */
const isMember = (key: string): boolean =>
  !isReadyMark(key) && !isUnfinished(fileNameOf(key)) && !ARCHIVE.test(key);

const isSame = (facts: ObjectFacts, tag: string): boolean => plainTag(facts.tag) === plainTag(tag);

/** Events give tags without the quotes that other answers have. */
const plainTag = (tag: string): string => tag.replaceAll('"', '');

function uploadIdOf(id: JobId): UploadId {
  const uploadId = `u-${id}`.slice(0, 64);
  if (isUploadId(uploadId)) return uploadId;
  throw new HpbError('UNEXPECTED', `${uploadId} cannot be the id of an upload.`, { remedy: 'Report this.' });
}
