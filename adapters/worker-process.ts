import { WORKER_EXIT } from '../core/errors.ts';
import { HostProcess, type HostCommand } from './host-process.ts';
import { descendantGroups, killGroups } from './process-tree.ts';

/** What a worker process is asked to run. */
export interface WorkerRun {
  readonly id: string;
  /** Arguments of container/main.ts that name the task. */
  readonly args: readonly string[];
  readonly onLine: (line: string) => void;
}

interface Current extends WorkerRun {
  readonly resolve: (exitCode: number) => void;
}

/** Added to the number of a signal that ended a process, as shells do. */
const SIGNAL_EXIT = 128;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGSEGV: 11, SIGABRT: 6 };

/** One life of `container/main.ts --serve`: runs one task after another, its engine stays warm in between. */
export class WorkerProcess {
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  readonly #process: HostProcess;
  #current: Current | null = null;
  #alive = true;

  constructor(command: HostCommand) {
    this.#process = new HostProcess(command, {
      onLine: (line) => this.#receive(line),
      onErrorLine: (line) => this.#current?.onLine(line),
      onEndlessLine: (start) => this.#current?.onLine(start),
    });
    this.ended = this.#waitForEnd();
  }

  /** Whether it takes tasks. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Runs a task and gives its exit code; that of the process when it ends before the task. One at a time. */
  run(run: WorkerRun): Promise<number> {
    return new Promise((resolve) => {
      this.#current = { ...run, resolve };
      this.#process.send(JSON.stringify({ op: 'run', id: run.id, args: run.args }));
    });
  }

  /** Asks the worker to end a task early; the engine stays warm when it obeys. */
  cancel(id: string): void {
    this.#process.send(JSON.stringify({ op: 'cancel', id }));
  }

  /** Tells the worker to end after what runs, or soon; it takes no more tasks. */
  terminate(): void {
    this.#alive = false;
    try {
      if (this.#process.pid !== undefined) process.kill(this.#process.pid, 'SIGTERM');
    } catch {
      // It is gone.
    }
  }

  /** Closes the worker's stdin, as its owner's death would, and kills it with everything after the grace time. */
  async close(graceMs: number): Promise<void> {
    this.#alive = false;
    this.#process.endInput();
    const timer = setTimeout(() => void this.kill(), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Kills the worker with everything that it has started, the engine in its own group included. */
  async kill(): Promise<void> {
    this.#alive = false;
    // Looked up while the worker lives: afterwards its children are nobody's.
    const groups = this.#process.pid === undefined ? [] : descendantGroups(this.#process.pid);
    const gone = this.#process.kill();
    killGroups(groups);
    await gone;
    await this.ended;
  }

  async #waitForEnd(): Promise<void> {
    const { code, signal, startError } = await this.#process.exited;
    this.#alive = false;
    const current = this.#current;
    this.#current = null;
    if (startError !== null) current?.onLine(`The worker could not be started: ${startError}`);
    current?.resolve(exitCodeOf(code, signal));
  }

  #receive(line: string): void {
    const current = this.#current;
    const done = parseDone(line);
    if (done === null) {
      current?.onLine(line);
      return;
    }
    if (current === null || done.id !== current.id) return;
    this.#current = null;
    current.resolve(done.exitCode);
  }
}

/** A worker that ends well without having answered was told to stop before it took the task. */
function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code === null) return SIGNAL_EXIT + (SIGNAL_NUMBERS[signal ?? ''] ?? 0);
  return code === 0 ? WORKER_EXIT.interrupted : code;
}

/** The answer to a task among the lines of the log; null for any other line. */
function parseDone(line: string): { readonly id: string; readonly exitCode: number } | null {
  if (!line.includes('"worker:done"')) return null;
  try {
    const { event, id, exitCode } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (event !== 'worker:done' || typeof id !== 'string' || typeof exitCode !== 'number') return null;
    return { id, exitCode };
  } catch {
    return null;
  }
}
