import type { Compute } from '../adapters/compute-pool.ts';
import type { CaseId, JobId } from '../core/layout.ts';
import type { Engine, Weights } from '../core/engine-port.ts';
import type { MeshFormat } from '../core/results/meshed-structures.ts';
import type { Clock, Log, ObjectStore } from '../core/ports.ts';
import type { Signer } from '../core/signer-port.ts';
import type { CaseTask } from '../core/shard.ts';
import type { ProgressTracker } from './case-progress.ts';
import type { CaseScratch, Scratch } from './scratch.ts';
import type { WorkerMeter } from './worker-meter.ts';

/** Everything outside that the worker uses. */
export interface WorkerPorts {
  readonly store: ObjectStore;
  readonly engine: Engine;
  readonly weights: Weights;
  /** For work that would hold up the main thread. */
  readonly compute: Compute;
  readonly clock: Clock;
  readonly log: Log;
  readonly scratch: Scratch;
  /** Memory that worker and engine may use together, bytes. */
  readonly memoryPresent: () => Promise<number>;
  /** `version` of package.json. */
  readonly serviceVersion: string;
  /** Leave the scratch folder of each case in place. */
  readonly keepIntermediate: boolean;
  /** Null: receipts are not signed. */
  readonly signer: Signer | null;
  /** Of the container this runs in; null where it runs in none. */
  readonly imageDigest: string | null;
  /** Format in which each mesh is written once more. */
  readonly meshFormat: MeshFormat | null;
  /** Make the previews that the page shows. */
  readonly previews: boolean;
  /** What stages, engines and cases took; without one, nobody asks. */
  readonly meter?: Pick<WorkerMeter, 'queued' | 'stage' | 'engineRun' | 'costOf' | 'caseEnded'>;
}

/** One case on its way through the stages. */
export interface CaseContext {
  readonly ports: WorkerPorts;
  readonly jobId: JobId;
  readonly caseId: CaseId;
  readonly attempt: number;
  readonly task: CaseTask;
  readonly scratch: CaseScratch;
  readonly progress: ProgressTracker;
  /** Aborted when the case is to end unfinished. */
  readonly cancel: AbortSignal;
  /** The case's part of the machine's time so far, s: other cases work on it meanwhile. */
  readonly machineSeconds: () => number;
  /** Name of the case for meta.json, which goes to the caller only. */
  readonly name: string;
}
