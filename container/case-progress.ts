import { caseProgressKey, LAYOUT_VERSION, type CaseId, type JobId } from '../core/layout.ts';
import type { ModelId, SegmentOptions } from '../core/models/catalogue.ts';
import { modelEntry } from '../core/models/catalogue.ts';
import type { EngineProgress } from '../core/engine-port.ts';
import type { Clock, ObjectStore } from '../core/ports.ts';
import type { CaseProgress } from '../core/progress.ts';
import type { CaseStage } from '../core/results/run-record.ts';

/** Share of a case's work that is done when a stage begins; what engines do is by far the most. */
const BEGIN: Readonly<Record<CaseStage, number>> = {
  fetch: 0,
  check: 0.02,
  segment: 0.06,
  measure: 0.88,
  mesh: 0.94,
  package: 0.96,
  publish: 0.98,
};

/** The same within the run of one model. */
const ENGINE_SPAN: Readonly<Record<EngineProgress['stage'], readonly [number, number]>> = {
  load: [0, 0.1],
  crop: [0.1, 0.25],
  preprocess: [0.25, 0.35],
  predict: [0.35, 0.9],
  export: [0.9, 1],
};

/** Least time and share before the time left is guessed. */
const GUESS_FROM = { seconds: 2, fraction: 0.08 } as const;
const DOCUMENT_EVERY_SECONDS = 1;

export interface ProgressOptions {
  readonly jobId: JobId;
  readonly caseId: CaseId;
  readonly models: readonly ModelId[];
  readonly options: SegmentOptions;
  readonly clock: Clock;
  readonly store: Pick<ObjectStore, 'put'>;
  readonly onProgress: (progress: CaseProgress) => void;
}

/**
 * Progress of one case: every change goes to `onProgress`, the latest at most once a second to the progress
 * document, none at the end of a case that took less. A progress document that cannot be written fails nothing: results are checked when they are written.
 */
export class ProgressTracker {
  readonly #options: ProgressOptions;
  #started: number;
  #fraction = 0;
  #lastWrite = -Infinity;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#started = options.clock.seconds();
  }

  stage(stage: CaseStage): void {
    this.#emit({ stage, model: null, engine: null }, BEGIN[stage]);
  }

  engine(model: ModelId, engine: EngineProgress): void {
    const costs = this.#options.models.map((id) => this.#cost(id));
    const all = costs.reduce((sum, cost) => sum + cost, 0);
    const at = this.#options.models.indexOf(model);
    const before = costs.slice(0, at).reduce((sum, cost) => sum + cost, 0);
    const [from, to] = ENGINE_SPAN[engine.stage];
    const within = from + (to - from) * Math.min(1, engine.done / Math.max(1, engine.total));
    const share = (before + costs[at]! * within) / all;
    this.#emit({ stage: 'segment', model, engine }, BEGIN.segment + (BEGIN.measure - BEGIN.segment) * share);
  }

  /** The case did nothing for so long, s: the time left is guessed from that in which it did. */
  waited(seconds: number): void {
    this.#started += seconds;
  }

  /** Writes the last document, of a case that took long enough to have been looked at, and waits for all. */
  async end(succeeded: boolean): Promise<void> {
    // Of a shorter case the first document says that it was begun, and its result, which comes next, the rest.
    const isShort = this.#options.clock.seconds() - this.#started < DOCUMENT_EVERY_SECONDS;
    if (!isShort) this.#lastWrite = -Infinity;
    if (succeeded) this.#emit({ stage: 'publish', model: null, engine: null }, 1);
    await this.#writing;
  }

  /** Rough work of a model relative to the others. */
  #cost(model: ModelId): number {
    const { folds, tta } = this.#options.options;
    return modelEntry(model).call.engine === 'nnunet-v1' ? 2 * folds.length * (tta ? 8 : 1) : 1;
  }

  #emit(where: Pick<CaseProgress, 'stage' | 'model' | 'engine'>, fraction: number): void {
    const { caseId, clock, onProgress } = this.#options;
    this.#fraction = Math.max(this.#fraction, Math.min(1, fraction));
    const elapsed = clock.seconds() - this.#started;
    const known = elapsed >= GUESS_FROM.seconds && this.#fraction >= GUESS_FROM.fraction;
    const secondsLeft = known ? (elapsed * (1 - this.#fraction)) / this.#fraction : null;
    const progress: CaseProgress = { caseId, ...where, fraction: this.#fraction, secondsLeft };
    onProgress(progress);
    this.#write(progress);
  }

  #write(progress: CaseProgress): void {
    const { jobId, caseId, clock, store } = this.#options;
    if (clock.seconds() - this.#lastWrite < DOCUMENT_EVERY_SECONDS) return;
    this.#lastWrite = clock.seconds();
    const document = { layoutVersion: LAYOUT_VERSION, ...progress, updatedAt: clock.now() };
    this.#writing = this.#writing
      .then(async () => void (await store.put(caseProgressKey(jobId, caseId), JSON.stringify(document))))
      .catch(() => undefined);
  }
}
