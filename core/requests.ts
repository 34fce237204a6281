import { z } from 'zod';
import { isCaseId, isJobId, isUploadId, UPLOAD_ID } from './layout.ts';
import { JOB_STATES } from './job.ts';
import { MODEL_IDS, type ModelId } from './models/catalogue.ts';
import { MESH_FORMATS } from './results/meshed-structures.ts';
import { CASE_STAGES } from './results/run-record.ts';
import { errorDocument, segmentOptions } from './shard.ts';

/** What the service is asked, and what it answers. Times in answers are ISO 8601, UTC. */

/** Longest JSON body that is read, bytes. */
export const MAX_JSON_BYTES = 64 * 1024;

/** Most cases that one answer names. */
export const MAX_ANSWER_CASES = 1_000;

/** Most signed part requests in one answer; `GET /uploads/{id}/parts` gives the next ones. */
export const MAX_SIGNED_PARTS = 1_000;

const jobId = z.string().refine(isJobId, 'not a job id');
/** Id of an upload, in requests. */
export const uploadId = z.string().refine(isUploadId, 'not an upload id').meta({ pattern: UPLOAD_ID.source });
const caseId = z.string().refine(isCaseId, 'not a case id');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const time = z.iso.datetime();
const model = z.enum(MODEL_IDS as [ModelId, ...ModelId[]]);

/** What `/segment/{target}` accepts: a model, `both` (liver and task008), or an archive of cases. */
export type SegmentTarget = ModelId | 'both' | 'batch';
export const SEGMENT_TARGETS: readonly [SegmentTarget, ...SegmentTarget[]] = ['both', ...MODEL_IDS, 'batch'];

/** Body of `POST /uploads`. */
export const openUploadRequest = z.strictObject({
  fileName: z
    .string()
    .min(1)
    .max(255)
    // Without flags, which a pattern of OpenAPI cannot have.
    // oxlint-disable-next-line no-control-regex -- they are what is refused
    .regex(/^[^\x00-\x1f\x7f-\x9f]*$/, 'no control characters')
    .describe('With its ending; it is told back to the caller only.'),
  sizeBytes: z.int().min(1).max(Number.MAX_SAFE_INTEGER).describe('Exact size of the file, bytes.'),
  sha256: sha256.optional().describe('Checked while the upload is read; without it, only the size is.'),
});
export type OpenUploadRequest = z.infer<typeof openUploadRequest>;

const signedRequest = z
  .object({
    method: z.enum(['GET', 'PUT']),
    url: z.string(),
    headers: z.record(z.string(), z.string()).describe('To be sent exactly as they are.'),
    expiresAt: time,
  })
  .meta({ id: 'SignedRequest', description: 'A request that whoever holds it may make until it expires.' });

const partFacts = { part: z.int().min(1), bytes: z.int().min(1) };

/** Where an upload stands and the signed requests that are still to be made. */
export const uploadAnswer = z.object({
  uploadId,
  state: z.enum(['open', 'complete']),
  sizeBytes: z.int(),
  put: z
    .union([signedRequest, z.null()])
    .describe('The one request that takes the bytes; null for an upload in parts or a complete one.'),
  parts: z
    .object({
      partBytes: z.int().describe('Size of every part but the last.'),
      count: z.int(),
      arrived: z.array(z.object(partFacts)),
      missing: z
        .array(z.object({ ...partFacts, request: signedRequest }))
        .describe(`The first parts that are missing, at most ${MAX_SIGNED_PARTS}.`),
    })
    .nullable()
    .describe('Null for an upload in one piece.'),
});
export type UploadAnswer = z.infer<typeof uploadAnswer>;

/** A model, or `both` (liver and task008). */
export const modelOrBoth = z.enum(['both', ...MODEL_IDS] as ['both', ...ModelId[]]);

/** How models run, in requests. */
export const optionFields = {
  fast: z.boolean().optional().describe('TotalSegmentator at 3 mm. Default: true.'),
  folds: z
    .array(z.int().min(0).max(4))
    .min(1)
    .max(5)
    .optional()
    .describe('Folds of the nnU-Net v1 ensemble. Default: [0].'),
  tta: z.boolean().optional().describe('Test-time augmentation of nnU-Net v1. Default: false.'),
};

/** Body of `POST /segment/{target}`. */
export const submitRequest = z.strictObject({
  uploadId,
  model: modelOrBoth
    .optional()
    .describe('What to run on each case of a batch: a model or `both`. Other targets name it themselves.'),
  ...optionFields,
  meshes: z
    .enum(MESH_FORMATS)
    .optional()
    .describe(
      'Writes each mesh in this format too, in mm of the patient (RAS+). Default: that of the deployment, else none.',
    ),
  priority: z
    .enum(['interactive', 'bulk'])
    .optional()
    .describe('Default: interactive, and bulk for more than five cases.'),
  maxCostUsd: z
    .number()
    .positive()
    .max(1_000_000)
    .optional()
    .describe(
      'Most that the job may cost, USD, by an estimate of its machines on demand, their start included. A CT is refused at once, an archive when its cases are known, before any machine is asked for.',
    ),
  publish: z
    .boolean()
    .optional()
    .describe(
      'Puts every case that succeeds into the viewer, as `<jobId>-<caseId>`: whoever can read the viewer then sees the CT. Default: false.',
    ),
});
export type SubmitRequest = z.infer<typeof submitRequest>;

