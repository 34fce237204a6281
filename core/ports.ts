import type { EngineCall, HelloResult, RunResult, ENGINE_STAGES } from './engine-protocol.ts';
import type { LogEvent } from './events.ts';
import type { ModelId, SegmentOptions, WeightsLocation } from './models/catalogue.ts';
import type { WeightsUsed } from './results/metadata.ts';

/** An object in the store as a listing or a head request shows it. */
export interface ObjectFacts {
  readonly key: string;
  readonly bytes: number;
}

/**
 * Where inputs and results lie: S3 in the cloud, a folder on the laptop. Keys come from core/layout.ts only.
 * Reads of a missing key throw `OBJECT_NOT_FOUND`; writes are whole or not at all.
 */
export interface ObjectStore {
  /** Writes a small object (JSON documents). */
  put(key: string, body: string | Uint8Array): Promise<void>;
  /** Copies a local file into the store. */
  putFile(key: string, path: string): Promise<void>;
  get(key: string): Promise<Uint8Array>;
  /** Copies an object to a local file; the file appears whole or not at all. */
  getFile(key: string, path: string): Promise<void>;
  head(key: string): Promise<ObjectFacts | null>;
  /** All objects whose key starts with `prefix`, in key order. */
  list(prefix: string): Promise<readonly ObjectFacts[]>;
  /** Removes an object; a missing one is no error. */
  remove(key: string): Promise<void>;
}

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

/** Wall clock and monotonic time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Monotonic seconds. */
  seconds(): number;
}

/** Structured log: a closed event name with fields; never patient data, file names of the caller or signed URLs. */
export interface Log {
  info(event: LogEvent, fields?: LogFields): void;
  warn(event: LogEvent, fields?: LogFields): void;
  error(event: LogEvent, fields?: LogFields): void;
  debug(event: LogEvent, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;
