import { memoryNeededForCase } from './models/case-memory.ts';
import { machineSeconds, type Calibration } from './models/calibration.ts';
import type { ModelId, SegmentOptions } from './models/catalogue.ts';
import type { CaseId } from './layout.ts';
import type { MachineType } from './prices.ts';
import { voxelCount, type Grid } from './volume/volume.ts';

/** A machine size, as Batch is asked for it. */
export interface SizeTier {
  readonly memoryMib: number;
  readonly vcpus: number;
}

/** Sizes that fit g4dn machines with room for the system: xlarge, 2xlarge, 4xlarge. */
export const SIZE_TIERS = [
  { memoryMib: 14_000, vcpus: 4 },
  { memoryMib: 30_000, vcpus: 8 },
  { memoryMib: 60_000, vcpus: 16 },
] as const satisfies readonly SizeTier[];

/** The machines of `SIZE_TIERS`, in the same order. */
export const TIER_MACHINES = [
  'g4dn.xlarge',
  'g4dn.2xlarge',
  'g4dn.4xlarge',
] as const satisfies readonly MachineType[];

/** A case as the planner sees it. */
export interface PlannableCase {
  readonly caseId: CaseId;
  /** Estimated seconds on the machines that run it. */
  readonly seconds: number;
  readonly tier: SizeTier;
}

/** Cases that share a worker. */
export interface ShardPlan<C extends PlannableCase = PlannableCase> {
  readonly tier: SizeTier;
  /** In case order. */
  readonly cases: readonly C[];
  /** Estimate, the sum over its cases. */
  readonly seconds: number;
}

/** Bounds of a shard and of the machines. */
export interface PlanLimits {
  readonly slots: number;
  readonly shardCases: number;
  readonly shardSeconds: number;
}

interface OpenShard<C> {
  readonly cases: C[];
  seconds: number;
}

/**
 * Shards of cases: each case in exactly one, one size tier a shard, at most `shardCases` of them, at most
 * `shardSeconds` unless a single case takes longer. Enough shards that every slot has work, the longest cases spread
 * first so that the slots end together. The same cases give the same shards, whatever their order.
 */
export function planShards<C extends PlannableCase>(
  cases: readonly C[],
  limits: PlanLimits,
): readonly ShardPlan<C>[] {
  const total = cases.reduce((sum, { seconds }) => sum + seconds, 0);
  const shards = SIZE_TIERS.flatMap((tier) => {
    const ofTier = cases.filter((one) => one.tier.memoryMib === tier.memoryMib);
    const seconds = ofTier.reduce((sum, one) => sum + one.seconds, 0);
    const slots = total > 0 ? Math.ceil((limits.slots * seconds) / total) : limits.slots;
    return spread(ofTier, { ...limits, slots }).map((shard) => ({
      tier,
      seconds: shard.seconds,
      cases: shard.cases.sort(byCaseId),
    }));
  });
  return shards.sort((a, b) => byCaseId(a.cases[0]!, b.cases[0]!));
}

/** Longest first, each to the shard with the least work that has room; a new shard when none has. */
function spread<C extends PlannableCase>(cases: readonly C[], limits: PlanLimits): readonly OpenShard<C>[] {
  const { slots, shardCases, shardSeconds } = limits;
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0);
  const wanted = Math.min(
    cases.length,
    Math.max(slots, Math.ceil(cases.length / shardCases), Math.ceil(seconds / shardSeconds)),
  );
  const shards: OpenShard<C>[] = Array.from({ length: wanted }, () => ({ cases: [], seconds: 0 }));
  for (const one of [...cases].sort((a, b) => b.seconds - a.seconds || byCaseId(a, b))) {
    const hasRoom = (shard: OpenShard<C>): boolean =>
      shard.cases.length === 0 ||
      (shard.cases.length < shardCases && shard.seconds + one.seconds <= shardSeconds);
    const target = leastLoaded(shards.filter(hasRoom)) ?? opened(shards);
    target.cases.push(one);
    target.seconds += one.seconds;
  }
  return shards.filter((shard) => shard.cases.length > 0);
}

function leastLoaded<C>(shards: readonly OpenShard<C>[]): OpenShard<C> | undefined {
  return shards.reduce<OpenShard<C> | undefined>(
    (least, shard) => (least === undefined || shard.seconds < least.seconds ? shard : least),
    undefined,
  );
}

