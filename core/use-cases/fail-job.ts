import { asHpbError, HpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { parseExecutionName } from '../layout.ts';
import type { ExecutionFacts } from '../ports.ts';
import { failJobInput, type FailedJob } from '../workflow.ts';
import { cancelAttempt, failJobWith } from './finish-job.ts';
import type { WorkflowPorts } from './service-ports.ts';
import { parsePayload } from './stored-document.ts';
import { batchRecord, withLog, workerLogAddress } from './worker-log-address.ts';
import { shardError, timedOut, workflowError } from './workflow-errors.ts';

/** Ends a job whose workflow has caught an error. A job that has ended keeps its end. */
export async function failJob(ports: WorkflowPorts, payload: unknown): Promise<FailedJob> {
  const { jobId, attempt, failure } = parsePayload(failJobInput, payload);
  const isRecord = batchRecord(failure.Cause) !== null;
  const error = isRecord ? shardError(failure) : workflowError(failure);
  const job = await unlessGone(failJobWith(ports, { jobId, attempt }, error));
  const stands = job?.attempt === attempt ? (job.error ?? error) : error;
  const hasLog = isRecord || (failure.ofWorker === true && error.blame !== 'caller');
  const log = hasLog ? workerLogAddress(ports.workerLogs, jobId, failure.Cause) : '';
  return { jobId, attempt, code: stands.code, message: withLog(stands.message, log) };
}

/**
 * The second net: an execution has ended. A job that is not final by then is ended with what the execution says, and
 * one whose end was not announced yet is announced. Names that are not of ours are left alone.
 */
export async function settleExecution(
  ports: WorkflowPorts,
  { name, status, error, cause }: ExecutionFacts,
): Promise<void> {
  const execution = parseExecutionName(name);
  if (execution === null || status === 'RUNNING') return;
  if (status === 'ABORTED') {
    await unlessGone(cancelAttempt(ports, execution));
    return;
  }
  const reason = { Error: error ?? 'WORKFLOW_FAILED', ...(cause === null ? {} : { Cause: cause }) };
  await unlessGone(
    failJobWith(ports, execution, status === 'TIMED_OUT' ? timedOut() : settledError(status, reason)),
  );
}

function settledError(status: 'SUCCEEDED' | 'FAILED', reason: Parameters<typeof workflowError>[0]): HpbError {
  if (status === 'FAILED') return workflowError(reason);
  return new HpbError('WORKFLOW_FAILED', 'The workflow ended well without having ended the job.', {
    remedy: 'Retry the job.',
  });
}

/** Null for a job that was purged meanwhile. */
async function unlessGone(ending: Promise<JobDocument>): Promise<JobDocument | null> {
  try {
    return await ending;
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.code === 'JOB_NOT_FOUND') return null;
    throw error;
  }
}
