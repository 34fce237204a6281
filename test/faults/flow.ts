import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ComputePool } from '../../adapters/compute-pool.ts';
import { UploadIntake } from '../../adapters/intake/upload-intake.ts';
import { LocalExecutions } from '../../adapters/local-executions.ts';
import type { WorkflowFunctions } from '../../adapters/local-states.ts';
import { randomIds } from '../../adapters/random-ids.ts';
import { StoreBundler } from '../../adapters/store-bundler.ts';
import { StoreJobIndex } from '../../adapters/store-job-index.ts';
import { systemClock } from '../../adapters/system.ts';
import { CallersNames } from '../../container/callers-names.ts';
import type { WorkerPorts } from '../../container/case-context.ts';
import { openScratch } from '../../container/scratch.ts';
import { parseTask } from '../../container/worker-arguments.ts';
import { reportEnd, type TaskSignals } from '../../container/worker-server.ts';
import { runTask } from '../../container/worker-task.ts';
import type { Engine } from '../../core/engine-port.ts';
import type { JobDocument } from '../../core/job.ts';
import { isFinal } from '../../core/job.ts';
import { executionName } from '../../core/layout.ts';
import type { JobFacts, Jobs, JobSpec, Log, LogFields, ObjectStore } from '../../core/ports.ts';
import { resumeJobs } from '../../core/use-cases/resume-jobs.ts';
import { DEFAULT_LIMITS, type ServicePorts } from '../../core/use-cases/service-ports.ts';
import { workflowFunctions } from '../../core/use-cases/workflow-functions.ts';
import { isWorkerRetried, WORKER_MAX_ATTEMPTS } from '../../core/worker-retry.ts';
import { FakeEngine } from '../fakes/fake-engine.ts';
import { MemoryObjectStore } from '../fakes/memory-object-store.ts';
import { MemorySignedLinks } from '../fakes/memory-signed-links.ts';
import type { Column } from './cell.ts';
import { faultyStore, type StoreCall } from './faulty-store.ts';

/** Threads of all flows; they keep no process alive. */
const COMPUTE = new ComputePool();
const NEVER = new AbortController().signal;

/** Which column the end of a stage begins. */
const AFTER: Readonly<Record<string, Column>> = {
  fetch: 'fetch',
  check: 'segment',
  segment: 'measure',
  measure: 'measure',
  mesh: 'measure',
  package: 'publish',
};

/** What a test may do to a flow. */
export interface FlowFaults {
  /** Asked at every call of the store, with the stage that the job is in. */
  readonly store?: (column: Column, method: keyof ObjectStore) => Pick<StoreCall, 'before' | 'after'> | null;
  /** Signals of the n-th start of a worker. */
  readonly signals?: (start: number) => TaskSignals;
  /** Hears that a job has come into a stage. */
  readonly onColumn?: (column: Column) => void;
  /** Takes the place of functions of the workflow. */
  readonly functions?: (functions: WorkflowFunctions) => Partial<WorkflowFunctions>;
  /** Around every start of a worker: may run it twice, or never. */
  readonly worker?: (run: () => Promise<number>, start: number) => Promise<number>;
  /** What Batch says of a worker that did not end well. Default: its exit code. */
  readonly reason?: string;
  /** Around the start of an execution: may lose it. */
  readonly start?: (start: () => Promise<void>) => Promise<void>;
  /** Memory of the machines as the intake knows it, and as the worker finds it, bytes. */
  readonly memory?: { readonly intake?: number; readonly worker?: () => number };
  /** What a worker has stored in an earlier flow of the same job: stored at once instead of working. */
  readonly replay?: ReadonlyMap<string, Uint8Array>;
}

/**
 * The whole service in this process, workers included: the real use cases, workflow, index, intake and worker over a
 * store in memory, with an engine without a network. Its store fails as a test says.
 */
