/** Every storage key is built here; nothing else concatenates keys. Keys never hold names of the caller's. */

/** Stable id of a job: random, or derived from an idempotency key. */
export type JobId = string & { readonly brand: 'JobId' };

/** Ordinal of a case in its job: `c0001`. */
export type CaseId = string & { readonly brand: 'CaseId' };

/** Version of the layout below; part of every document. */
export const LAYOUT_VERSION = 1;

/** The id of the n-th case of a job, counted from 1. */
export function caseIdOf(ordinal: number): CaseId {
  return `c${String(ordinal).padStart(4, '0')}` as CaseId;
}

/** Whether `text` is a case id. */
export function isCaseId(text: string): text is CaseId {
  return /^c\d{4,}$/.test(text);
}

/** Whether `text` is a job id: lower-case letters, digits and dashes, 8 to 64 of them. */
export function isJobId(text: string): text is JobId {
  return /^[a-z0-9][a-z0-9-]{6,62}[a-z0-9]$/.test(text);
}

/** Where jobs lie. */
export const JOBS_PREFIX = 'jobs/';

/** Prefix of everything that belongs to a job. */
export const jobPrefix = (jobId: JobId): string => `${JOBS_PREFIX}${jobId}/`;

/** Prefix of everything that belongs to a case of a job. */
export const casePrefix = (jobId: JobId, caseId: CaseId): string => `${jobPrefix(jobId)}cases/${caseId}/`;

/** The CT of a case as it came. */
export const caseInputKey = (jobId: JobId, caseId: CaseId): string =>
  `${casePrefix(jobId, caseId)}input.nii.gz`;

/** The outcome of a case; written last, so its presence says that everything else is there. */
export const caseResultKey = (jobId: JobId, caseId: CaseId): string =>
  `${casePrefix(jobId, caseId)}result.json`;

/** A file of a case's result package. */
export const caseFileKey = (jobId: JobId, caseId: CaseId, name: string): string =>
  `${casePrefix(jobId, caseId)}files/${name}`;

/** The ZIP of a case's result package. */
export const caseZipKey = (jobId: JobId, caseId: CaseId): string => `${casePrefix(jobId, caseId)}results.zip`;

/** The latest progress of a case. */
export const caseProgressKey = (jobId: JobId, caseId: CaseId): string =>
  `${jobPrefix(jobId)}progress/${caseId}.json`;

/** The shard document that a worker is started with. */
export const shardKey = (jobId: JobId, attempt: number, ordinal: number): string =>
  `${shardsPrefix(jobId, attempt)}s${String(ordinal).padStart(4, '0')}.json`;

/** Prefix of the shard documents of an attempt. */
export const shardsPrefix = (jobId: JobId, attempt: number): string =>
  `${jobPrefix(jobId)}shards/a${attempt}-`;

/** Random id of an upload. */
export type UploadId = string & { readonly brand: 'UploadId' };

/** The form of an upload id: that of a job id, after `u-`. */
export const UPLOAD_ID = /^u-[a-z0-9-]{5,61}[a-z0-9]$/;

/** Whether `text` is an upload id: lower-case letters, digits and dashes, 8 to 64 of them, beginning with `u-`. */
export function isUploadId(text: string): text is UploadId {
  return UPLOAD_ID.test(text);
}

/** Where uploads lie until they become jobs. */
export const UPLOADS_PREFIX = 'uploads/';

/** Prefix of everything that belongs to an upload. */
export const uploadPrefix = (uploadId: UploadId): string => `${UPLOADS_PREFIX}${uploadId}/`;

/** What was promised of an upload: size, checksum, name. */
export const uploadDocumentKey = (uploadId: UploadId): string => `${uploadPrefix(uploadId)}upload.json`;

/** The bytes of an upload. */
export const uploadInputKey = (uploadId: UploadId): string => `${uploadPrefix(uploadId)}input`;

/** Prefix of the marks of the jobs that use an upload. */
export const uploadUsesPrefix = (uploadId: UploadId): string => `${uploadPrefix(uploadId)}jobs/`;

/** Mark of a job that uses an upload, an empty object: the last job to be purged takes the upload along. */
export const uploadUseKey = (uploadId: UploadId, jobId: JobId): string =>
  `${uploadUsesPrefix(uploadId)}${jobId}`;

