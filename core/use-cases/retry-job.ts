import { HpbError } from '../errors.ts';
import { beginAttempt, isFinal, type JobDocument } from '../job.ts';
import type { JobAnswer } from '../requests.ts';
import { succeededCases } from './case-standing.ts';
import { findCases, fitCases } from './job-cases.ts';
import { findJob, readRequest } from './job-request.ts';
import { answerOf } from './read-job.ts';
import type { AnswerLinks, ServicePorts } from './service-ports.ts';
import { admitAttempt, startAttempt } from './submit-job.ts';

/**
 * Begins another attempt at a job that has ended: over its cases that have no result. Two calls at once begin one.
 *
 * @throws HpbError JOB_NOT_FOUND, JOB_NOT_FINISHED, JOB_NOTHING_TO_RETRY, and what `admitAttempt` throws.
 */
export async function retryJob(ports: ServicePorts, jobId: string, links: AnswerLinks): Promise<JobAnswer> {
  const job = await findJob(ports.index, jobId);
  // Left by a retry that died before it could start the execution.
  const resumes = job.state === 'QUEUED' && job.attempt > 1;
  if (!isFinal(job.state) && !resumes) throw notFinished(job);
  if (!resumes) {
    await refuseWithoutWork(ports, job);
    // Its bytes are there already.
    await admitAttempt(ports, { ...job, bytes: 0 });
  }
  const now = ports.clock.now();
  const begun = await ports.index.update(job.jobId, (latest) =>
    isFinal(latest.state) && latest.attempt === job.attempt ? beginAttempt(latest, now) : null,
  );
  if (begun.state === 'QUEUED') await startAttempt(ports, begun);
  return answerOf(ports, begun, links);
}

async function refuseWithoutWork(ports: Pick<ServicePorts, 'store'>, job: JobDocument): Promise<void> {
  const cases = await findCases(ports.store, job.jobId);
  if (job.state !== 'SUCCEEDED') {
    // Before the upload was taken in, that itself is to be tried again; cases of another one say nothing about it.
    if (cases === null || cases.inputKey !== (await readRequest(ports.store, job.jobId)).inputKey) return;
    const fit = fitCases(cases).map(({ caseId }) => caseId);
    const done = await succeededCases(ports, job.jobId, fit);
    // Results that were never gathered are gathered by the next attempt.
    if (done.size < fit.length || (job.state !== 'PARTIAL' && done.size > 0)) return;
  }
  throw new HpbError('JOB_NOTHING_TO_RETRY', `No case of the job ${job.jobId} would run again.`, {
    remedy: 'Every case has its result or was refused for what it is: send corrected ones as a new job.',
    details: { state: job.state },
  });
}

function notFinished({ jobId, state }: JobDocument): HpbError {
  return new HpbError('JOB_NOT_FINISHED', `The job ${jobId} has not ended yet (${state}).`, {
    remedy: 'Wait until it has ended, or cancel it.',
    details: { state },
  });
}
