import type { EngineProgress } from './engine-port.ts';
import type { CaseId } from './layout.ts';
import type { ModelId } from './models/catalogue.ts';
import type { CaseStage } from './results/run-record.ts';

/** How far a case is: what progress documents hold and what a progress bar shows. */
export interface CaseProgress {
  readonly caseId: CaseId;
  readonly stage: CaseStage;
  /** The model that runs; null outside `segment`. */
  readonly model: ModelId | null;
  /** Where the engine is, tiles done and in all; null outside `segment`. */
  readonly engine: EngineProgress | null;
  /** Share of the case's work that is done, 0 to 1; never falls. */
  readonly fraction: number;
  /** Estimate of the time left for this case, s; null until there is one. */
  readonly secondsLeft: number | null;
}
