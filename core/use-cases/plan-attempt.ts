import { jobPlanKey, LAYOUT_VERSION, shardKey, workerName, type CaseId } from '../layout.ts';
import { mapLimited } from '../map-limited.ts';
import { caseSeconds, planShards, planTimes, sizeTier, type PlannableCase, type ShardPlan } from '../plan.ts';
import type { Shard } from '../shard.ts';
import type { PlannedShard } from '../workflow.ts';
import { succeededCases } from './case-standing.ts';
import { refuseCost } from './cost-limit.ts';
import { fitCases, type JobCases } from './job-cases.ts';
import type { JobRequest } from './job-request.ts';
import type { ServiceLimits, ServicePorts } from './service-ports.ts';
import { storedCalibration } from './stored-calibration.ts';
import { documentText } from './stored-document.ts';

/** More cases than these are a bulk job unless the caller asks otherwise. */
const INTERACTIVE_CASES = 5;
const WRITE_AT_ONCE = 16;

interface RunnableCase extends PlannableCase {
  readonly key: string;
  readonly sha256?: string;
}

/** What is to be planned. */
export interface AttemptToPlan {
  readonly attempt: number;
  readonly request: JobRequest;
  readonly cases: JobCases;
  /** Longest time to publish what came out, s. */
  readonly publishSeconds: number;
}

/** What a plan came to. */
export interface PlannedAttempt {
  readonly shards: number;
  /** Cases that an earlier attempt has finished. */
  readonly succeeded: number;
  /** Cases that cannot be run. */
  readonly refused: number;
  /** ms since 1970. */
  readonly deadlineAt: number;
}

/**
 * Writes the shards of an attempt and the plan that lists them: of all fit cases without a result of their own.
 *
 * @throws HpbError JOB_TOO_EXPENSIVE before anything is written.
 */
export async function planAttempt(
  ports: Pick<ServicePorts, 'store' | 'clock' | 'limits'>,
  toPlan: AttemptToPlan,
): Promise<PlannedAttempt> {
  const { attempt, request, cases, publishSeconds } = toPlan;
  const { store, clock } = ports;
  const bulk = isBulk(request, cases);
  const limits = limitsFor(ports.limits, bulk);
  const fit = fitCases(cases);
  const done =
    attempt === 1
      ? new Set<CaseId>()
      : await succeededCases(
          ports,
          request.jobId,
          fit.map(({ caseId }) => caseId),
        );
  const figures = await storedCalibration(store);
  const runnable: readonly RunnableCase[] = fit
    .filter(({ caseId }) => !done.has(caseId))
    .map(({ caseId, key, sha256, grid }) => ({
      caseId,
      key,
      ...(sha256 !== undefined && { sha256 }),
      tier: sizeTier(grid, request),
      seconds: caseSeconds(grid, request, { ...limits, figures }),
    }));
  const shards = planShards(runnable, limits);
  const grids = fit.filter(({ caseId }) => !done.has(caseId)).map(({ grid }) => grid);
  refuseCost(request, limits, { grids, shards: shards.length, figures });
  const { slots, queueSeconds, modelTimeoutSeconds } = limits;
  const caseTimeoutSeconds = request.models.length * modelTimeoutSeconds;
  const times = planTimes(shards, { slots, queueSeconds, caseTimeoutSeconds, publishSeconds });
  const planned = shards.map((shard, index) =>
    plannedShard(request, shard, {
      attempt,
      ordinal: index + 1,
      bulk,
      attemptSeconds: times.attemptSeconds[index]!,
      timeoutSeconds: times.shardSeconds,
    }),
  );
  await mapLimited(shards, WRITE_AT_ONCE, async (shard, index) => {
    const document = shardDocument(request, shard, { attempt, modelTimeoutSeconds });
    await store.put(planned[index]!.shardKey, documentText(document));
  });
  await store.put(jobPlanKey(request.jobId, attempt), documentText(planned));
  return {
    shards: shards.length,
    succeeded: done.size,
    refused: cases.cases.length - fit.length,
    deadlineAt: clock.now() + times.jobSeconds * 1000,
  };
}

const isBulk = ({ priority }: JobRequest, { cases }: JobCases): boolean =>
  priority === 'bulk' || (priority === null && cases.length > INTERACTIVE_CASES);

/** What holds in the queue that the job goes to. */
function limitsFor(limits: ServiceLimits, bulk: boolean): ServiceLimits {
  const { slots, bulkSlots } = limits;
  return bulk ? { ...limits, slots: Math.min(slots, bulkSlots) } : limits;
}

function plannedShard(
  { jobId }: JobRequest,
  { cases, tier }: ShardPlan,
  facts: Pick<PlannedShard, 'attempt' | 'ordinal' | 'attemptSeconds' | 'timeoutSeconds'> & {
    readonly bulk: boolean;
  },
): PlannedShard {
  const { attempt, ordinal, bulk, attemptSeconds, timeoutSeconds } = facts;
  const [first, last] = [cases[0]!.caseId, cases.at(-1)!.caseId];
  return {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    attempt,
    ordinal,
    name: workerName(jobId, attempt, `s${String(ordinal).padStart(4, '0')}`),
    shardKey: shardKey(jobId, attempt, ordinal),
    cases: first === last ? first : `${first}-${last}`,
    priority: bulk ? 1 : 0,
    memoryMib: String(tier.memoryMib),
    vcpus: String(tier.vcpus),
    attemptSeconds,
    timeoutSeconds,
  };
}

function shardDocument(
  { jobId, models, options, meshes }: JobRequest,
  { cases }: ShardPlan<RunnableCase>,
  { attempt, modelTimeoutSeconds }: { readonly attempt: number; readonly modelTimeoutSeconds: number },
): Shard {
  return {
    layoutVersion: LAYOUT_VERSION,
    jobId,
    attempt,
    cases: cases.map(({ caseId, key, sha256 }) => ({
      caseId,
      inputKey: key,
      ...(sha256 !== undefined && { inputSha256: sha256 }),
      models,
      options,
      ...(meshes !== null && { meshes }),
      timeoutSeconds: modelTimeoutSeconds,
    })),
  };
}
