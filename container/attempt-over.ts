import { isFinal, jobDocument } from '../core/job.ts';
import { jobDocumentKey, type JobId } from '../core/layout.ts';
import type { Log, ObjectStore } from '../core/ports.ts';
import { findDocument } from '../core/use-cases/stored-document.ts';

/**
 * Whether nobody waits for the work of an attempt any more: its job has ended, or is at another attempt. A worker may get
 * its machine that late, since the end of a state leaves its Batch job in the queue. False where nothing says so: a shard
 * may have no job, as in `hpb segment`. Never throws.
 */
export async function isAttemptOver(
  { store, log }: { readonly store: Pick<ObjectStore, 'get'>; readonly log: Log },
  { jobId, attempt }: { readonly jobId: JobId; readonly attempt: number },
): Promise<boolean> {
  const job = await findDocument(store, jobDocumentKey(jobId), jobDocument).catch(() => null);
  if (job === null || (job.attempt === attempt && !isFinal(job.state))) return false;
  log.warn('worker:end', { jobId, attempt, state: job.state, presentAttempt: job.attempt });
  return true;
}
