import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { HpbError, type ErrorDocument } from '../core/errors.ts';
import type { ComputeInput, ComputeOutput, ComputeTask } from './compute-tasks.ts';

/** What a thread is asked. */
export interface ComputeOrder {
  readonly task: ComputeTask;
  readonly input: unknown;
}

/** What a thread says: what came out, or why nothing did. */
export type ComputeAnswer = { readonly output: unknown } | { readonly error: ErrorDocument };

/** Runs heavy work off the main thread. */
export type Compute = Pick<ComputePool, 'run'>;

interface Waiting {
  readonly order: ComputeOrder;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: HpbError) => void;
}

// The command as it is packed is JavaScript, its thread a file beside it.
const THREAD = import.meta.url.endsWith('.ts') ? './compute-worker.ts' : './compute-worker.js';

/**
 * Runs heavy work (`COMPUTE_TASKS`) in worker threads, so that all cores take part and the event loop stays free.
 * Threads start when they are needed, stay warm (a new one loads and compiles everything anew, half a second of a core),
 * and keep no process alive while they have nothing to do. What large work leaves they give back themselves.
 */
export class ComputePool {
  readonly #size: number;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #waiting: Waiting[] = [];

  /** @param size most threads at a time; default: one per core */
  constructor(size: number = availableParallelism()) {
    this.#size = size;
  }

  /**
   * Runs a task; more of them than threads wait for their turn, in order.
   *
   * @throws HpbError what the task throws; CANCELLED when `signal` is aborted, whose thread then ends at once;
   * UNEXPECTED when the thread dies or an answer cannot be carried over.
   */
  async run<T extends ComputeTask>(
    task: T,
    input: ComputeInput<T>,
    signal?: AbortSignal,
  ): Promise<ComputeOutput<T>> {
    const output = await new Promise((resolve, reject) => {
      this.#waiting.push({ order: { task, input }, signal, resolve, reject });
      this.#next();
    });
    return output as ComputeOutput<T>;
  }

  /** Starts threads ahead of their work: loading takes a core a tenth of a second, while files are still being read. */
  warm(threads: number): void {
    while (this.#all.size < Math.min(threads, this.#size)) {
      const thread = this.#start();
      thread.unref();
      this.#idle.push(thread);
    }
  }

  /** Ends all threads; work that has not ended is `CANCELLED`. The pool may be used again. */
  async close(): Promise<void> {
    for (const { reject } of this.#waiting.splice(0)) reject(cancelled());
    await Promise.all([...this.#all].map((thread) => thread.terminate()));
  }

  #next(): void {
    while (this.#waiting.length > 0 && (this.#idle.length > 0 || this.#all.size < this.#size)) {
      const waiting = this.#waiting.shift()!;
      if (waiting.signal?.aborted === true) waiting.reject(cancelled());
      else this.#give(waiting, this.#idle.pop() ?? this.#start());
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL(THREAD, import.meta.url));
    this.#all.add(thread);
    thread.once('exit', () => {
      this.#all.delete(thread);
      const at = this.#idle.indexOf(thread);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#next();
    });
    // An error while it works is told to who waits; `exit` follows it in any case.
    thread.on('error', () => undefined);
    return thread;
  }

  #give({ order, signal, resolve, reject }: Waiting, thread: Worker): void {
    const stop = (): void => void thread.terminate();
    const settled = (): void => {
      thread.off('message', onMessage).off('error', onError).off('exit', onExit).off('messageerror', onError);
      signal?.removeEventListener('abort', stop);
    };
    const onMessage = (answer: ComputeAnswer): void => {
      settled();
      thread.unref();
      this.#idle.push(thread);
      if ('error' in answer) reject(errorOf(answer.error));
      else resolve(answer.output);
      this.#next();
    };
    const onError = (error: Error): void => {
      settled();
      void thread.terminate();
      reject(threadDied(order.task, error));
    };
    const onExit = (): void => {
      settled();
      reject(cancelled());
    };
    thread.on('message', onMessage).on('error', onError).on('exit', onExit).on('messageerror', onError);
    signal?.addEventListener('abort', stop);
    thread.ref();
    try {
      thread.postMessage(order, []);
    } catch (error) {
      onError(error as Error);
    }
  }
}

const errorOf = ({ code, message, remedy, details }: ErrorDocument): HpbError =>
  new HpbError(code, message, { remedy, details });

function cancelled(): HpbError {
  return new HpbError('CANCELLED', 'The work was ended before it was done.', { remedy: 'Start it again.' });
}

function threadDied(task: ComputeTask, cause: Error): HpbError {
  return new HpbError('UNEXPECTED', `The thread of ${task} died: ${cause.message}`, {
    remedy: 'Give the process more memory, or report this together with the versions of `hpb doctor`.',
    cause,
  });
}
