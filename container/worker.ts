import { HpbError, WORKER_EXIT, type ErrorDocument } from '../core/errors.ts';
import { caseProgressKey, caseResultKey, type CaseId } from '../core/layout.ts';
import type { CaseProgress } from '../core/progress.ts';
import type { CaseResult, CaseTask, Shard } from '../core/shard.ts';
import type { WorkerPorts } from './case-context.ts';
import { caseError, cancelReason } from './case-error.ts';
import { ProgressTracker } from './case-progress.ts';
import type { CaseLanes } from './case-lanes.ts';
import { CaseRun, type CaseAttempt } from './case-run.ts';
import { EngineTurns } from './engine-turns.ts';
import { MachineShare } from './machine-share.ts';
import { MemoryBudget } from './memory-budget.ts';
import { Turns } from './turns.ts';

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
  /** Aborted: no case is given to the engine any more; the one it has is finished, and those after it. */
  readonly drain?: AbortSignal;
  /** Aborted: all that run end too. Its reason, when an `HpbError`, is the error of the cases not finished. */
  readonly cancel?: AbortSignal;
  readonly onProgress?: (progress: CaseProgress) => void;
  /** Called as cases end, which is not always their order. */
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
 * Runs the cases of a shard: while the engine works on one, the next is fetched and checked, and those before are
 * measured, packed and published, as far as memory allows. A case that fails does not stop the others; every case that
 * the engine has begun with gets its result.json, last of all its files. Never throws. The engine stays as it is, warm
 * or dead: stopping it is up to the owner of the ports.
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

/**
 * Cases that are measured, packed and published at a time: a slow one does not keep the engine waiting. Small ones wait
 * for disk and threads most of that time.
 */
const FINISHED_AT_ONCE = { large: 2, small: 3 } as const;

class ShardRun {
  readonly #shard: Shard;
  readonly #ports: WorkerPorts;
  readonly #hooks: ShardHooks;
  readonly #cancel: AbortSignal;
  /** One case at a time, from its start until the engine takes it: no more CTs wait in memory than the engine needs. */
  readonly #prepare = new Turns(1);
  readonly #lanes: CaseLanes;
  readonly #machine: MachineShare;
  /** Why a result could not be written. */
  #storeError: HpbError | null = null;

  constructor(shard: Shard, ports: WorkerPorts, hooks: ShardHooks) {
    this.#shard = shard;
    this.#ports = ports;
    this.#hooks = hooks;
    this.#cancel = hooks.cancel ?? new AbortController().signal;
    this.#machine = new MachineShare(ports.clock);
    this.#lanes = {
      engine: new EngineTurns(ports),
      finish: { large: new Turns(FINISHED_AT_ONCE.large), small: new Turns(FINISHED_AT_ONCE.small) },
      memory: new MemoryBudget(),
      stopped: () => this.#stopReason() !== null,
    };
  }

  async run(): Promise<ShardOutcome> {
    const running: Promise<CaseOutcome>[] = [];
    for (const task of this.#shard.cases) {
      const leave = await this.#prepare.take();
      running.push(this.#case(task, leave));
    }
    const cases = await Promise.all(running);
    return { cases, exitCode: this.#exitCode(cases) };
  }

  /** Why no further case is given to the engine; null to go on. */
  #stopReason(): HpbError | null {
    const { drain } = this.#hooks;
    if (this.#cancel.aborted) return cancelReason(this.#cancel);
    if (drain?.aborted) return cancelReason(drain);
    return this.#lanes.engine.lost ? deviceLost() : null;
  }

  /** @param prepared called when the next case may begin */
  async #case(task: CaseTask, prepared: () => void): Promise<CaseOutcome> {
    const stop = this.#stopReason();
    const outcome = stop === null ? await this.#begun(task, prepared) : notBegun(task, stop);
    prepared();
    this.#hooks.onCase?.(outcome);
    return outcome;
  }

  async #begun(task: CaseTask, prepared: () => void): Promise<CaseOutcome> {
    const { log, meter } = this.#ports;
    const caseId = task.caseId;
    log.info('case:start', { caseId, models: task.models.join(',') });
    const attempt = await this.#attempt(task, prepared);
    if (attempt === null) return this.#putBack(task);
    const outcome = await this.#settle(caseId, attempt);
    await meter?.caseEnded(task.models, outcome, attempt.machineSeconds);
    return outcome;
  }

  async #attempt(task: CaseTask, prepared: () => void): Promise<CaseAttempt | null> {
    const { clock, store } = this.#ports;
    const { onProgress = () => undefined, caseName } = this.#hooks;
    const { models, options } = task;
    const caseId = task.caseId;
    const ids = { jobId: this.#shard.jobId, caseId };
    const run = new CaseRun(
      {
        ...ids,
        ports: this.#ports,
        attempt: this.#shard.attempt,
        task,
        progress: new ProgressTracker({ ...ids, models, options, clock, store, onProgress }),
        cancel: this.#cancel,
        name: caseName?.(caseId) ?? caseId,
      },
      this.#lanes,
      this.#machine.ofCase(),
    );
    return run.run(prepared);
  }

  /** A case that was prepared for nothing is as if it had not been begun. */
  async #putBack(task: CaseTask): Promise<CaseOutcome> {
    const { log, store } = this.#ports;
    log.info('case:put-back', { caseId: task.caseId });
    await store.remove(caseProgressKey(this.#shard.jobId, task.caseId)).catch(() => undefined);
    return notBegun(task, this.#stopReason()!);
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
      const unwritten = caseError(thrown, this.#cancel);
      this.#storeError = unwritten;
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
    if (this.#storeError !== null)
      // Another attempt runs what has no result again, by when the store may answer.
      return this.#storeError.code === 'STORE_UNAVAILABLE' ? WORKER_EXIT.interrupted : WORKER_EXIT.unexpected;
    if (this.#lanes.engine.lost) return WORKER_EXIT.deviceFault;
    const stopped = this.#cancel.aborted || drain?.aborted === true;
    const unfinished = cases.some(
      ({ error }) => error?.code === 'INTERRUPTED' || error?.code === 'CANCELLED',
    );
    return stopped && unfinished ? WORKER_EXIT.interrupted : WORKER_EXIT.done;
  }
}

function notBegun(task: CaseTask, error: HpbError): CaseOutcome {
  const caseId = task.caseId;
  return { caseId, outcome: 'failed', error: error.toDocument(), result: null, warnings: [] };
}

function deviceLost(): HpbError {
  return new HpbError('INTERRUPTED', 'The case was not begun: the device failed twice on earlier ones.', {
    remedy: 'Run the job again on another machine; look at the driver log of this one.',
  });
}