export class Flow {
  readonly stored = new MemoryObjectStore();
  readonly store: ObjectStore;
  readonly ports: ServicePorts;
  readonly links = new MemorySignedLinks(this.stored);
  readonly engine: Engine;
  /** What the service does now. Set to `status` by the test when its job has ended. */
  column: Column = 'upload';
  /** Starts of workers so far. */
  starts = 0;
  readonly folder = mkdtempSync(join(tmpdir(), 'hpb-flow-'));
  readonly #faults: FlowFaults;
  readonly #executions: LocalExecutions;

  constructor(faults: FlowFaults = {}, engine: Engine = new FakeEngine()) {
    this.#faults = faults;
    this.engine = engine;
    this.stored.now = () => Date.now();
    this.store = faultyStore(this.stored, (method) => faults.store?.(this.column, method) ?? null);
    const unwired: Omit<ServicePorts, 'executions'> = {
      store: this.store,
      links: this.links,
      index: new StoreJobIndex(this.store, systemClock),
      jobs: { queuePosition: async () => null, logTail: async () => [] },
      intake: new UploadIntake({
        store: this.store,
        scratch: join(this.folder, 'intake'),
        ...(faults.memory?.intake !== undefined && { memoryBytes: faults.memory.intake }),
      }),
      bundler: new StoreBundler(this.store),
      metrics: { put: async () => undefined },
      ids: randomIds,
      clock: systemClock,
      log: quietLog(),
      limits: DEFAULT_LIMITS,
      admission: async () => undefined,
    };
    const executions: LocalExecutions = new LocalExecutions({
      store: this.stored,
      jobs: this.#workers(),
      functions: this.#functions(() => executions, unwired),
      retryDelayMs: 0,
    });
    this.#executions = executions;
    const { start = (go: () => Promise<void>) => go() } = faults;
    this.ports = {
      ...unwired,
      executions: {
        start: (name, input) => start(() => executions.start(name, input)),
        stop: (name, reason) => executions.stop(name, reason),
        describe: (name) => executions.describe(name),
      },
    };
  }

  /** The job once its execution has ended and what is to be put right has been. Throws when it is not final then. */
  async ended(jobId: JobDocument['jobId'], attempt = 1): Promise<JobDocument> {
    await this.executionEnded(jobId, attempt);
    this.column = 'status';
    // What a home does every minute, or hour.
    await resumeJobs(this.ports).catch(() => resumeJobs(this.ports));
    const job = await this.jobNow(jobId);
    if (job === null || !isFinal(job.state)) throw new Error(`stuck: the job stands at ${job?.state}`);
    return job;
  }

  /** The document of a job, as it is stored. */
  jobNow(jobId: JobDocument['jobId']): Promise<JobDocument | null> {
    return new StoreJobIndex(this.stored, systemClock).get(jobId);
  }

  /** Waits for the end of an execution. */
  async executionEnded(jobId: JobDocument['jobId'], attempt = 1): Promise<void> {
    for (const end = performance.now() + 30_000; ; await sleep(5)) {
      const execution = await this.#executions.describe(executionName(jobId, attempt));
      if (execution !== null && execution.status !== 'RUNNING') return;
      if (performance.now() > end) throw new Error('the execution does not end');
    }
  }

  async close(): Promise<void> {
    await this.#executions.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What the workers have stored of the cases. */
  storedCases(): ReadonlyMap<string, Uint8Array> {
    const keys = this.stored
      .keys()
      .filter((key) => /\/cases\/c\d+\//.test(key) && !key.endsWith('input.nii.gz'));
    return new Map(keys.map((key) => [key, this.stored.objects.get(key)!.body]));
  }

  /** Files that the workers have left in their scratch. */
  scratchFiles(): readonly string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath !== this.folder)
      .map(({ name }) => name);
  }

