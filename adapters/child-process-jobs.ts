import { randomUUID } from 'node:crypto';
import { HpbError } from '../core/errors.ts';
import type { JobFacts, Jobs, JobSpec } from '../core/ports.ts';
import { isWorkerRetried, WORKER_MAX_ATTEMPTS } from '../core/worker-retry.ts';
import type { HostCommand } from './host-process.ts';
import { JobLogs } from './job-logs.ts';
import { WorkerSlot, type AttemptEnd, type WorkerGrace } from './worker-slot.ts';

/** What jobs run on. */
export interface ChildProcessJobsOptions {
  /** Starts `container/main.ts --serve` with the whole environment of the worker. */
  readonly worker: HostCommand;
  /** One worker with an engine for each: the environment that gives it its GPU. At least one. */
  readonly slots: readonly Readonly<Record<string, string>>[];
  /** Folder of the logs, a file per job. */
  readonly logFolder: string;
  readonly grace?: Partial<WorkerGrace>;
}

/** A job from its submit to its end. */
interface Job {
  readonly ref: string;
  readonly spec: JobSpec;
  readonly stop: AbortController;
  readonly ended: Promise<JobFacts>;
  readonly end: (facts: JobFacts) => void;
  facts: JobFacts;
}

/** Workers of one kind, and the jobs that wait for one. */
interface Pool {
  readonly free: WorkerSlot[];
  readonly waiting: Job[];
}

const GRACE: WorkerGrace = { cancelMs: 3_000, timeoutMs: 10_000, closeMs: 4_000 };
/** Ended jobs that are remembered. */
const REMEMBERED = 1_000;

/**
 * Jobs as child processes of this one: a worker per GPU, or one, that keeps its engine warm from job to job, and one
 * more for jobs without a GPU. Interactive jobs come before bulk ones, else first come, first served. Workers end with
 * this process, however it ends.
 */
export class ChildProcessJobs implements Jobs {
  readonly #logs: JobLogs;
  readonly #slots: readonly WorkerSlot[];
  readonly #gpu: Pool;
  readonly #cpu: Pool;
  readonly #jobs = new Map<string, Job>();
  #closed = false;

  constructor({ worker, slots, logFolder, grace }: ChildProcessJobsOptions) {
    this.#logs = new JobLogs(logFolder);
    const slot = (more: Readonly<Record<string, string>>): WorkerSlot =>
      new WorkerSlot({ ...worker, environment: { ...worker.environment, ...more } }, { ...GRACE, ...grace });
    this.#gpu = { free: slots.map(slot), waiting: [] };
    this.#cpu = { free: [slot({})], waiting: [] };
    this.#slots = [...this.#gpu.free, ...this.#cpu.free];
  }

