import type { HostCommand } from './host-process.ts';
import { WorkerProcess } from './worker-process.ts';

/** How long things may take, ms. */
export interface WorkerGrace {
  /** From the request to end a task to the kill of its worker. */
  readonly cancelMs: number;
  /** From the SIGTERM at the end of an attempt's time to the kill. */
  readonly timeoutMs: number;
  /** From the end of the service to the kill of its workers. */
  readonly closeMs: number;
}

/** One attempt of a job. */
export interface AttemptRequest {
  readonly id: string;
  readonly args: readonly string[];
  readonly timeoutSeconds: number;
  readonly onLine: (line: string) => void;
  /** Aborted: the job is to end early. */
  readonly stop: AbortSignal;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly exitCode: number;
  readonly timedOut: boolean;
}

/** A place where one worker runs at a time; the process stays for the next task unless it ended or was told to. */
export class WorkerSlot {
  readonly #command: HostCommand;
  readonly #grace: WorkerGrace;
  #worker: WorkerProcess | null = null;

  constructor(command: HostCommand, grace: WorkerGrace) {
    this.#command = command;
    this.#grace = grace;
  }

  async attempt({ id, args, timeoutSeconds, onLine, stop }: AttemptRequest): Promise<AttemptEnd> {
    const worker = await this.#ready();
    const { cancelMs, timeoutMs } = this.#grace;
    const timers: NodeJS.Timeout[] = [];
    let timedOut = false;
    const killAfter = (ms: number): void => void timers.push(setTimeout(() => void worker.kill(), ms));
    const cancel = (): void => {
      worker.cancel(id);
      killAfter(cancelMs);
    };
    timers.push(
      setTimeout(() => {
        timedOut = true;
        worker.terminate();
        killAfter(timeoutMs);
      }, timeoutSeconds * 1000),
    );
    const ended = worker.run({ id, args, onLine });
    if (stop.aborted) cancel();
    else stop.addEventListener('abort', cancel, { once: true });
    try {
      const exitCode = await ended;
      // A worker that was told to end takes its engine with it before the job counts as ended.
      if (!worker.alive) await worker.ended;
      return { exitCode, timedOut };
    } finally {
      stop.removeEventListener('abort', cancel);
      for (const timer of timers) clearTimeout(timer);
    }
  }

  /** Ends the worker, if there is one, with its engine. */
  async close(): Promise<void> {
    await this.#worker?.close(this.#grace.closeMs);
  }

  async #ready(): Promise<WorkerProcess> {
    if (this.#worker?.alive === true) return this.#worker;
    await this.#worker?.ended;
    this.#worker = new WorkerProcess(this.#command);
    return this.#worker;
  }
}