function opened<C>(shards: OpenShard<C>[]): OpenShard<C> {
  const shard: OpenShard<C> = { cases: [], seconds: 0 };
  shards.push(shard);
  return shard;
}

/** Ordinals grow in length beyond c9999. */
const byCaseId = (a: PlannableCase, b: PlannableCase): number =>
  a.caseId.length - b.caseId.length || (a.caseId < b.caseId ? -1 : a.caseId > b.caseId ? 1 : 0);

/** What the models of a job are run with. */
export interface ModelRun {
  readonly models: readonly ModelId[];
  readonly options: SegmentOptions;
}

const MIB = 2 ** 20;

/** The smallest size with the memory that the worker's check wants for the case; the largest when none has it. */
export function sizeTier(grid: Grid | null, { models, options }: ModelRun): SizeTier {
  if (grid === null) return SIZE_TIERS[0];
  const needed = memoryNeededForCase(grid, models, options);
  return SIZE_TIERS.find(({ memoryMib }) => memoryMib * MIB >= needed) ?? SIZE_TIERS[2];
}

/**
 * Estimated seconds of a case, each model bounded by its timeout. `slowness`: times a T4 GPU; `figures`: of runs before,
 * without them uncalibrated.
 */
export function caseSeconds(
  grid: Grid | null,
  { models, options }: ModelRun,
  limits: {
    readonly slowness: number;
    readonly modelTimeoutSeconds: number;
    readonly figures?: Calibration | null;
  },
): number {
  const { slowness, modelTimeoutSeconds, figures = null } = limits;
  const perModel = models.map((model) =>
    grid === null
      ? modelTimeoutSeconds
      : Math.min(modelTimeoutSeconds, machineSeconds(grid, model, { options, slowness, figures })),
  );
  return perModel.reduce((sum, seconds) => sum + seconds, 0);
}

/** Of a compressed label map, per voxel; and what the documents and pictures of a case come to. Both generous. */
const MASK_BYTES_PER_VOXEL = 0.05;
const CASE_DOCUMENT_BYTES = 5 * MIB;

/** Estimated size of a case's results, bytes. */
export function resultBytes(grid: Grid | null, { models }: Pick<ModelRun, 'models'>): number {
  const voxels = grid === null ? 0 : voxelCount(grid.dims);
  return CASE_DOCUMENT_BYTES + models.length * voxels * MASK_BYTES_PER_VOXEL;
}

/** When the parts of a job are over at the latest, s from its plan. */
export interface PlanTimes {
  /** Longest time of one attempt of each shard's worker, in the order of the shards. */
  readonly attemptSeconds: readonly number[];
  /** Longest time until a shard has ended, waiting included. */
  readonly shardSeconds: number;
  /** Until the job is final. */
  readonly jobSeconds: number;
}

const START_SECONDS = 600;
/** Estimates are uncalibrated: an attempt may take this many times its own. */
const SLACK = 3;
/** The execution ends after seven days (core/workflow.asl.json); the shards end an hour before. */
const LONGEST_SECONDS = 7 * 24 * 3_600 - 3_600;

/**
 * Time limits of a plan: a worker may start for ten minutes and then use what its cases may use, each of which has
 * its full time when it is alone; the shards of a job come in rounds, as many at once as there are slots.
 */
export function planTimes(
  shards: readonly ShardPlan[],
  limits: {
    readonly slots: number;
    readonly queueSeconds: number;
    /** Longest time of one case, all its models, s. */
    readonly caseTimeoutSeconds: number;
    /** Longest time to gather and pack what came out, s. */
    readonly publishSeconds: number;
  },
): PlanTimes {
  const { slots, queueSeconds, caseTimeoutSeconds, publishSeconds } = limits;
  const attemptSeconds = shards.map(({ cases, seconds }) =>
    Math.ceil(
      START_SECONDS +
        Math.min(cases.length * caseTimeoutSeconds, Math.max(caseTimeoutSeconds, SLACK * seconds)),
    ),
  );
  const rounds = Math.ceil(shards.length / slots);
  const all = queueSeconds + rounds * Math.max(0, ...attemptSeconds);
  const shardSeconds = Math.max(60, Math.min(LONGEST_SECONDS, Math.ceil(all)));
  return { attemptSeconds, shardSeconds, jobSeconds: shardSeconds + publishSeconds };
}
