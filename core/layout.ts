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

/** Prefix of everything that belongs to a job. */
export const jobPrefix = (jobId: JobId): string => `jobs/${jobId}/`;

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
  `${jobPrefix(jobId)}shards/a${attempt}-s${String(ordinal).padStart(4, '0')}.json`;
