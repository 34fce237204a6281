import { COLD_START_SECONDS, machineUsd } from '../costs.ts';
import { HpbError } from '../errors.ts';
import { uploadInputKey } from '../layout.ts';
import { figuresKey, isOfT4, type Calibration } from '../models/calibration.ts';
import { caseSeconds, SIZE_TIERS, sizeTier, TIER_MACHINES, type ModelRun } from '../plan.ts';
import type { MachineType } from '../prices.ts';
import type { Grid } from '../volume/volume.ts';
import type { JobRequest } from './job-request.ts';
import type { ServiceLimits, ServicePorts } from './service-ports.ts';
import { storedCalibration } from './stored-calibration.ts';

/** The cases of a job, as far as they are known, and on how many workers they are spread. */
interface JobWork {
  /** Null: a CT whose grid is unknown. */
  readonly grids: readonly (Grid | null)[];
  readonly shards: number;
  readonly figures: Calibration | null;
}

interface JobEstimate {
  readonly usd: number;
  readonly cases: number;
  readonly machines: number;
  /** Runs on a T4 that the time of every model comes from; null: uncalibrated. */
  readonly runs: number | null;
}

type CostLimits = Pick<ServiceLimits, 'maxJobCostUsd' | 'slots' | 'modelTimeoutSeconds'>;

/**
 * Refuses a job that would cost more than its request or the deployment allows: the work of its cases on a T4 and the
 * start of each machine, on demand. Time is uncalibrated unless there are figures of a T4 for every model. On one's own machine too the estimate is that of a deployment.
 *
 * @throws HpbError JOB_TOO_EXPENSIVE
 */
export function refuseCost(request: JobRequest, limits: CostLimits, work: JobWork): void {
  const limit = costLimit(request, limits);
  if (limit === null) return;
  const estimate = estimateJob(request, limits, work);
  if (estimate.usd > limit.usd) throw tooExpensive(estimate, limit);
}

/**
 * As `refuseCost`, of one CT by its header, before it is a job. What cannot be read passes: the job will say why.
 *
 * @throws HpbError JOB_TOO_EXPENSIVE
 */
export async function refuseCostOfCt(
  { intake, limits, store }: Pick<ServicePorts, 'intake' | 'limits' | 'store'>,
  request: JobRequest,
): Promise<void> {
  const limit = costLimit(request, limits);
  if (limit === null || request.batch || limit.usd >= dearestCase(request, limits)) return;
  const inputKey = uploadInputKey(request.uploadId);
  const header = await intake.peek({ inputKey, fileName: request.fileName }).catch((thrown: unknown) => {
    if (thrown instanceof HpbError && thrown.blame === 'caller') return null;
    throw thrown;
  });
  if (header === null) return;
  const figures = await storedCalibration(store);
  refuseCost(request, limits, { grids: [header.grid], shards: 1, figures });
}

interface CostLimit {
  readonly usd: number;
  readonly isCallers: boolean;
}

function costLimit(
  { maxCostUsd }: Pick<JobRequest, 'maxCostUsd'>,
  { maxJobCostUsd }: CostLimits,
): CostLimit | null {
  if (maxCostUsd !== null && maxCostUsd <= (maxJobCostUsd ?? Infinity))
    return { usd: maxCostUsd, isCallers: true };
  return maxJobCostUsd === null ? null : { usd: maxJobCostUsd, isCallers: false };
}

function estimateJob(run: ModelRun, { slots, modelTimeoutSeconds }: CostLimits, work: JobWork): JobEstimate {
  const machines = Math.min(slots, work.shards);
  const figures = figuresOfT4(run, work);
  const cases = work.grids.map((grid) => ({
    hourUsd: hourUsd(machineOf(grid, run)),
    seconds: caseSeconds(grid, run, { slowness: 1, modelTimeoutSeconds, figures }),
  }));
  const workUsd = cases.reduce((sum, one) => sum + (one.hourUsd / 3_600) * one.seconds, 0);
  const dearest = Math.max(0, ...cases.map((one) => one.hourUsd));
  const usd = workUsd + (machines * dearest * COLD_START_SECONDS) / 3_600;
  return { usd, cases: cases.length, machines, runs: figures?.runs ?? null };
}

/** The calibration when it is of a T4 and knows every model. */
function figuresOfT4({ models, options }: ModelRun, { figures }: JobWork): Calibration | null {
  if (figures === null || !isOfT4(figures)) return null;
  return models.every((model) => figures.models[figuresKey(model, options)] !== undefined) ? figures : null;
}

/** No CT costs more: every model is stopped at its time limit. */
function dearestCase({ models }: ModelRun, { modelTimeoutSeconds }: CostLimits): number {
  const seconds = COLD_START_SECONDS + models.length * modelTimeoutSeconds;
  return machineUsd(TIER_MACHINES[2], 'onDemand', seconds);
}

function machineOf(grid: Grid | null, run: ModelRun): MachineType {
  const { memoryMib } = sizeTier(grid, run);
  return TIER_MACHINES[SIZE_TIERS.findIndex((tier) => tier.memoryMib === memoryMib)]!;
}

const hourUsd = (machine: MachineType): number => machineUsd(machine, 'onDemand', 3_600);

function tooExpensive({ usd, cases, machines, runs }: JobEstimate, limit: CostLimit): HpbError {
  const what = `${counted(cases, 'case')} on ${counted(machines, 'machine')} on demand, start included`;
  const whence = runs === null ? 'uncalibrated estimate' : `estimate by ${counted(runs, 'run')}`;
  const whose = limit.isCallers ? 'the request' : 'this service';
  return new HpbError(
    'JOB_TOO_EXPENSIVE',
    `The job would cost about ${dollars(usd)} (${whence}: ${what}); the limit of ${whose} is $${limit.usd}.`,
    {
      remedy: `Send fewer cases at a time, choose the fast variant or fewer folds, or ${
        limit.isCallers ? 'raise maxCostUsd (--max-cost)' : 'have maxJobCostUsd of the deployment raised'
      }.`,
      details: { estimatedUsd: rounded(usd), limitUsd: limit.usd, cases, calibrated: runs !== null },
    },
  );
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
const rounded = (usd: number): number => Number(usd.toPrecision(3));
/** Rounded up, so that an estimate never reads as equal to the limit that it exceeds. */
const dollars = (usd: number): string =>
  `$${usd < 1 ? Math.ceil(usd * 1_000) / 1_000 : (Math.ceil(usd * 100) / 100).toFixed(2)}`;
