import { z } from 'zod';
import { ENGINE_STAGES } from '../engine-protocol.ts';
import { isCaseId, LAYOUT_VERSION, progressPrefix, type CaseId, type JobId } from '../layout.ts';
import { MODEL_IDS, type ModelId } from '../models/catalogue.ts';
import { CASE_STAGES } from '../results/run-record.ts';

/** progress/<case>.json: how far a case is, as its worker last said. */
export const progressDocument = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  caseId: z.string().refine(isCaseId, 'not a case id'),
  stage: z.enum(CASE_STAGES),
  model: z.enum(MODEL_IDS as [ModelId, ...ModelId[]]).nullable(),
  engine: z.object({ stage: z.enum(ENGINE_STAGES), done: z.number(), total: z.number() }).nullable(),
  fraction: z.number().min(0).max(1),
  secondsLeft: z.number().nullable(),
  /** ms since 1970. */
  updatedAt: z.number(),
});
export type ProgressDocument = z.infer<typeof progressDocument>;

/** The case of a progress key of a job; null for another key. */
export function caseOfProgressKey(jobId: JobId, key: string): CaseId | null {
  const name = key.slice(progressPrefix(jobId).length).replace(/\.json$/, '');
  return isCaseId(name) ? name : null;
}
