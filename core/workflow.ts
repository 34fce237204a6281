import { z } from 'zod';
import { isJobId, LAYOUT_VERSION } from './layout.ts';

/** What each state of core/workflow.asl.json takes and gives. Payloads hold keys and counts, never lists or bytes. */

const jobId = z.string().refine(isJobId, 'not a job id');
const attempt = z.int().min(1);

/** Input of an execution: no clock and no request id, so the same start twice is the same execution. */
export const executionInput = z.object({ jobId, attempt });
export type ExecutionInput = z.infer<typeof executionInput>;

/** A worker process of the workflow's own: unpacking or publishing what is too large for a Lambda. */
const auxiliaryJob = z.object({
  name: z.string(),
  command: z.array(z.string()),
  memoryMib: z.string(),
  vcpus: z.string(),
  /** Longest time until it has ended, waiting included, s. */
  timeoutSeconds: z.int().min(60),
});

/** Answer of PrepareJob (and of PlanUnpackedCases, where `route` is never `unpack`). */
export const preparedJob = z.object({
  jobId,
  attempt,
  /** `unpack`: the archive is too large for this function, a worker unpacks it first. */
  route: z.enum(['run', 'unpack']),
  planKey: z.string(),
  shards: z.int().min(0),
  /** Who builds the result: this function, or a worker. */
  publisher: z.enum(['function', 'worker']),
  unpack: auxiliaryJob,
  publish: auxiliaryJob,
});
export type PreparedJob = z.infer<typeof preparedJob>;

/** One item of the plan: a shard, and what its worker needs. Numbers that Batch takes as text are text. */
export const plannedShard = z.object({
  layoutVersion: z.literal(LAYOUT_VERSION),
  jobId,
  attempt,
  ordinal: z.int().min(1),
  /** `hpb-<jobId>-a<attempt>-s0001`. */
  name: z.string(),
  shardKey: z.string(),
  /** For the reader of the console: `c0001-c0008`. */
  cases: z.string(),
  priority: z.union([z.literal(0), z.literal(1)]),
  memoryMib: z.string(),
  vcpus: z.string(),
  /** Longest time of one attempt of the worker, s. */
  attemptSeconds: z.int().min(60),
  /** Longest time until the shard has ended, waiting included, s. */
  timeoutSeconds: z.int().min(60),
});
export type PlannedShard = z.infer<typeof plannedShard>;

/** What a Catch adds to the input under `$.failure`. */
export const caughtFailure = z.object({ Error: z.string(), Cause: z.string().optional() });

/** Input of RecordShardFailure. */
export const shardFailureInput = z.object({ shard: plannedShard, failure: caughtFailure });

/** Answer of RecordShardFailure, for whoever reads the console. */
export interface RecordedShardFailure {
  readonly shard: number;
  readonly code: string;
  readonly message: string;
  /** Address of what its worker logged; empty on the laptop. */
  readonly log: string;
}

/** How a workflow that published has ended its job. */
export const publishedOutcome = z.enum(['SUCCEEDED', 'PARTIAL', 'FAILED', 'CANCELLED']);

/** The workflow's output: a compact summary for whoever reads the console. */
export interface PublishedJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly outcome: z.infer<typeof publishedOutcome>;
  readonly cases: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Code of a job without a single result; empty otherwise. */
  readonly code: string;
  /** With the address of `log`, for the cause of the execution. */
  readonly message: string;
  readonly manifestKey: string;
  /** Empty when there is a ZIP per case only. */
  readonly zipKey: string;
  readonly seconds: number;
  /**
   * Address of what the worker of the first shard that failed has logged, or of what all workers of the job have where
   * cases failed and no shard did. Empty when none failed or none was to run, and on the laptop.
   */
  readonly log: string;
}

/** Input of FailJob. */
export const failJobInput = z.object({
  jobId,
  attempt,
  failure: caughtFailure.extend({
    /** Whether a worker of the workflow's own is to blame; executions of an older workflow do not say so. */
    ofWorker: z.literal(true).exactOptional(),
  }),
});
/** Answer of FailJob: error name and cause of the execution. */
export interface FailedJob {
  readonly jobId: string;
  readonly attempt: number;
  readonly code: string;
  /** With the address of what a worker logged, where it was one that failed. */
  readonly message: string;
}

/** Names of the Task states that call a function of ours. */
export const FUNCTION_STATES = [
  'PrepareJob',
  'PlanUnpackedCases',
  'RecordShardFailure',
  'PublishResults',
  'ConfirmResults',
  'FailJob',
] as const;
export type FunctionState = (typeof FUNCTION_STATES)[number];

/** Names of the Task states that run a worker. */
export const WORKER_STATES = ['UnpackArchive', 'RunShard', 'PublishLargeResults'] as const;

/** Placeholders of the file; the laptop and CDK fill in all of them. */
export const WORKFLOW_PLACEHOLDERS = [
  'Partition',
  'JobsBucket',
  'PrepareJobFunctionArn',
  'RecordShardFailureFunctionArn',
  'PublishResultsFunctionArn',
  'FailJobFunctionArn',
  'InteractiveQueueArn',
  'BulkQueueArn',
  'CpuQueueArn',
  'WorkerJobDefinitionArn',
  'CpuJobDefinitionArn',
] as const;
