import { MACHINE_HOUR_USD, SERVICE_USD, type MachineType, type Purchase } from './prices.ts';

const HOURS_PER_MONTH = 730;
/** AWS bills machines by the second from the first minute on. */
const LEAST_SECONDS = 60;

/** Machine time, USD. */
export function machineUsd(type: MachineType, purchase: Purchase, seconds: number): number {
  return (MACHINE_HOUR_USD[type][purchase] / 3_600) * Math.max(LEAST_SECONDS, seconds);
}

/** A deployment while nothing runs. */
export interface IdleDeployment {
  /** Interfaces of endpoints: endpoints x zones. */
  readonly endpointInterfaces: number;
  readonly alarms: number;
  /** Beyond the three that are free. */
  readonly dashboards: number;
  readonly firewall: boolean;
  /** Images that are kept, GB. */
  readonly imageGb: number;
  /** Weights and what else lies in buckets, GB. */
  readonly storedGb: number;
}

/** What a deployment costs in a month in which nothing is segmented, USD, by what it is for. */
export function idleMonth(deployment: IdleDeployment): Readonly<Record<string, number>> {
  const { endpointInterfaces, alarms, dashboards, firewall, imageGb, storedGb } = deployment;
  return {
    key: SERVICE_USD.key,
    images: imageGb * SERVICE_USD.imageGb,
    storage: storedGb * SERVICE_USD.storageGb,
    alarms: alarms * SERVICE_USD.alarm,
    dashboards: dashboards * SERVICE_USD.dashboard,
    endpoints: endpointInterfaces * SERVICE_USD.endpointHour * HOURS_PER_MONTH,
    firewall: firewall ? SERVICE_USD.firewall + SERVICE_USD.firewallRules : 0,
  };
}

/** From nothing to a worker that is ready: machine, image, weights, s. Assumed, not measured. */
export const COLD_START_SECONDS = 360;

/** What the figures for cases assume; none was measured on AWS. */
export interface CaseAssumptions {
  /** Work of one case on a machine that is ready, s. */
  readonly caseSeconds: number;
  /** From nothing to a worker that is ready: machine, image, weights, s. */
  readonly coldStartSeconds: number;
  /** How long a machine stays after its last job (`scaleDownDelayMinutes`), s. */
  readonly warmTailSeconds: number;
  /** Upload and results of a case, GB. */
  readonly storedGb: number;
  readonly retentionDays: number;
  /** Results that leave AWS, GB. */
  readonly egressGb: number;
  /** Log lines of a case, GB. */
  readonly logGb: number;
}

/** A batch and the machines it runs on. */
export interface BatchRun {
  readonly cases: number;
  /** Most cases of a shard. */
  readonly shardCases: number;
  /** Machines at once. */
  readonly slots: number;
  readonly machine: MachineType;
  readonly purchase: Purchase;
}

/** States that a job passes through whatever it holds, and those of each shard. */
const JOB_TRANSITIONS = 8;
const SHARD_TRANSITIONS = 4;
/** Documents, masks, previews and packages of a case, and their checks. */
const CASE_PUTS = 30;
/** Lambda seconds of a job at 2 GB. */
const JOB_FUNCTION_GB_SECONDS = 60;

/**
 * What one case of a batch costs, USD: its share of cold starts and of machines that wait for more, its own work, and
 * what is stored, sent and logged. A batch of 1 is a lone case.
 */
export function caseUsd(run: BatchRun, assumed: CaseAssumptions): number {
  const { cases, shardCases, slots, machine, purchase } = run;
  // As planShards spreads them: every slot gets work, though fewer machines would cost less.
  const shards = Math.min(cases, Math.max(slots, Math.ceil(cases / shardCases)));
  const machines = Math.min(slots, shards);
  const seconds =
    machines * (assumed.coldStartSeconds + assumed.warmTailSeconds) + cases * assumed.caseSeconds;
  const job =
    machineUsd(machine, purchase, seconds) +
    (JOB_TRANSITIONS + shards * SHARD_TRANSITIONS) * SERVICE_USD.transition +
    JOB_FUNCTION_GB_SECONDS * SERVICE_USD.functionGbSecond;
  return job / cases + storedCaseUsd(assumed);
}

function storedCaseUsd({ storedGb, retentionDays, egressGb, logGb }: CaseAssumptions): number {
  return (
    storedGb * SERVICE_USD.storageGb * (retentionDays / 30) +
    egressGb * SERVICE_USD.egressGb +
    logGb * SERVICE_USD.logGb +
    (CASE_PUTS / 1_000) * SERVICE_USD.thousandPuts
  );
}