const counts = z.object({ total: z.int(), succeeded: z.int(), failed: z.int() });
/** An error in an answer. */
export const errorAnswer = errorDocument.meta({
  id: 'Error',
  description: 'Why something failed, and what to do about it.',
});
// A union and not `nullable()`, which the generator of the OpenAPI document takes for a part of the named schema.
const error = z.union([errorAnswer, z.null()]);

/** One case of a job. */
export const caseAnswer = z.object({
  caseId,
  name: z.string().describe('As the caller named it.'),
  state: z
    .enum(['waiting', 'running', 'ended', 'succeeded', 'failed'])
    .describe('`ended`: over, its outcome is told when the job ends (jobs of very many cases).'),
  stage: z.enum(CASE_STAGES).nullable(),
  percent: z.number().min(0).max(100),
  error,
});
export type CaseAnswer = z.infer<typeof caseAnswer>;

const links = z.record(z.string(), z.string());

/** A job without its cases, as lists show it. */
export const jobSummary = z.object({
  jobId,
  state: z.enum(JOB_STATES),
  attempt: z.int().describe('Counts up with every retry.'),
  batch: z.boolean().describe('Whether an archive of cases was sent.'),
  models: z.array(model),
  options: segmentOptions,
  createdAt: time,
  updatedAt: time,
  endedAt: time.nullable(),
  deadlineAt: time.nullable().describe('When the job is final at the latest; null before it is prepared.'),
  counts: counts
    .nullable()
    .describe('Cases in all, and how those that ended did; null before they are known.'),
  error,
  links,
});
export type JobSummary = z.infer<typeof jobSummary>;

/** Where a job stands. */
export const jobAnswer = jobSummary.extend({
  stage: z.enum(['waiting', 'preparing', ...CASE_STAGES, 'publishing', 'done']),
  percent: z.number().min(0).max(100),
  queuePosition: z
    .int()
    .nullable()
    .describe('Jobs before this one, 0 = next; null when unknown or not waiting.'),
  attempts: z.array(
    z.object({
      attempt: z.int(),
      startedAt: time,
      endedAt: time.nullable(),
      state: z.enum(JOB_STATES).nullable(),
      code: z.string().nullable(),
    }),
  ),
  cases: z
    .array(caseAnswer.meta({ id: 'Case', description: 'One case of a job.' }))
    .describe(`At most ${MAX_ANSWER_CASES} of them.`),
  ignored: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe('What the archive held beside its cases, the first of it by name.'),
  ignoredCount: z.int().describe('How much the archive held beside its cases.'),
});
export type JobAnswer = z.infer<typeof jobAnswer>;

/** A page of jobs, newest first. */
export const jobListAnswer = z.object({
  jobs: z.array(jobSummary.meta({ id: 'JobSummary', description: 'A job without its cases.' })),
  next: z.string().nullable().describe('For `after` of the next request; null at the end.'),
});
export type JobListAnswer = z.infer<typeof jobListAnswer>;

const caseFile = z
  .object({ name: z.string(), bytes: z.int(), sha256, href: z.string() })
  .meta({ id: 'CaseFile', description: 'A file of a case and the call that fetches it.' });

/** A case with its files. */
export const caseDetailAnswer = caseAnswer.extend({
  jobId,
  seconds: z.number().nullable(),
  demo: z.boolean().nullable().describe('Whether demo weights took part; null while there is no result.'),
  files: z.array(caseFile),
  previews: z
    .array(caseFile)
    .describe('What the page shows beside the files; of a CT longer than 256 voxels along an axis, shrunk.'),
  links,
});
export type CaseDetailAnswer = z.infer<typeof caseDetailAnswer>;

/** A signed URL of a result. */
export const resultAnswer = z.object({
  url: z.string(),
  expiresAt: time,
  fileName: z.string(),
  bytes: z.int(),
  sha256,
});
export type ResultAnswer = z.infer<typeof resultAnswer>;

/** What `DELETE /jobs/{id}?purge=true` has deleted. */
export const purgeReceipt = z.object({
  jobId,
  objects: z.int(),
  bytes: z.int(),
  versions: z
    .int()
    .describe(
      'Versions that were deleted for good, those that had been overwritten included; 0 where the store keeps none.',
    ),
  purgedAt: time,
});
export type PurgeReceipt = z.infer<typeof purgeReceipt>;