  #enter(column: Column): void {
    this.column = column;
    this.#faults.onColumn?.(column);
  }

  #functions(
    executions: () => LocalExecutions,
    ports: Omit<ServicePorts, 'executions'>,
  ): ReturnType<typeof workflowFunctions> {
    const functions = workflowFunctions({
      ...ports,
      get executions() {
        return executions();
      },
    });
    const inColumn =
      (column: Column, run: (payload: unknown) => Promise<unknown>) =>
      async (payload: unknown): Promise<unknown> => {
        this.#enter(column);
        return run(payload);
      };
    const own = {
      ...functions,
      PrepareJob: inColumn('prepare', functions.PrepareJob),
      PublishResults: inColumn('publish', functions.PublishResults),
    };
    return { ...own, ...this.#faults.functions?.(own) } as typeof own;
  }

  #workers(): Jobs {
    const specs = new Map<string, JobSpec>();
    return {
      submit: async (spec) => {
        specs.set(spec.name, spec);
        return spec.name;
      },
      wait: (ref) => this.#runWorker(specs.get(ref)!),
      describe: async () => null,
      terminate: async () => undefined,
      queuePosition: async () => null,
      logTail: async () => [],
    };
  }

  /** As Batch runs a job: again where its exit code is worth it. */
  async #runWorker(spec: JobSpec): Promise<JobFacts> {
    const facts = { ref: spec.name, name: spec.name, log: null } as const;
    for (let attempts = 1; ; attempts += 1) {
      const run = (): Promise<number> => this.#attempt(spec);
      const exitCode = await (this.#faults.worker?.(run, attempts) ?? run());
      if (exitCode === 0) return { ...facts, status: 'SUCCEEDED', exitCode, reason: null, attempts };
      if (attempts < WORKER_MAX_ATTEMPTS && isWorkerRetried({ exitCode })) continue;
      return {
        ...facts,
        status: 'FAILED',
        exitCode,
        reason: this.#faults.reason ?? `exit code ${exitCode}`,
        attempts,
      };
    }
  }

  async #attempt(spec: JobSpec): Promise<number> {
    this.starts += 1;
    this.#enter('fetch');
    const { replay } = this.#faults;
    if (replay !== undefined) {
      for (const [key, body] of replay) await this.stored.put(key, body);
      return 0;
    }
    const log = this.#workerLog();
    const signals = this.#faults.signals?.(this.starts) ?? { drain: NEVER, cancel: NEVER };
    const roots = join(this.folder, `worker-${this.starts}`);
    const scratch = await openScratch({ in: roots, out: roots }, log);
    let seconds = 0;
    const worker: WorkerPorts = {
      store: this.store,
      engine: this.engine,
      compute: COMPUTE,
      weights: { locate: async () => WEIGHTS },
      // So that every stage has progress to write.
      clock: { now: () => Date.now(), seconds: () => (seconds += 2) },
      log,
      scratch,
      memoryPresent: async () => this.#faults.memory?.worker?.() ?? 2 ** 36,
      serviceVersion: '0.0.0-test',
      keepIntermediate: false,
      signer: null,
      imageDigest: null,
      previews: false,
      meshFormat: null,
    };
    const { ports } = this;
    try {
      const task = parseTask(spec.command);
      return await runTask(
        task,
        { worker, names: new CallersNames(worker), service: ports, metrics: ports.metrics },
        signals,
      );
    } catch (thrown) {
      return reportEnd(log, thrown);
    } finally {
      await scratch.close(false);
    }
  }

  #workerLog(): Log {
    const hear = (event: string, fields: LogFields = {}): void => {
      if (event !== 'case:stage' || fields['model'] !== undefined) return;
      this.#enter(AFTER[String(fields['stage'])] ?? 'publish');
    };
    return { debug: hear, info: hear, warn: hear, error: hear };
  }
}

const WEIGHTS: Awaited<ReturnType<WorkerPorts['weights']['locate']>> = {
  location: { nnunetV1ModelFolder: '/weights/v1', totalSegmentatorRoot: '/weights/totalseg' },
  used: [{ id: 'ts297', demo: false, files: [{ name: 'plans.json', sha256: 'a'.repeat(64) }] }],
};

function quietLog(): Log {
  const nothing = (): void => undefined;
  return { debug: nothing, info: nothing, warn: nothing, error: nothing };
}