/** The upload of a key below `UPLOADS_PREFIX`; null for a key that is none. */
export function parseUploadKey(key: string): UploadId | null {
  const [, uploadId] = /^uploads\/([^/]+)\//.exec(key) ?? [];
  return uploadId !== undefined && isUploadId(uploadId) ? uploadId : null;
}

/** The job as `GET /jobs/{id}` tells it: state, times, counts. Written conditionally. */
export const jobDocumentKey = (jobId: JobId): string => `${jobPrefix(jobId)}job.json`;

/** What was asked for; the one document beside cases.json that holds names of the caller's. */
export const jobRequestKey = (jobId: JobId): string => `${jobPrefix(jobId)}request.json`;

/** The cases that were found in the upload, with the caller's names and what was refused. */
export const jobCasesKey = (jobId: JobId): string => `${jobPrefix(jobId)}cases.json`;

/** The shards of one attempt: the item list of the workflow's map. */
export const jobPlanKey = (jobId: JobId, attempt: number): string =>
  `${jobPrefix(jobId)}plans/a${attempt}.json`;

/** How every case of a finished job ended. */
export const jobManifestKey = (jobId: JobId): string => `${jobPrefix(jobId)}manifest.json`;

/** The ZIP of a finished job. */
export const jobZipKey = (jobId: JobId): string => `${jobPrefix(jobId)}results.zip`;

/** Files that a batch has beside its cases when they are too large for one ZIP. */
export const JOB_FILES = ['index.html', 'cases.csv'] as const;
export type JobFile = (typeof JOB_FILES)[number];

/** A file of a batch that has no ZIP. */
export const jobFileKey = (jobId: JobId, name: JobFile): string => `${jobPrefix(jobId)}${name}`;

/** Prefixes and keys of all that a job stores but its document, and the marks that its ends were announced. */
export const jobContentPrefixes = (jobId: JobId): readonly string[] =>
  [
    'request.json',
    'cases',
    'manifest.json',
    'results.zip',
    'index.html',
    'progress/',
    'shards/',
    'plans/',
    'failures/',
  ].map((name) => `${jobPrefix(jobId)}${name}`);

/** Prefix of the progress documents of a job. */
export const progressPrefix = (jobId: JobId): string => `${jobPrefix(jobId)}progress/`;

/** Why a shard of an attempt ended without its worker's word. */
export const shardFailureKey = (jobId: JobId, attempt: number, ordinal: number): string =>
  `${jobPrefix(jobId)}failures/a${attempt}-s${String(ordinal).padStart(4, '0')}.json`;

/** Prefix of the shard failures of an attempt. */
export const shardFailuresPrefix = (jobId: JobId, attempt: number): string =>
  `${jobPrefix(jobId)}failures/a${attempt}-`;

/** Name of a job's execution; a retry is a new execution, since a closed name stays taken. At most 80 characters. */
export const executionName = (jobId: JobId, attempt: number): string => `${jobId}-a${attempt}`;

/** The job and attempt of an execution name; null for a name of someone else's. */
export function parseExecutionName(name: string): { readonly jobId: JobId; readonly attempt: number } | null {
  const [, jobId, attempt] = /^(.+)-a([1-9]\d*)$/.exec(name) ?? [];
  return jobId !== undefined && isJobId(jobId) ? { jobId, attempt: Number(attempt) } : null;
}

/** Times in index keys count down from here, so that the newest key comes first; year 2286. */
const LAST_MS = 9_999_999_999_999;

/** Where the entries of all indexes of jobs lie. */
export const INDEX_PREFIX = 'index/';

/** Prefix of the index of all jobs, or of those in one state. */
export const jobIndexPrefix = (state?: string): string =>
  state === undefined ? `${INDEX_PREFIX}jobs/` : `${INDEX_PREFIX}states/${state}/`;

/** Index entry of a job, an empty object; entries list newest first. `createdAt`: ms since 1970. */
export const jobIndexKey = (
  job: { readonly jobId: JobId; readonly createdAt: number },
  state?: string,
): string => `${jobIndexPrefix(state)}${String(LAST_MS - job.createdAt).padStart(13, '0')}-${job.jobId}`;

/** The job of an index entry; null for a key that is none. */
export function parseJobIndexKey(key: string): { readonly jobId: JobId; readonly createdAt: number } | null {
  const [, reversed, jobId] = /^index\/(?:jobs|states\/[A-Z]+)\/(\d{13})-(.+)$/.exec(key) ?? [];
  return jobId !== undefined && isJobId(jobId) ? { jobId, createdAt: LAST_MS - Number(reversed) } : null;
}