  /** @throws HpbError INTERRUPTED after `close`. */
  async submit(spec: JobSpec): Promise<string> {
    if (this.#closed) throw closedError();
    if (!/^[\w-]{1,128}$/.test(spec.name)) throw badName(spec.name);
    const job = newJob(spec, this.#logs.pathOf(spec.name));
    this.#jobs.set(job.ref, job);
    const pool = this.#poolOf(spec);
    const behind = pool.waiting.findIndex((other) => other.spec.priority > spec.priority);
    pool.waiting.splice(behind === -1 ? pool.waiting.length : behind, 0, job);
    this.#dispatch(pool);
    return job.ref;
  }

  /** @throws HpbError JOB_NOT_FOUND */
  async wait(ref: string, signal?: AbortSignal): Promise<JobFacts> {
    const job = this.#jobs.get(ref);
    if (job === undefined) throw unknownJob(ref);
    const stop = (): void => this.#stop(job, 'its owner waits no longer');
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
    try {
      return await job.ended;
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async describe(ref: string): Promise<JobFacts | null> {
    return this.#jobs.get(ref)?.facts ?? null;
  }

  async terminate(ref: string, reason: string): Promise<void> {
    const job = this.#jobs.get(ref);
    if (job === undefined) return;
    this.#stop(job, reason);
    await job.ended;
  }

  async queuePosition(namePrefix: string): Promise<number | null> {
    for (const { waiting } of [this.#gpu, this.#cpu]) {
      const position = waiting.findIndex(({ spec }) => spec.name.startsWith(namePrefix));
      if (position !== -1) return position;
    }
    return null;
  }

  async logTail(namePrefix: string, lines: number): Promise<readonly string[]> {
    return this.#logs.tail(namePrefix, lines);
  }

  async removeLogs(namePrefix: string): Promise<void> {
    this.#logs.remove(namePrefix);
  }

  /** Ends all jobs and workers, engines included; afterwards nothing can be submitted. */
  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) this.#stop(job, 'the service ends');
    await Promise.all([...jobs.map(({ ended }) => ended), ...this.#slots.map((slot) => slot.close())]);
  }

  #poolOf({ gpu }: JobSpec): Pool {
    return gpu ? this.#gpu : this.#cpu;
  }

  #stop(job: Job, reason: string): void {
    if (isEnded(job.facts) || job.stop.signal.aborted) return;
    job.stop.abort(reason);
    const { waiting } = this.#poolOf(job.spec);
    const at = waiting.indexOf(job);
    if (at === -1) return;
    waiting.splice(at, 1);
    this.#end(job, { status: 'FAILED', reason: terminated(job) });
  }

  #dispatch(pool: Pool): void {
    while (pool.free.length > 0 && pool.waiting.length > 0)
      void this.#occupy(pool, pool.free.shift()!, pool.waiting.shift()!);
  }

  async #occupy(pool: Pool, slot: WorkerSlot, job: Job): Promise<void> {
    await this.#run(slot, job);
    // The worker that is warm comes first again.
    pool.free.unshift(slot);
    if (!this.#closed) this.#dispatch(pool);
  }

  async #run(slot: WorkerSlot, job: Job): Promise<void> {
    const { ref, spec, stop } = job;
    for (let attempt = 1; ; attempt++) {
      job.facts = { ...job.facts, status: 'RUNNING', attempts: attempt };
      const end = await slot.attempt({
        id: `${ref}-${attempt}`,
        args: spec.command,
        timeoutSeconds: spec.timeoutSeconds,
        onLine: (line) => this.#logs.append(spec.name, line),
        stop: stop.signal,
      });
      const again = attempt < WORKER_MAX_ATTEMPTS && !stop.signal.aborted && !end.timedOut;
      if (again && end.exitCode !== 0 && isWorkerRetried(end)) continue;
      this.#end(job, { ...outcomeOf(job, end), exitCode: end.exitCode });
      return;
    }
  }

  #end(job: Job, last: Partial<JobFacts>): void {
    job.facts = { ...job.facts, ...last };
    this.#logs.close(job.spec.name);
    job.end(job.facts);
    const ended = [...this.#jobs.values()].filter(({ facts }) => isEnded(facts));
    for (const { ref } of ended.slice(0, Math.max(0, ended.length - REMEMBERED))) this.#jobs.delete(ref);
  }
}

const isEnded = ({ status }: JobFacts): boolean => status === 'SUCCEEDED' || status === 'FAILED';
const terminated = ({ stop }: Job): string => `Terminated: ${String(stop.signal.reason)}`;

function outcomeOf(job: Job, { exitCode, timedOut }: AttemptEnd): Pick<JobFacts, 'status' | 'reason'> {
  if (exitCode === 0 && !timedOut) return { status: 'SUCCEEDED', reason: null };
  if (job.stop.signal.aborted) return { status: 'FAILED', reason: terminated(job) };
  // In the words of Batch, which the workflow's functions read.
  if (timedOut) return { status: 'FAILED', reason: 'Job attempt duration exceeded timeout' };
  return { status: 'FAILED', reason: `The worker ended with exit code ${exitCode}` };
}

function newJob(spec: JobSpec, log: string): Job {
  const { promise: ended, resolve: end } = Promise.withResolvers<JobFacts>();
  const ref = randomUUID();
  const facts: JobFacts = {
    ref,
    name: spec.name,
    status: 'QUEUED',
    exitCode: null,
    reason: null,
    attempts: 0,
    log,
  };
  return { ref, spec, stop: new AbortController(), ended, end, facts };
}

function unknownJob(ref: string): HpbError {
  return new HpbError(
    'JOB_NOT_FOUND',
    `There is no worker job ${JSON.stringify(ref.slice(0, 80))}, or no longer.`,
    {
      remedy: 'Jobs of an earlier process are not known to this one: start the execution again.',
    },
  );
}

function badName(name: string): HpbError {
  return new HpbError('BAD_OPTION', `${JSON.stringify(name.slice(0, 140))} is no name for a worker job.`, {
    remedy: 'Use 1 to 128 letters, digits, dashes and underscores.',
  });
}

function closedError(): HpbError {
  return new HpbError('INTERRUPTED', 'The service is shutting down and takes no job.', {
    remedy: 'Start the service again, then the job.',
  });
}
