import { asHpbError } from '../errors.ts';
import { isFinal, JOB_STATES, type JobDocument } from '../job.ts';
import { executionName } from '../layout.ts';
import { failJobWith } from './finish-job.ts';
import { settleExecution } from './fail-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { startAttempt } from './submit-job.ts';
import { timedOut } from './workflow-errors.ts';

const PAGE = 100;

/** What was done to jobs that are not final. */
export interface ResumedJobs {
  /** Executions started: their start, or they themselves, were lost. */
  readonly started: number;
  /** Jobs ended, because their execution had, or by their deadline. */
  readonly ended: number;
}

/**
 * Puts jobs right whose process died: one without an execution gets it, one whose execution has ended ends as well, and
 * one that is past its deadline ends as `JOB_TIMEOUT`. What goes wrong with one is logged and stops none of the others.
 * Safe at any time and as often as one likes.
 */
export async function resumeJobs(ports: ServicePorts): Promise<ResumedJobs> {
  let [started, ended] = [0, 0];
  for (const job of await activeJobs(ports)) {
    const done = await resume(ports, job).catch((thrown: unknown) => {
      ports.log.warn('job:resume-failed', { jobId: job.jobId, code: asHpbError(thrown).code });
      return 'left' as const;
    });
    if (done === 'started') started += 1;
    if (done === 'ended') ended += 1;
  }
  return { started, ended };
}

/** Jobs that are not final. Read as a whole first: resuming a job moves it to another state, and would shift the pages. */
export async function activeJobs({ index }: Pick<ServicePorts, 'index'>): Promise<readonly JobDocument[]> {
  const active: JobDocument[] = [];
  for (const state of JOB_STATES.filter((one) => !isFinal(one))) {
    let after: string | undefined;
    do {
      const page = await index.list({ state, limit: PAGE, after });
      active.push(...page.jobs);
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
  return active;
}

async function resume(ports: ServicePorts, job: JobDocument): Promise<'started' | 'ended' | 'left'> {
  const { jobId, attempt, deadlineAt } = job;
  const name = executionName(jobId, attempt);
  if (deadlineAt !== null && deadlineAt < ports.clock.now()) {
    const error = timedOut();
    const reason = { error: error.code, cause: error.message };
    await failJobWith(ports, job, error, () => ports.executions.stop(name, reason));
    return 'ended';
  }
  const execution = await ports.executions.describe(name);
  if (execution === null) {
    await startAttempt(ports, job);
    ports.log.info('job:resumed', { jobId, attempt });
    return 'started';
  }
  if (execution.status === 'RUNNING') return 'left';
  await settleExecution(ports, execution);
  return 'ended';
}
