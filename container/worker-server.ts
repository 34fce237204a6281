import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { asHpbError, HpbError, WORKER_EXIT } from '../core/errors.ts';
import type { Log } from '../core/ports.ts';
import { parseTask, type WorkerTask } from './worker-arguments.ts';
import { interrupted } from './worker-signals.ts';

/** Signals under which a task runs. */
export interface TaskSignals {
  /** Aborted: no case is begun any more. */
  readonly drain: AbortSignal;
  /** Aborted: the case that runs ends too. */
  readonly cancel: AbortSignal;
}

/** A worker that takes task after task. */
export interface WorkerServerOptions {
  /** Lines `{"op":"run","id","args"}` and `{"op":"cancel","id"}`; its end is the end of the worker's owner. */
  readonly input: Readable;
  /** Gets lines `{"event":"worker:done","id","exitCode"}`, newline included. */
  readonly write: (line: string) => void;
  readonly log: Log;
  /** Of the process: no task is begun any more once `drain` is aborted. */
  readonly signals: TaskSignals;
  /** Runs a task and gives its exit code. */
  readonly run: (task: WorkerTask, signals: TaskSignals) => Promise<number>;
  /** Called when there was nothing to do for so long, s. */
  readonly idleSeconds: number;
  readonly onIdle: () => Promise<void>;
  /** Called when `input` has ended; what runs is told to end as well. */
  readonly onOwnerGone?: () => void;
}

const request = z.discriminatedUnion('op', [
  z.object({ op: z.literal('run'), id: z.string(), args: z.array(z.string()) }),
  z.object({ op: z.literal('cancel'), id: z.string() }),
]);
type RunRequest = Extract<z.infer<typeof request>, { op: 'run' }>;

/** Runs what is asked for on `input`, one task at a time, until that ends or the process is told to stop. */
export async function serveWorker(options: WorkerServerOptions): Promise<void> {
  const server = new WorkerServer(options);
  await server.serve();
}

class WorkerServer {
  readonly #options: WorkerServerOptions;
  readonly #ownerGone = new AbortController();
  /** Of tasks that are waiting or running. */
  readonly #cancels = new Map<string, AbortController>();
  #work: Promise<void> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;

  constructor(options: WorkerServerOptions) {
    this.#options = options;
  }

  async serve(): Promise<void> {
    const { input, signals } = this.#options;
    const lines = createInterface({ input });
    lines.on('line', (line) => this.#take(line));
    await new Promise<void>((resolve) => {
      lines.once('close', () => {
        this.#ownerGone.abort(interrupted());
        this.#options.onOwnerGone?.();
        resolve();
      });
      signals.drain.addEventListener('abort', () => resolve(), { once: true });
      if (signals.drain.aborted) resolve();
    });
    await this.#work;
    clearTimeout(this.#idle);
    lines.close();
    input.destroy();
  }

  #take(line: string): void {
    const asked = request.safeParse(parseJson(line));
    if (!asked.success) {
      this.#options.log.warn('worker:request-refused', { reason: asked.error.issues[0]!.message });
      return;
    }
    if (asked.data.op === 'cancel') {
      this.#cancels.get(asked.data.id)?.abort(cancelled());
      return;
    }
    const run = asked.data;
    const cancel = new AbortController();
    this.#cancels.set(run.id, cancel);
    this.#work = this.#work.then(() => this.#run(run, cancel.signal));
  }

  async #run({ id, args }: RunRequest, asked: AbortSignal): Promise<void> {
    const { signals, run, write, log } = this.#options;
    clearTimeout(this.#idle);
    const gone = this.#ownerGone.signal;
    let exitCode: number;
    try {
      exitCode = await run(parseTask(args), {
        drain: AbortSignal.any([signals.drain, gone, asked]),
        cancel: AbortSignal.any([signals.cancel, gone, asked]),
      });
    } catch (thrown) {
      exitCode = reportEnd(log, thrown);
    }
    this.#cancels.delete(id);
    write(`${JSON.stringify({ event: 'worker:done', id, exitCode })}\n`);
    if (this.#cancels.size === 0) this.#startIdling();
  }

  #startIdling(): void {
    const { idleSeconds, onIdle } = this.#options;
    const idle = setTimeout(() => {
      // A task that comes meanwhile waits until the engine is gone, and starts another.
      this.#work = this.#work.then(onIdle);
    }, idleSeconds * 1000);
    this.#idle = idle.unref();
  }
}

/** Logs what ended a task that could not be run and gives the exit code for it. */
export function reportEnd(log: Log, thrown: unknown): number {
  const { code, message, remedy, details } = asHpbError(thrown);
  log.error('worker:end', { code, message, remedy });
  if (code === 'SHARD_UNREADABLE') return WORKER_EXIT.shardUnreadable;
  // A card that is broken or taken: another machine may do.
  if (code === 'DEVICE_FAULT' || details['elsewhere'] === true) return WORKER_EXIT.deviceFault;
  // A store that does not answer may do so in a moment.
  const passes = code === 'INTERRUPTED' || code === 'STORE_UNAVAILABLE';
  return passes ? WORKER_EXIT.interrupted : WORKER_EXIT.unexpected;
}

function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'The case was cancelled before it was finished.', {
    remedy: 'Retry the job to run what was not finished.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
