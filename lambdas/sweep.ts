import { findUnclaimed } from '../core/use-cases/find-unclaimed.ts';
import { purgeExpired } from '../core/use-cases/purge-expired.ts';
import { purgeLeftOvers } from '../core/use-cases/purge-leftovers.ts';
import { resumeJobs } from '../core/use-cases/resume-jobs.ts';
import type { ServicePorts } from '../core/use-cases/service-ports.ts';
import { stopCancelled } from '../core/use-cases/stop-cancelled.ts';
import { functionSettings } from './environment.ts';
import { ingestPorts } from './wire.ts';
import { invokedFunction, type Invoked } from './workflow-function.ts';

const DAY_MS = 86_400_000;

/**
 * Once an hour: jobs whose start was lost are started, those past their deadline end, and so do executions of cancelled
 * jobs; what was sent and never became a job is counted; what purged jobs have left is deleted, and what is older than
 * `retentionDays` after its end (null: never). It may run twice.
 */
export const create = (ports: ServicePorts, retentionDays: number | null): Invoked =>
  invokedFunction(ports.log, async () => {
    const { started, ended } = await resumeJobs(ports);
    const stopped = await stopCancelled(ports);
    const { uploads, drops } = await findUnclaimed(ports);
    const leftOvers = await purgeLeftOvers(ports);
    const purged =
      retentionDays === null
        ? { jobs: 0, uploads: 0 }
        : await purgeExpired(ports, { olderThanMs: retentionDays * DAY_MS });
    const swept = {
      started,
      ended,
      stopped,
      unclaimedUploads: uploads,
      unclaimedDrops: drops,
      purgedJobs: purged.jobs,
      leftOvers,
    };
    ports.log.info('sweep:done', swept);
    return swept;
  });

/** What the schedule calls. */
export const handler = create(await ingestPorts(), functionSettings().HPB_RETENTION_DAYS ?? null);