/** Marks of jobs that were purged and whose workers may not have ended yet, empty objects. */
export const PURGED_PREFIX = `${INDEX_PREFIX}purged/`;

/** The mark of one of them. */
export const purgedKey = (jobId: JobId): string => `${PURGED_PREFIX}${jobId}`;

/** Archives dropped here become jobs; `<source>` is a folder of the sender's. */
export const INGEST_PREFIX = 'ingest/';

/** Where what could not become a job goes, with a reason beside it. */
export const INGEST_REJECTED_PREFIX = 'ingest-rejected/';

/** Where a dropped object that could not become a job lies, and why. `id`: derived from its key and tag. */
export const ingestRejectedKeys = (id: JobId): { readonly input: string; readonly reason: string } => ({
  input: `${INGEST_REJECTED_PREFIX}${id}/input`,
  reason: `${INGEST_REJECTED_PREFIX}${id}/reason.json`,
});

/** Name prefix of all workers of a job. */
export const workerNamePrefix = (jobId: JobId): string => `hpb-${jobId}-a`;

/** Name of a worker: of a shard (`s0001`), or of the workflow's own (`unpack`, `publish`). At most 128 characters. */
export const workerName = (jobId: JobId, attempt: number, role: string): string =>
  `${workerNamePrefix(jobId)}${attempt}-${role}`;

/** What the laptop keeps of the runs of the workflow. */
export const EXECUTIONS_PREFIX = 'executions/';

/** Prefix of what the laptop keeps of the runs of one job. */
export const jobExecutionsPrefix = (jobId: JobId): string => `${EXECUTIONS_PREFIX}${jobId}-a`;

/** Where an execution of the laptop stands; `name` as `executionName` makes it. */
export const executionDocumentKey = (name: string): string => `${EXECUTIONS_PREFIX}${name}.json`;

/** A case in the viewer: chosen by who publishes it, never a name of a patient. */
export type ViewerCaseId = string & { readonly brand: 'ViewerCaseId' };

/** Whether `text` can be a case of the viewer: letters, digits, dashes and underscores, 1 to 80 of them. */
export function isViewerCaseId(text: string): text is ViewerCaseId {
  return /^[A-Za-z0-9][\w-]{0,79}$/.test(text);
}

/** What a case that its job has published is called in the viewer. */
export const publishedCaseId = (jobId: JobId, caseId: CaseId): ViewerCaseId =>
  `${jobId}-${caseId}` as ViewerCaseId;

/** Folder of a case in the viewer's bucket. */
export const viewerCasePrefix = (id: ViewerCaseId): string => `liverCases/${id}/`;

/** A file of a case in the viewer's bucket. */
export const viewerFileKey = (id: ViewerCaseId, name: string): string => `${viewerCasePrefix(id)}${name}`;

/** The list of all cases in the viewer's bucket, for readers that do not list it themselves. */
export const VIEWER_INDEX_KEY = 'meta/cases.json';

/** The folder of a case for the viewer as a ZIP, made when it is asked for. */
export const caseViewerZipKey = (jobId: JobId, caseId: CaseId): string =>
  `${casePrefix(jobId, caseId)}viewer.zip`;

/** The thumbnail in that ZIP. */
export const caseThumbnailKey = (jobId: JobId, caseId: CaseId): string =>
  `${casePrefix(jobId, caseId)}viewer-thumbnail.jpg`;

/** Where the weights lie in their bucket, laid out as on a machine: `nnunet_v1/`, `totalseg/`. */
export const MODELS_PREFIX = 'models/';

/** What lies below `MODELS_PREFIX`, with checksums (core/models/weights-manifest.ts); written last. */
export const modelsManifestKey = (): string => `${MODELS_PREFIX}manifest.json`;

/** Where the canary of a deployment stands. */
export const canaryKey = (): string => 'canary/state.json';

/** Mark of an attempt whose end was announced, an empty object. */
export const announcedKey = (jobId: JobId, attempt: number): string =>
  `${jobPrefix(jobId)}announced/a${attempt}`;

/** What `hpb calibrate` found out about the machines of this home (core/models/calibration.ts). */
export const calibrationKey = (): string => 'calibration.json';
