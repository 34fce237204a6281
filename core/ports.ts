import type { ModelId, SegmentOptions } from './models/catalogue.ts';
import type { LogEvent } from './events.ts';
import type { ErrorDocument } from './errors.ts';
import type { JobDocument, JobState } from './job.ts';
import type { CaseId, JobId, UploadId } from './layout.ts';
import type { MetricSample } from './metrics.ts';
import type { NiftiHeader } from './volume/nifti-header.ts';
import type { Grid } from './volume/volume.ts';
import type { ExecutionInput } from './workflow.ts';

/** An object in the store as a listing or a head request shows it. */
export interface ObjectFacts {
  readonly key: string;
  readonly bytes: number;
  /** Changes with every write; opaque, for `ifTag`. */
  readonly tag: string;
  /** When it was written, ms since 1970. */
  readonly modifiedAt: number;
}

/** Under which condition a write happens; without one it replaces what is there. */
export interface WriteCondition {
  /** Only when there is no such object: else `OBJECT_EXISTS`. */
  readonly ifAbsent?: boolean;
  /** Only when the object still has this tag: else `OBJECT_CHANGED`. */
  readonly ifTag?: string;
}

/** `givenUp`: the caller has no more use for the file, and a store on the same disk may take it instead of a copy. */
export type FileWrite = WriteCondition & { readonly givenUp?: boolean };

/** Bytes `start` to `end` inclusive, counted from 0; an open end runs to the last byte. */
export interface ByteRange {
  readonly start: number;
  readonly end?: number;
}

/**
 * Where inputs and results lie: S3 in the cloud, a folder on the laptop. Keys come from core/layout.ts only.
 * Reads of a missing key throw `OBJECT_NOT_FOUND`; writes are whole or not at all.
 */
