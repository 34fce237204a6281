import { z } from 'zod';
import { isCaseId, isJobId, LAYOUT_VERSION, shardFailureKey } from '../layout.ts';
import { errorDocument, shard } from '../shard.ts';
import { shardFailureInput, type RecordedShardFailure } from '../workflow.ts';
import type { ServicePorts } from './service-ports.ts';
import { documentText, parsePayload, readDocument } from './stored-document.ts';
import { workerLogAddress } from './worker-log-address.ts';
import { shardError } from './workflow-errors.ts';

/** failures/<shard>.json: why a shard's worker did not end well, and whose cases that concerns. */
export const shardFailure = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId: z.string().refine(isJobId, 'not a job id'),
  attempt: z.int().min(1),
  ordinal: z.int().min(1),
  caseIds: z.array(z.string().refine(isCaseId, 'not a case id')),
  error: errorDocument,
  /** Address of what the worker logged; absent where there is no console, as on the laptop. */
  log: z.string().exactOptional(),
});

/**
 * Keeps the reason of a shard's failure for those of its cases that have no result. Returns it for the reader of the
 * console, with the address of the worker's log.
 */
export async function recordShardFailure(
  ports: Pick<ServicePorts, 'store' | 'log' | 'workerLogs'>,
  payload: unknown,
): Promise<RecordedShardFailure> {
  const { shard: planned, failure } = parsePayload(shardFailureInput, payload);
  const { jobId, attempt, ordinal } = planned;
  const { cases } = await readDocument(ports.store, planned.shardKey, shard);
  const error = shardError(failure).toDocument();
  const log = workerLogAddress(ports.workerLogs, jobId, failure.Cause);
  const shown = log === '' ? {} : { log };
  const document: z.infer<typeof shardFailure> = {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    attempt,
    ordinal,
    caseIds: cases.map(({ caseId }) => caseId),
    error,
    ...shown,
  };
  await ports.store.put(shardFailureKey(jobId, attempt, ordinal), documentText(document));
  ports.log.warn('job:shard-failed', { jobId, attempt, shard: ordinal, code: error.code, ...shown });
  return { shard: ordinal, code: error.code, message: error.message, log };
}
