import { HpbError, WORKER_EXIT, type ErrorDocument } from '../core/errors.ts';
import { caseResultKey, type CaseId } from '../core/layout.ts';
import type { CaseProgress } from '../core/progress.ts';
import type { CaseResult, CaseTask, Shard } from '../core/shard.ts';
import type { WorkerPorts } from './case-context.ts';
import { caseError, cancelReason } from './case-error.ts';
import { ProgressTracker } from './case-progress.ts';
import { CaseRun, type CaseAttempt } from './case-run.ts';

/** How one case of a shard ended. */
export interface CaseOutcome {
  readonly caseId: CaseId;
  /** `skipped`: an earlier attempt has published the same result; its files are in `result`. */
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
  readonly error: ErrorDocument | null;
  /** result.json as it stands in the store; null when the case was never begun or it could not be written. */
  readonly result: CaseResult | null;
  /** What the input check found worth saying of a CT that it let pass. */
  readonly warnings: readonly ErrorDocument[];
}

/** What the owner of a worker hears and may say while it runs. */
export interface ShardHooks {
  /** Aborted: no case is begun any more; the one that runs is finished. */
  readonly drain?: AbortSignal;
  /** Aborted: the one that runs ends too. Its reason, when an `HpbError`, is the error of the cases not finished. */
  readonly cancel?: AbortSignal;
  readonly onProgress?: (progress: CaseProgress) => void;
  readonly onCase?: (outcome: CaseOutcome) => void;
  /** Name of a case as its owner knows it, for meta.json; default: the case id. */
  readonly caseName?: (caseId: CaseId) => string;
}

/** How a shard ended. */
export interface ShardOutcome {
  /** One per case, in the order of the shard. */
  readonly cases: readonly CaseOutcome[];
  /** For the process that ran it, see `WORKER_EXIT`. */
  readonly exitCode: number;
}

/**
 * Runs the cases of a shard one after the other. A case that fails does not stop the others; every case that was
 * begun gets its result.json, last of all its files. Never throws. The engine stays as it is, warm or dead: stopping
 * it is up to the owner of the ports.
 */
export async function runShard(
  shard: Shard,
  ports: WorkerPorts,
  hooks: ShardHooks = {},
): Promise<ShardOutcome> {
  ports.log.info('worker:start', { jobId: shard.jobId, attempt: shard.attempt, cases: shard.cases.length });
  const run = new ShardRun(shard, ports, hooks);
  const outcome = await run.run();
  const failed = outcome.cases.filter((one) => one.outcome === 'failed').length;
  ports.log.info('worker:end', { jobId: shard.jobId, failed, exitCode: outcome.exitCode });
  return outcome;
}

class ShardRun {
  readonly #shard: Shard;
  readonly #ports: WorkerPorts;
  readonly #hooks: ShardHooks;
  readonly #cancel: AbortSignal;
  #deviceFaults = 0;
  #storeBroken = false;

  constructor(shard: Shard, ports: WorkerPorts, hooks: ShardHooks) {
    this.#shard = shard;
    this.#ports = ports;
    this.#hooks = hooks;
    this.#cancel = hooks.cancel ?? new AbortController().signal;
  }

  async run(): Promise<ShardOutcome> {
    const cases: CaseOutcome[] = [];
    for (const task of this.#shard.cases) {
      const stop = this.#stopReason();
      const outcome = stop === null ? await this.#case(task) : notBegun(task, stop);
      cases.push(outcome);
      this.#hooks.onCase?.(outcome);
    }
    return { cases, exitCode: this.#exitCode(cases) };
  }

  /** Why no further case is begun; null to go on. */
  #stopReason(): HpbError | null {
    const { drain } = this.#hooks;
    if (this.#cancel.aborted) return cancelReason(this.#cancel);
    if (drain?.aborted) return cancelReason(drain);
    return this.#deviceFaults > 1 ? deviceLost() : null;
  }

  async #case(task: CaseTask): Promise<CaseOutcome> {
    const { log, engine } = this.#ports;
    const caseId = task.caseId;
    log.info('case:start', { caseId, models: task.models.join(',') });
    let attempt = await this.#attempt(task);
    if (isDeviceFault(attempt) && ++this.#deviceFaults === 1) {
      // A CUDA context is broken for good after a fault: a new process may find the device well.
      log.warn('engine:kill', { reason: 'DEVICE_FAULT' });
      await engine.stop();
      attempt = await this.#attempt(task);
      // A card that has fallen off its bus is not even seen any more.
      if (isDeviceFault(attempt) || attempt.error?.code === 'DEVICE_UNAVAILABLE') this.#deviceFaults += 1;
    }
    const outcome = await this.#settle(caseId, attempt);
    await this.#ports.meter?.caseEnded(task.models, outcome, attempt.result.seconds);
    return outcome;
  }

  async #attempt(task: CaseTask): Promise<CaseAttempt> {
    const { clock, store } = this.#ports;
    const { onProgress = () => undefined, caseName } = this.#hooks;
    const { models, options } = task;
    const caseId = task.caseId;
    const ids = { jobId: this.#shard.jobId, caseId };
    const run = new CaseRun({
      ...ids,
      ports: this.#ports,
      attempt: this.#shard.attempt,
      task,
      progress: new ProgressTracker({ ...ids, models, options, clock, store, onProgress }),
      cancel: this.#cancel,
      name: caseName?.(caseId) ?? caseId,
    });
    return run.run();
  }

  /** Writes result.json and says how the case ended. */
  async #settle(caseId: CaseId, { outcome, error, result, warnings }: CaseAttempt): Promise<CaseOutcome> {
    const { log, store } = this.#ports;
    const document = error?.toDocument() ?? null;
    if (outcome === 'skipped') {
      log.info('case:skipped', { caseId });
      return { caseId, outcome, error: null, result, warnings };
    }
    try {
      await store.put(caseResultKey(this.#shard.jobId, caseId), JSON.stringify(result, null, 2));
    } catch (thrown) {
      this.#storeBroken = true;
      const unwritten = caseError(thrown, this.#cancel);
      log.error('case:failed', { caseId, code: unwritten.code, resultWritten: false });
      // What ended the case says more than that its record could not be written.
      return { caseId, outcome: 'failed', error: document ?? unwritten.toDocument(), result: null, warnings };
    }
    const { seconds } = result;
    if (error === null) log.info('case:succeeded', { caseId, seconds });
    else log.error('case:failed', { caseId, code: error.code, message: error.message, seconds });
    return { caseId, outcome, error: document, result, warnings };
  }

  #exitCode(cases: readonly CaseOutcome[]): number {
    const { drain } = this.#hooks;
    if (this.#storeBroken) return WORKER_EXIT.unexpected;
    if (this.#deviceFaults > 1) return WORKER_EXIT.deviceFault;
    const stopped = this.#cancel.aborted || drain?.aborted === true;
    const unfinished = cases.some(
      ({ error }) => error?.code === 'INTERRUPTED' || error?.code === 'CANCELLED',
    );
    return stopped && unfinished ? WORKER_EXIT.interrupted : WORKER_EXIT.done;
  }
}

const isDeviceFault = ({ error }: CaseAttempt): boolean => error?.code === 'DEVICE_FAULT';

function notBegun(task: CaseTask, error: HpbError): CaseOutcome {
  const caseId = task.caseId;
  return { caseId, outcome: 'failed', error: error.toDocument(), result: null, warnings: [] };
}

function deviceLost(): HpbError {
  return new HpbError('INTERRUPTED', 'The case was not begun: the device failed twice on earlier ones.', {
    remedy: 'Run the job again on another machine; look at the driver log of this one.',
  });
}
