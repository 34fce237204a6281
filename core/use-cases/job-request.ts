import { z } from 'zod';
import { HpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { isJobId, isUploadId, LAYOUT_VERSION, jobRequestKey, type JobId } from '../layout.ts';
import { MODEL_IDS, type ModelId } from '../models/catalogue.ts';
import type { JobIndex, ObjectStore } from '../ports.ts';
import { MESH_FORMATS } from '../results/meshed-structures.ts';
import { segmentOptions } from '../shard.ts';
import { findDocument } from './stored-document.ts';
import { quoted } from './upload-document.ts';

/** request.json: what was asked for; written once, before anything else of a job. */
export const jobRequest = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  uploadId: z.string().refine(isUploadId, 'not an upload id'),
  inputKey: z.string(),
  /** As the caller gave it. */
  fileName: z.string(),
  bytes: z.int().min(1),
  /** As promised; null when nothing was. */
  sha256: z.string().nullable(),
  batch: z.boolean(),
  models: z.array(z.enum(MODEL_IDS as [ModelId, ...ModelId[]])).min(1),
  options: segmentOptions,
  /** Format in which meshes are written as well; null for that of the worker's settings. */
  meshes: z.enum(MESH_FORMATS).nullable().default(null),
  priority: z.enum(['interactive', 'bulk']).nullable(),
  /** Most that the job may cost by its estimate, USD. */
  maxCostUsd: z.number().positive().nullable().default(null),
  /** Whether its cases go into the viewer. */
  publish: z.boolean().default(false),
  /** Of target and body: tells whether an idempotency key comes with the same request again. */
  fingerprint: z.string(),
  /** ms since 1970. */
  createdAt: z.int(),
});
export type JobRequest = z.infer<typeof jobRequest>;

/** Reads request.json of a job. Throws `JOB_NOT_FOUND` when there is none: the job is being deleted. */
export async function readRequest(store: Pick<ObjectStore, 'get'>, jobId: JobId): Promise<JobRequest> {
  const request = await findRequest(store, jobId);
  if (request === null) throw noJob(jobId);
  return request;
}

/** Like `readRequest`; null when there is none. */
export function findRequest(store: Pick<ObjectStore, 'get'>, jobId: JobId): Promise<JobRequest | null> {
  return findDocument(store, jobRequestKey(jobId), jobRequest);
}

/** The job of an id as a caller gave it; `JOB_NOT_FOUND` when there is none, or it cannot be an id. */
export async function findJob(index: Pick<JobIndex, 'get'>, jobId: string): Promise<JobDocument> {
  const job = isJobId(jobId) ? await index.get(jobId) : null;
  if (job !== null) return job;
  throw noJob(jobId);
}

function noJob(jobId: string): HpbError {
  return new HpbError('JOB_NOT_FOUND', `There is no job ${quoted(jobId)}.`, {
    remedy: 'GET /jobs lists the jobs that there are.',
  });
}

/** Whether there is no such job; one that is there and damaged is there. */
export async function isGone(index: Pick<JobIndex, 'get'>, jobId: JobId): Promise<boolean> {
  try {
    return (await index.get(jobId)) === null;
  } catch (thrown) {
    if (thrown instanceof HpbError && thrown.code === 'DOCUMENT_UNREADABLE') return false;
    throw thrown;
  }
}
