import type { JobDocument } from '../job.ts';
import type { ViewerPorts } from './publish-case.ts';
import type { ModelId, SegmentOptions } from '../models/catalogue.ts';
import { SIZE_TIERS } from '../plan.ts';
import type {
  Bundler,
  Clock,
  Executions,
  Ids,
  Intake,
  JobIndex,
  Jobs,
  Log,
  Metrics,
  ObjectStore,
  SignedLinks,
} from '../ports.ts';
import type { WorkerLogs } from './worker-log-address.ts';

/** Bounds of the service; `DEFAULT_LIMITS` says what holds unless a home decides otherwise. */
export interface ServiceLimits {
  readonly maxUploadBytes: number;
  /** Uploads of this size and above come in parts. */
  readonly multipartFromBytes: number;
  /** Least size of a part; larger when an upload would have more than 10,000 of them. At least 8 MiB. */
  readonly partBytes: number;
  /** Life of signed requests that upload, s. */
  readonly uploadSeconds: number;
  /** Life of signed requests that download, s. */
  readonly downloadSeconds: number;
  /** Jobs that are not final, at most. */
  readonly maxActiveJobs: number;
  /** Cases of an archive, at most. */
  readonly maxCases: number;
  /** Most that a job may cost by its estimate, USD; null: no limit. */
  readonly maxJobCostUsd: number | null;
  /** What an archive may unpack to. */
  readonly maxUnpackedBytes: number;
  /** Larger archives are unpacked by a worker. */
  readonly functionArchiveBytes: number;
  /** Larger results are put together by a worker. */
  readonly functionResultBytes: number;
  /** Beyond this there is no ZIP of all cases. */
  readonly maxZipBytes: number;
  /** Workers that run at once. */
  readonly slots: number;
  /** How many of them jobs of the bulk queue may take. */
  readonly bulkSlots: number;
  /** Cases of a shard, at most. */
  readonly shardCases: number;
  /** Estimated time of a shard of several cases, at most, s. */
  readonly shardSeconds: number;
  /** How long a job may wait for a machine, s. */
  readonly queueSeconds: number;
  /** Longest time one model may run on one case, s. */
  readonly modelTimeoutSeconds: number;
  /** How much slower than one T4 GPU the machines are that run the cases. */
  readonly slowness: number;
  /** Memory of the largest machine that runs cases. */
  readonly memoryBytes: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** What holds unless a home decides otherwise; the sizes for functions are those of a Lambda (15 min, 10 GB). */
export const DEFAULT_LIMITS: ServiceLimits = {
  maxUploadBytes: 500 * GIB,
  multipartFromBytes: 100_000_000,
  partBytes: 16 * MIB,
  uploadSeconds: 3_600,
  downloadSeconds: 900,
  maxActiveJobs: 1_000,
  maxCases: 1_000,
  maxJobCostUsd: null,
  maxUnpackedBytes: 1_000 * GIB,
  functionArchiveBytes: 2 * GIB,
  functionResultBytes: 2 * GIB,
  maxZipBytes: 50 * GIB,
  slots: 8,
  bulkSlots: 8,
  shardCases: 8,
  shardSeconds: 1_800,
  queueSeconds: 7_200,
  modelTimeoutSeconds: 1_800,
  slowness: 1,
  memoryBytes: SIZE_TIERS.at(-1)!.memoryMib * MIB,
};

/** Everything the use-cases of the service need from outside. */
export interface ServicePorts {
  readonly store: ObjectStore;
  readonly links: SignedLinks;
  readonly index: JobIndex;
  readonly executions: Executions;
  readonly jobs: Pick<Jobs, 'queuePosition' | 'logTail' | 'removeLogs'>;
  readonly intake: Intake;
  readonly bundler: Bundler;
  readonly metrics: Metrics;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ServiceLimits;
  /** Whether the home can take this on: throws `DISK_FULL`, `WEIGHTS_MISSING` when not. */
  readonly admission: (request: AdmissionRequest) => Promise<void>;
  /**
   * Told once when an attempt of a job has become final; what it throws is logged and fails nothing. Where the process
   * that ended the job has no such port, the next of the workflow that has it tells.
   */
  readonly onFinished?: (job: JobDocument) => Promise<void>;
  /** Whether jobs may ask to be published to a viewer. Default: no. */
  readonly hasViewer?: boolean;
  /** That viewer, for what publishes results. */
  readonly viewer?: () => Promise<ViewerPorts>;
  /**
   * Deletes for good what a store that keeps versions still has of what was deleted below a prefix; returns how many
   * versions that were. Absent where nothing is kept.
   */
  readonly eraseVersions?: (prefix: string) => Promise<number>;
  /** Where a console shows what workers log. Absent on the laptop. */
  readonly workerLogs?: WorkerLogs;
  /**
   * Whether workers and functions may still write for minutes after their execution was stopped: what is purged is then
   * marked for `purgeLeftOvers`. Default: no.
   */
  readonly workersLinger?: boolean;
}

/** What somebody wants to send, and what is to be run on it once that is known. */
export interface AdmissionRequest {
  readonly bytes: number;
  readonly work?: { readonly models: readonly ModelId[]; readonly options: SegmentOptions };
}

/** What the functions of the workflow use: they start nothing and sign nothing. */
export type WorkflowPorts = Omit<ServicePorts, 'executions' | 'links' | 'jobs' | 'ids' | 'admission'>;

/** What the links in answers begin with, and whether there are live events to link to. */
export interface AnswerLinks {
  readonly baseUrl: string;
  readonly events: boolean;
}
