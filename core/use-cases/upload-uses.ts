import { isJobId, uploadUsesPrefix, type JobId, type UploadId } from '../layout.ts';
import { isGone } from './job-request.ts';
import type { ServicePorts } from './service-ports.ts';

/** By then a submission has written the job that its mark is of, or has died: a call ends within half a minute. */
const SUBMIT_MS = 3 * 60_000;

/** The marks on an upload: those that keep it, and jobs that never came to be and were marked by who died before. */
export interface UploadUses {
  readonly isUsed: boolean;
  /** Whether only fresh marks keep it, whose submissions may have died. */
  readonly isDoubtful: boolean;
  readonly stillborn: readonly JobId[];
}

/** Looks at the marks on an upload; a fresh one counts without its job, which a submission may be about to write. */
export async function uploadUses(
  { store, index, clock }: Pick<ServicePorts, 'store' | 'index' | 'clock'>,
  uploadId: UploadId,
): Promise<UploadUses> {
  const prefix = uploadUsesPrefix(uploadId);
  const stillborn: JobId[] = [];
  let isDoubtful = false;
  for (const { key, modifiedAt } of await store.list(prefix)) {
    const jobId = key.slice(prefix.length);
    if (!isJobId(jobId) || !(await isGone(index, jobId)))
      return { isUsed: true, isDoubtful: false, stillborn: [] };
    if (modifiedAt > clock.now() - SUBMIT_MS) isDoubtful = true;
    else stillborn.push(jobId);
  }
  return { isUsed: isDoubtful, isDoubtful, stillborn: isDoubtful ? [] : stillborn };
}
