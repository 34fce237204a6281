import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from './errors.ts';
import { isCaseId, isJobId, LAYOUT_VERSION } from './layout.ts';
import { MODEL_IDS, type ModelId } from './models/catalogue.ts';
import { MESH_FORMATS } from './results/meshed-structures.ts';
import { caseSummary } from './results/case-summary.ts';

/** Options of a run as they travel; defaults are those of the service this project replaces. */
export const segmentOptions = z.object({
  fast: z.boolean().default(true),
  folds: z
    .array(z.int().min(0).max(4))
    .min(1)
    .transform((folds) => [...new Set(folds)].sort((a, b) => a - b))
    .default([0]),
  tta: z.boolean().default(false),
});

const jobId = z.string().refine(isJobId, 'not a job id');
const caseId = z.string().refine(isCaseId, 'not a case id');

/** One case of a shard: an input in the store, and the models to run on it. */
export const caseTask = z.object({
  caseId,
  inputKey: z.string(),
  /** What was checked when the upload was taken in; absent where it was not read whole. */
  inputSha256: z.string().exactOptional(),
  models: z.array(z.enum(MODEL_IDS as [ModelId, ...ModelId[]])).min(1),
  options: segmentOptions,
  /** Format in which meshes are written as well; absent for that of the worker's settings. */
  meshes: z.enum(MESH_FORMATS).exactOptional(),
  /** Longest time one model may run on this case, s. */
  timeoutSeconds: z.int().min(1),
});
export type CaseTask = z.infer<typeof caseTask>;

/** What a worker is started with: cases of one job that share a warm engine. */
export const shard = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId,
  attempt: z.int().min(1),
  cases: z.array(caseTask).min(1),
});
export type Shard = z.infer<typeof shard>;

/** An error as it stands in documents. */
export const errorDocument = z.object({
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  remedy: z.string(),
  blame: z.enum(['caller', 'ops', 'system']),
  retryable: z.boolean(),
  details: z.record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number()).readonly()]),
  ),
});

const storedFile = z.object({ name: z.string(), key: z.string(), bytes: z.int(), sha256: z.string() });

/** result.json of a case: always written, last of all; a missing one is an unclean exit. */
export const caseResult = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId,
  caseId,
  attempt: z.int().min(1),
  outcome: z.enum(['succeeded', 'failed']),
  error: errorDocument.nullable(),
  /** Fingerprint of input, models, options and weights: a retry skips a case whose fingerprint is the same. */
  fingerprint: z.string(),
  /** Whether demo weights took part. */
  demo: z.boolean(),
  files: z.array(storedFile),
  /** What the page shows beside the files; no part of any ZIP. Absent where no previews are made. */
  previews: z.array(storedFile).optional(),
  zip: z.object({ key: z.string(), bytes: z.int(), sha256: z.string() }).nullable(),
  seconds: z.number(),
  /** Absent from a case that failed, and from results of versions that did not write it yet. */
  summary: caseSummary.optional(),
});
export type CaseResult = z.infer<typeof caseResult>;
