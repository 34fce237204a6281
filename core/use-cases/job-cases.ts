import { z } from 'zod';
import type { ErrorDocument } from '../errors.ts';
import { isCaseId, isJobId, jobCasesKey, LAYOUT_VERSION, type CaseId, type JobId } from '../layout.ts';
import type { ObjectStore } from '../ports.ts';
import { errorDocument } from '../shard.ts';
import type { Grid } from '../volume/volume.ts';
import { findDocument } from './stored-document.ts';

const grid = z.object({
  dims: z.tuple([z.int(), z.int(), z.int()]),
  affine: z.array(z.number()).length(16),
});

const foundCase = z.object({
  caseId: z.string().refine(isCaseId, 'not a case id'),
  /** The caller's name: for answers to the caller and inside results only. */
  name: z.string(),
  key: z.string().nullable(),
  bytes: z.int().min(0),
  sha256: z.string().exactOptional(),
  grid: grid.nullable(),
  error: errorDocument.nullable(),
});

/** cases.json: what was found in the upload, written once it is taken in. */
export const jobCases = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  /** The upload that these are the cases of. */
  inputKey: z.string(),
  kind: z.enum(['ct', 'archive']),
  sha256: z.string(),
  bytes: z.int(),
  cases: z.array(foundCase),
  ignored: z.array(z.object({ name: z.string(), reason: z.string() })),
  ignoredCount: z.int().min(0),
});
export type JobCases = z.infer<typeof jobCases>;

/** A case that was found, and that can be run unless it has an error. */
export type JobCase = JobCases['cases'][number];

/** A case that can be run: its CT is stored and has no error. */
export interface FitCase {
  readonly caseId: CaseId;
  readonly key: string;
  readonly bytes: number;
  readonly sha256?: string;
  readonly grid: Grid | null;
}

/** Reads cases.json of a job; null before the upload is taken in. */
export function findCases(store: Pick<ObjectStore, 'get'>, jobId: JobId): Promise<JobCases | null> {
  return findDocument(store, jobCasesKey(jobId), jobCases);
}

/** The cases that can be run. */
export function fitCases({ cases }: JobCases): readonly FitCase[] {
  return cases.flatMap(({ caseId, key, bytes, sha256, grid, error }) =>
    key === null || error !== null
      ? []
      : [{ caseId, key, bytes, grid, ...(sha256 !== undefined && { sha256 }) }],
  );
}

/** Why a case was refused when it was taken in; null for one that is fit. */
export function refusalOf(found: JobCase): ErrorDocument | null {
  if (found.error !== null || found.key !== null) return found.error;
  return {
    code: 'INPUT_UNREADABLE',
    message: 'The CT of the case could not be stored.',
    remedy: 'Send the case again.',
    blame: 'caller',
    retryable: false,
    details: {},
  };
}