export interface ObjectStore {
  /** Writes a small object (JSON documents). */
  put(key: string, body: string | Uint8Array, condition?: WriteCondition): Promise<ObjectFacts>;
  /** Copies a local file into the store. */
  putFile(key: string, path: string, how?: FileWrite): Promise<ObjectFacts>;
  /** Stores a stream of unknown length; when it throws, nothing is stored and its error comes out. */
  putStream(key: string, chunks: AsyncIterable<Uint8Array>, condition?: WriteCondition): Promise<ObjectFacts>;
  get(key: string): Promise<Uint8Array>;
  /** The object together with its tag, as one version. */
  read(key: string): Promise<{ readonly body: Uint8Array; readonly facts: ObjectFacts }>;
  /** The object's bytes as they come; throws `RANGE_NOT_SATISFIABLE` when the range begins beyond its end. */
  stream(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** Copies an object to a local file; the file appears whole or not at all. */
  getFile(key: string, path: string): Promise<void>;
  /** Copies within the store. */
  copy(from: string, to: string): Promise<ObjectFacts>;
  head(key: string): Promise<ObjectFacts | null>;
  /** Objects whose key starts with `prefix`, in key order: all of them, or `limit` of those after the key `after`. */
  list(
    prefix: string,
    page?: { readonly after?: string; readonly limit?: number },
  ): Promise<readonly ObjectFacts[]>;
  /** Removes an object; a missing one is no error. */
  remove(key: string): Promise<void>;
  /** Removes everything below a prefix. Returns how much that was. */
  removeAll(prefix: string): Promise<{ readonly objects: number; readonly bytes: number }>;
}

/** A request that anybody who holds it may make, once or more, until it expires. Never logged. */
export interface SignedRequest {
  readonly method: 'GET' | 'PUT';
  readonly url: string;
  /** To be sent exactly as they are. */
  readonly headers: Readonly<Record<string, string>>;
  /** ms since 1970. */
  readonly expiresAt: number;
}

/** A part of a multipart upload that has arrived. */
export interface UploadedPart {
  /** From 1. */
  readonly part: number;
  readonly bytes: number;
  readonly tag: string;
}

/** Signed requests on objects of the store, and uploads in parts. */
export interface SignedLinks {
  /** A PUT of exactly these bytes and this type; refused when the object is there already. */
  signPut(
    key: string,
    options: { readonly bytes: number; readonly contentType: string; readonly expiresSeconds: number },
  ): Promise<SignedRequest>;
  signGet(
    key: string,
    options: {
      readonly expiresSeconds: number;
      readonly downloadName?: string;
      readonly contentType?: string;
    },
  ): Promise<SignedRequest>;
  /** Begins an upload in parts and returns its id. */
  startMultipart(key: string, options: { readonly contentType: string }): Promise<string>;
  signPart(
    key: string,
    multipartId: string,
    options: { readonly part: number; readonly bytes: number; readonly expiresSeconds: number },
  ): Promise<SignedRequest>;
  /** Parts that have arrived, in order; throws `UPLOAD_NOT_FOUND` when the upload was completed, aborted or never was. */
  listParts(key: string, multipartId: string): Promise<readonly UploadedPart[]>;
  /** Joins the parts to the object; `OBJECT_EXISTS` when it is there already. */
  completeMultipart(key: string, multipartId: string, parts: readonly UploadedPart[]): Promise<ObjectFacts>;
  /** When the last part arrived, ms since 1970; null for an unknown id. Absent where retention need not ask. */
  lastPartAt?(key: string, multipartId: string): Promise<number | null>;
  /** Forgets the parts; an unknown id is no error. */
  abortMultipart(key: string, multipartId: string): Promise<void>;
}

/** Documents of all jobs. */
export interface JobIndex {
  /** Throws `OBJECT_EXISTS` when there is a job of this id. */
  create(job: JobDocument): Promise<void>;
  get(jobId: JobId): Promise<JobDocument | null>;
  /** Changes a job and returns it; `change` runs again when others were first, null leaves it. Throws `JOB_NOT_FOUND`. */
  update(jobId: JobId, change: (job: JobDocument) => JobDocument | null): Promise<JobDocument>;
  /** Newest first. `next` continues the list where this page ends; null at its end. */
  list(query: {
    readonly state?: JobState | undefined;
    readonly limit: number;
    readonly after?: string | undefined;
  }): Promise<{ readonly jobs: readonly JobDocument[]; readonly next: string | null }>;
  /** Jobs that are not final. */
  countActive(): Promise<number>;
  /** Removes a job from the index, with its document. */
  remove(jobId: JobId): Promise<void>;
}

/** State of an execution of the workflow. */
export interface ExecutionFacts {
  readonly name: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  /** Error name of one that failed. */
  readonly error: string | null;
  readonly cause: string | null;
}

/** Runs of the workflow: Step Functions, or the same file in this process. */
export interface Executions {
  /** Starts an execution; the same name and input again is the same execution, running or ended. */
  start(name: string, input: ExecutionInput): Promise<void>;
  /** Ends an execution with the jobs it has started; one that is unknown or has ended is no error. */
  stop(name: string, reason: { readonly error: string; readonly cause: string }): Promise<void>;
  /** Null when there is no such execution. */
  describe(name: string): Promise<ExecutionFacts | null>;
}

/** A worker process to be run. */
export interface JobSpec {
  /** At most 128 characters: letters, digits, `-` and `_`. */
  readonly name: string;
  /** Arguments of container/main.ts. */
  readonly command: readonly string[];
  /** 0 interactive, 1 bulk. */
  readonly priority: 0 | 1;
  readonly memoryMib: number;
  readonly vcpus: number;
  /** Longest time of one attempt, s. */
  readonly timeoutSeconds: number;
  readonly gpu: boolean;
}

/** Where a worker process stands. */
export interface JobFacts {
  readonly ref: string;
  readonly name: string;
  readonly status: 'QUEUED' | 'STARTING' | 'RUNNING' | 'SUCCEEDED' | 'FAILED';
  readonly exitCode: number | null;
  /** In the words of who ran it; null when there is nothing to say. */
  readonly reason: string | null;
  /** Attempts begun. */
  readonly attempts: number;
  /** Where its log is: a stream name, or a local path. */
  readonly log: string | null;
}

/** Runs worker processes: AWS Batch, or child processes of the laptop's server. */
export interface Jobs {
  /** Queues a worker and returns its reference. */
  submit(spec: JobSpec): Promise<string>;
  /** Resolves when the job has ended; aborting ends it first. */
  wait(ref: string, signal?: AbortSignal): Promise<JobFacts>;
  /** Null when it is not known, or no longer. */
  describe(ref: string): Promise<JobFacts | null>;
  /** Ends a job with everything that it started; one that has ended is no error. */
  terminate(ref: string, reason: string): Promise<void>;
  /** Jobs before the first waiting one whose name starts so, 0 = next; null when unknown or none waits. */
  queuePosition(namePrefix: string): Promise<number | null>;
  /** The last lines that the jobs whose name starts so have logged. */
  logTail(namePrefix: string, lines: number): Promise<readonly string[]>;
  /** Deletes the logs of the jobs whose name starts so; without it, logs go by their own retention. */
  removeLogs?(namePrefix: string): Promise<void>;
}

/** What the service counts and times. */
export interface Metrics {
  /** Never throws: a lost figure fails no job. */
  put(samples: readonly MetricSample[]): Promise<void>;
}

/** Names of things to be. */
export interface Ids {
  uploadId(): UploadId;
  jobId(): JobId;
  /** The same id for the same text. */
  derivedJobId(text: string): JobId;
  /** Lower-case hex SHA-256. */
  sha256(text: string): string;
}

/** One case that was found in what was uploaded. */
export interface FoundCase {
  readonly caseId: CaseId;
  /** The caller's name of it: for answers to the caller only. */
  readonly name: string;
  /** Where its CT now lies; null when it was refused before it could be stored. */
  readonly key: string | null;
  /** Of the CT as it came; no hash where it was not read whole. */
  readonly bytes: number;
  readonly sha256?: string;
  /** Null when the header cannot be read. */
  readonly grid: Grid | null;
  /** Why it cannot be run; null when it is fit. */
  readonly error: ErrorDocument | null;
}

/** What was found in an upload. */
export interface IntakeReport {
  readonly kind: 'ct' | 'archive';
  /** Of the upload as it came. */
  readonly sha256: string;
  readonly bytes: number;
  readonly cases: readonly FoundCase[];
  /** What was left aside, the first of it by name with the reason; `ignoredCount` counts all. */
  readonly ignored: readonly { readonly name: string; readonly reason: string }[];
  readonly ignoredCount: number;
}

/** What to take in, and its bounds. */
export interface IntakeRequest {
  readonly jobId: JobId;
  readonly inputKey: string;
  /** Name of the upload as the caller gave it, with its ending. */
  readonly fileName: string;
  /** Whether an archive is expected; else a single CT. */
  readonly batch: boolean;
  readonly models: readonly ModelId[];
  readonly options: SegmentOptions;
  readonly maxCases: number;
  /** Most bytes that an archive may unpack to. */
  readonly maxUnpackedBytes: number;
}

/** Takes an upload apart: a CT as it is, an archive case by case; each CT is stored and checked. */
export interface Intake {
  /** A bad case is a `FoundCase` with an error. Throws `ARCHIVE_*`, `INPUT_*` for a useless upload; `CANCELLED` on abort. */
  take(request: IntakeRequest, signal?: AbortSignal): Promise<IntakeReport>;
  /** The header of a CT, by its first bytes: throws `NIFTI_*`, `INPUT_IS_ARCHIVE`, `OBJECT_NOT_FOUND`. */
  peek(upload: Pick<IntakeRequest, 'inputKey' | 'fileName'>): Promise<NiftiHeader>;
}

/** An object, a text, or a ZIP of ours, whose members go over as they are packed, into a folder. */
type BundleSource =
  | { readonly text: string }
  | ({ readonly bytes: number } & ({ readonly key: string } | { readonly zip: string }));

/** Makes a ZIP in the store out of objects of the store. */
export interface Bundler {
  /** Same members, same bytes. Objects are of the size that is said. Returns size and sha256. */
  bundle(
    key: string,
    members: readonly { readonly name: string; readonly source: BundleSource }[],
  ): Promise<{ readonly bytes: number; readonly sha256: string }>;
}

/** Wall clock and monotonic time: ms since 1970, and seconds. */
export interface Clock {
  now(): number;
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
