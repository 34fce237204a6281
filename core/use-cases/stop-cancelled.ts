import { asHpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { executionName } from '../layout.ts';
import { recount } from './finish-job.ts';
import type { ServicePorts } from './service-ports.ts';
import { cancelled } from './workflow-errors.ts';

const PAGE = 100;
/** How long after its end a cancelled job is looked at: rounds come hourly, and some may fail. */
const LOOKED_AFTER_MS = 24 * 3_600_000;

/** Until then at least one round comes after the last word of a worker, which may take minutes to end. */
const RECOUNTED_MS = 3 * 3_600_000;

type StopPorts = Pick<ServicePorts, 'index' | 'executions' | 'clock' | 'log' | 'store'>;

/**
 * Stops executions of cancelled jobs that run on: who cancelled them died, or was refused, between the end of the job
 * and that of its execution. What goes wrong with one is logged and stops none of the others. Returns how many it stopped.
 *
 * Of those cancelled lately the cases are counted again: workers may have finished some while they ended.
 */
export async function stopCancelled(ports: StopPorts): Promise<number> {
  const since = ports.clock.now() - LOOKED_AFTER_MS;
  let stopped = 0;
  let after: string | undefined;
  do {
    const page = await ports.index.list({ state: 'CANCELLED', limit: PAGE, after });
    for (const job of page.jobs.filter(({ endedAt }) => (endedAt ?? 0) >= since)) {
      if (await hasStopped(ports, job)) stopped += 1;
      if ((job.endedAt ?? 0) >= ports.clock.now() - RECOUNTED_MS) await recount(ports, job);
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
  return stopped;
}

async function hasStopped({ executions, log }: StopPorts, { jobId, attempt }: JobDocument): Promise<boolean> {
  const name = executionName(jobId, attempt);
  try {
    if ((await executions.describe(name))?.status !== 'RUNNING') return false;
    const { code, message } = cancelled();
    await executions.stop(name, { error: code, cause: message });
    return true;
  } catch (thrown) {
    log.warn('job:resume-failed', { jobId, code: asHpbError(thrown).code });
    return false;
  }
}
