import { asHpbError } from '../errors.ts';
import type { JobDocument } from '../job.ts';
import { executionName } from '../layout.ts';
import type { ServicePorts } from './service-ports.ts';
import { cancelled } from './workflow-errors.ts';

const PAGE = 100;
/** How long after its end a cancelled job is looked at: rounds come hourly, and some may fail. */
const LOOKED_AFTER_MS = 24 * 3_600_000;

type StopPorts = Pick<ServicePorts, 'index' | 'executions' | 'clock' | 'log'>;

/**
 * Stops executions of cancelled jobs that run on: who cancelled them died, or was refused, between the end of the job
 * and that of its execution. What goes wrong with one is logged and stops none of the others. Returns how many it stopped.
 */
export async function stopCancelled(ports: StopPorts): Promise<number> {
  const since = ports.clock.now() - LOOKED_AFTER_MS;
  let stopped = 0;
  let after: string | undefined;
  do {
    const page = await ports.index.list({ state: 'CANCELLED', limit: PAGE, after });
    for (const job of page.jobs.filter(({ endedAt }) => (endedAt ?? 0) >= since))
      if (await hasStopped(ports, job)) stopped += 1;
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
