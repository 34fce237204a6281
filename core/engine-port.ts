import type { EngineCall, ENGINE_STAGES, HelloResult, RunResult } from './engine-protocol.ts';
import type { ModelId, SegmentOptions, WeightsLocation } from './models/catalogue.ts';
import type { WeightsUsed } from './results/metadata.ts';

/** Progress of one engine run. */
export interface EngineProgress {
  readonly stage: (typeof ENGINE_STAGES)[number];
  readonly done: number;
  readonly total: number;
}

/** When a request to the engine ends unfinished; the engine stays warm when it obeys within its grace time. */
export interface EngineLimits {
  /** After this time the request ends with `ENGINE_TIMEOUT`; without it, never. */
  readonly timeoutSeconds?: number;
  /** Aborting ends the request with `CANCELLED`. */
  readonly signal?: AbortSignal;
}

/** One engine run on an opened CT. */
export interface EngineRun extends EngineLimits {
  readonly call: EngineCall;
  /** Where the mask is to be written (`.nii.gz`, local path). */
  readonly output: string;
  readonly onProgress: (progress: EngineProgress) => void;
}

/** A CT that the engine has read; several models can run on it. It is lost when the engine dies or stops. */
export interface OpenedCt {
  run(request: EngineRun): Promise<RunResult>;
  /** Never throws: a CT of an engine that is gone is closed. */
  close(): Promise<void>;
}

/**
 * The warm engine. It starts at the first use, and again at the next one after it died (the run in flight fails
 * with `ENGINE_DIED`) or was stopped.
 */
export interface Engine {
  hello(): Promise<HelloResult>;
  /**
   * Starts the engine, if need be, and loads the networks of a run that will come. Never throws: what fails here fails
   * again, and is told, where it is needed.
   */
  load(call: EngineCall): Promise<void>;
  /** Opens the CT at a local path (`.nii` or `.nii.gz`). */
  open(path: string, limits?: EngineLimits): Promise<OpenedCt>;
  /** Ends the engine, children included; what is in flight fails with `CANCELLED`. */
  stop(): Promise<void>;
}

/** Weights of one model as they lie on this machine. */
export interface LocatedWeights {
  readonly location: WeightsLocation;
  /** Every weight set that the model loads with these options. */
  readonly used: readonly WeightsUsed[];
}

/** Finds weights, real or demo, as the settings of the machine allow. */
export interface Weights {
  /** Throws `WEIGHTS_MISSING` or `WEIGHTS_CORRUPT`. */
  locate(model: ModelId, options: SegmentOptions): Promise<LocatedWeights>;
}
