import { asHpbError, WORKER_EXIT } from '../core/errors.ts';
import type { JobId } from '../core/layout.ts';
import { failJobWith } from '../core/use-cases/finish-job.ts';
import { takeUpload } from '../core/use-cases/prepare-job.ts';
import { publishResults, type PublishPorts } from '../core/use-cases/publish-results.ts';
import type { ServicePorts } from '../core/use-cases/service-ports.ts';
import { isAttemptOver } from './attempt-over.ts';
import type { WorkerTask } from './worker-arguments.ts';
import type { TaskSignals } from './worker-server.ts';

/** What the tasks without an engine use: unpacking an upload, putting results together. */
export type ServiceTaskPorts = PublishPorts & Pick<ServicePorts, 'intake'>;

/**
 * Unpacks the upload of a job, or publishes its results, and gives the exit code. What is wrong with an upload ends
 * the job here, with all that the error has to say; the workflow then only hears that the worker failed.
 *
 * @throws HpbError what went wrong, INTERRUPTED when the worker was told to stop first.
 */
export async function runServiceTask(
  { kind, jobId, attempt }: Exclude<WorkerTask, { readonly kind: 'shard' }>,
  ports: ServiceTaskPorts,
  { cancel }: TaskSignals,
): Promise<number> {
  cancel.throwIfAborted();
  ports.log.info('worker:start', { jobId, attempt, task: kind });
  if (kind === 'take' && (await isAttemptOver(ports, { jobId, attempt }))) return WORKER_EXIT.done;
  // Neither can be stopped half-way: whoever does not want to wait ends the process.
  if (kind === 'take') await take(ports, { jobId, attempt });
  else await publishResults(ports, { jobId, attempt });
  return WORKER_EXIT.done;
}

async function take(
  ports: ServiceTaskPorts,
  job: { readonly jobId: JobId; readonly attempt: number },
): Promise<void> {
  try {
    await takeUpload(ports, job);
  } catch (thrown) {
    const error = asHpbError(thrown);
    if (error.blame === 'caller') await failJobWith(ports, job, error);
    throw error;
  }
}
