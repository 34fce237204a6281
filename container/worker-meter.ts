import type { RunResult } from '../core/engine-protocol.ts';
import type { MetricSample } from '../core/metrics.ts';
import type { ModelId } from '../core/models/catalogue.ts';
import { SIZE_TIERS, TIER_MACHINES } from '../core/plan.ts';
import type { Metrics } from '../core/ports.ts';
import { MACHINE_HOUR_USD, type MachineType } from '../core/prices.ts';
import type { CaseStage, MachineCost } from '../core/results/run-record.ts';
import type { CardUse } from './card-watch.ts';
import type { CaseOutcome } from './worker.ts';

const MIB = 2 ** 20;

/** The machine whose share of memory a worker was given, bytes; the largest when it has more than any. */
export function machineOf(memoryBytes: number): MachineType {
  const at = SIZE_TIERS.findIndex(({ memoryMib }) => memoryBytes <= memoryMib * MIB);
  return TIER_MACHINES[at === -1 ? TIER_MACHINES.length - 1 : at]!;
}

export interface WorkerMeterOptions {
  readonly metrics: Metrics;
  /** What is paid for; costs are estimated at its list price on demand, which spot stays below. */
  readonly machine: MachineType;
}

/** Collects what a worker took and hands it on case by case. Dimensions are models, stages, outcomes and codes: no ids. */
export class WorkerMeter {
  readonly #options: WorkerMeterOptions;
  #samples: MetricSample[] = [];

  constructor(options: WorkerMeterOptions) {
    this.#options = options;
  }

  /** From the start of the worker until it was ready for its first case, s. */
  coldStart(seconds: number): void {
    this.#add({ name: 'ColdStartSeconds', value: seconds });
  }

  /** From the plan of the job to the start of this worker, s. */
  queued(seconds: number): void {
    this.#add({ name: 'QueueSeconds', value: seconds });
  }

  weightsFetched(seconds: number): void {
    this.#add({ name: 'WeightsSeconds', value: seconds });
  }

  stage(stage: CaseStage, seconds: number): void {
    this.#add({ name: 'StageSeconds', value: seconds, dimensions: { Stage: stage } });
  }

  engineRun(model: ModelId, { seconds }: Pick<RunResult, 'seconds'>): void {
    for (const [stage, value] of Object.entries(seconds)) {
      this.#add({ name: 'EngineSeconds', value, dimensions: { Model: model, Stage: stage } });
      if (stage === 'load') this.#add({ name: 'ModelLoadSeconds', value, dimensions: { Model: model } });
    }
  }

  cardUsed({ peakBytes, meanUtilisation }: CardUse): void {
    this.#add({ name: 'GpuMemoryPeakBytes', value: peakBytes });
    if (meanUtilisation !== null) this.#add({ name: 'GpuUtilisation', value: meanUtilisation });
  }

  /** Its share of the machine of a case that took so long, s; without the start of the machine and its idle time. */
  costOf(seconds: number): MachineCost {
    const { machine } = this.#options;
    return { machine, usd: (MACHINE_HOUR_USD[machine].onDemand / 3_600) * seconds };
  }

  /** Never throws: a lost figure fails no case. */
  async caseEnded(
    models: readonly ModelId[],
    { outcome, error }: Pick<CaseOutcome, 'outcome' | 'error'>,
    seconds: number,
  ): Promise<void> {
    const ended = { Outcome: outcome, ...(error === null ? {} : { Code: error.code }) };
    for (const model of models)
      this.#add({ name: 'CasesEnded', value: 1, dimensions: { Model: model, ...ended } });
    this.#add({ name: 'EstimatedCostUsd', value: this.costOf(seconds).usd });
    await this.flush();
  }

  async flush(): Promise<void> {
    const samples = this.#samples;
    this.#samples = [];
    if (samples.length > 0) await this.#options.metrics.put(samples);
  }

  #add(sample: MetricSample): void {
    this.#samples.push(sample);
  }
}
