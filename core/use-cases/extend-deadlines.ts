import { asHpbError, type HpbError } from '../errors.ts';
import { isFinal, type JobDocument } from '../job.ts';
import { activeJobs } from './resume-jobs.ts';
import type { ServicePorts } from './service-ports.ts';

/**
 * Gives jobs that are not final so much longer: the machine that runs them was off, or asleep. Returns how many those are.
 *
 * @throws HpbError what went wrong first, after all have been tried; the others have their time.
 */
export async function extendDeadlines({ index }: Pick<ServicePorts, 'index'>, byMs: number): Promise<number> {
  const faults: HpbError[] = [];
  let extended = 0;
  for (const { jobId } of await activeJobs({ index })) {
    try {
      await index.update(jobId, (job) => longer(job, byMs));
      extended += 1;
    } catch (thrown) {
      const error = asHpbError(thrown);
      // Somebody has deleted it.
      if (error.code !== 'JOB_NOT_FOUND') faults.push(error);
    }
  }
  const [fault] = faults;
  if (fault !== undefined) throw fault;
  return extended;
}

function longer(job: JobDocument, byMs: number): JobDocument | null {
  if (isFinal(job.state) || job.deadlineAt === null) return null;
  return { ...job, deadlineAt: job.deadlineAt + byMs };
}
