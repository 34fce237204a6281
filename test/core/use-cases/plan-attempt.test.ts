import { describe, expect, it } from 'vitest';
import { jobPlanKey } from '../../../core/layout.ts';
import { prepareJob } from '../../../core/use-cases/prepare-job.ts';
import type { ServiceLimits } from '../../../core/use-cases/service-ports.ts';
import { plannedShard, type PlannedShard } from '../../../core/workflow.ts';
import { serviceFakes } from '../../fakes/service-fakes.ts';
import { foundCase, reportOf, submittedJob } from '../../fakes/stored-job.ts';

/** The plan of a job of so many cases. */
async function planned(
  cases: number,
  limits: Partial<ServiceLimits>,
  priority?: 'bulk' | 'interactive',
): Promise<readonly PlannedShard[]> {
  const ports = serviceFakes(limits);
  const jobId = await submittedJob(ports, { body: { priority } });
  ports.intake.finds(reportOf(Array.from({ length: cases }, (_, at) => foundCase(jobId, at + 1))));
  await prepareJob(ports, { phase: 'prepare', jobId, attempt: 1 });
  return plannedShard.array().parse(ports.store.json(jobPlanKey(jobId, 1)));
}

/** How many shards one worker may have time for, one after the other. */
const roundsOf = ([first]: readonly PlannedShard[], { queueSeconds }: Pick<ServiceLimits, 'queueSeconds'>) =>
  (first!.timeoutSeconds - queueSeconds) / first!.attemptSeconds;

describe('the plan of a job', () => {
  it.each([
    ['an archive', 'bulk', 2],
    ['single cases', 'interactive', 8],
  ] as const)('spreads %s over the workers that its queue may take', async (_, priority, workers) => {
    const limits = { slots: 8, bulkSlots: 2, shardCases: 8, queueSeconds: 100 };

    const shards = await planned(16, limits, priority);

    expect([shards.length, roundsOf(shards, limits)]).toEqual([workers, 1]);
  });

  it('gives an archive time for as many rounds as its workers need', async () => {
    const [all, few] = [8, 2].map((bulkSlots) => ({
      slots: 8,
      bulkSlots,
      shardCases: 1,
      queueSeconds: 100,
    }));

    expect(roundsOf(await planned(8, all!), all!)).toBe(1);
    expect(roundsOf(await planned(8, few!), few!)).toBe(4);
  });
});
