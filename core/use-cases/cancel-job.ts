import { HpbError, isDiskFull } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import { executionName } from '../layout.ts';
import type { JobAnswer } from '../requests.ts';
import { cancelAttempt, type StopWork } from './finish-job.ts';
import { findJob } from './job-request.ts';
import { answerOf } from './read-job.ts';
import type { AnswerLinks, ServicePorts } from './service-ports.ts';

/**
 * Cancels a job; finished cases keep their results. The job is final first and its execution ends after that, so
 * nothing that the execution still says changes it. Cancelling it again ends what may be left of the execution.
 *
 * @throws HpbError JOB_NOT_FOUND, JOB_FINISHED when it ended otherwise.
 */
export async function cancelJob(ports: ServicePorts, jobId: string, links: AnswerLinks): Promise<JobAnswer> {
  const job = await findJob(ports.index, jobId);
  const ended = await endByCaller(ports, job);
  if (ended.state !== 'CANCELLED') {
    throw new HpbError('JOB_FINISHED', `The job ${job.jobId} has ended already (${ended.state}).`, {
      remedy: 'Nothing is to be cancelled: GET /jobs/{id} says how it ended.',
      details: { state: ended.state },
    });
  }
  return answerOf(ports, ended, links);
}

/** Ends a job as cancelled, with its execution, unless it has ended otherwise. Returns it as it then stands. */
export async function endByCaller(ports: ServicePorts, job: JobDocument): Promise<JobDocument> {
  const stop = async ({ jobId, attempt, state }: JobDocument): Promise<void> => {
    if (isFinal(state) && state !== 'CANCELLED') return;
    const reason = { error: 'CANCELLED', cause: 'The job was cancelled.' };
    await ports.executions.stop(executionName(jobId, attempt), reason);
    ports.log.info('job:cancelled', { jobId, attempt });
  };
  if (!isFinal(job.state)) return cancelled(ports, job, stop);
  await stop(job);
  return job;
}

/** On a full disk the execution ends first: that frees the machine, and mostly the room for the record. */
async function cancelled(ports: ServicePorts, job: JobDocument, stop: StopWork): Promise<JobDocument> {
  try {
    return await cancelAttempt(ports, job, stop);
  } catch (thrown) {
    if (!isDiskFull(thrown)) throw thrown;
  }
  try {
    await stop(job);
    return await cancelAttempt(ports, job, stop);
  } catch (thrown) {
    if (!isDiskFull(thrown)) throw thrown;
    throw new HpbError('DISK_FULL', 'Nothing of the job runs any more, but there is no room to record it.', {
      remedy: 'Free some space, for instance by DELETE /jobs/{id}?purge=true, and cancel the job again.',
      cause: thrown,
    });
  }
}
