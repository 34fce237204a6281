import { HpbError } from '../core/errors.ts';

/** Turns SIGTERM and SIGINT into `drain`, and into `cancel` when the drain time is over or at a second one. */
export class WorkerSignals {
  readonly #drain = new AbortController();
  readonly #cancel = new AbortController();
  readonly drain = this.#drain.signal;
  readonly cancel = this.#cancel.signal;
  #timer: NodeJS.Timeout | undefined;

  listen(drainSeconds: number, onDrain: (signal: NodeJS.Signals) => void): void {
    for (const name of ['SIGTERM', 'SIGINT'] as const)
      process.on(name, () => {
        if (this.drain.aborted) {
          this.#cancel.abort(interrupted());
          return;
        }
        onDrain(name);
        this.interrupt(drainSeconds);
      });
  }

  /** Begins the drain as a signal does; what runs may go on for `drainSeconds`. */
  interrupt(drainSeconds: number): void {
    if (this.drain.aborted) return;
    this.#drain.abort(interrupted());
    this.#timer = setTimeout(() => this.#cancel.abort(interrupted()), drainSeconds * 1000);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** Why a case ends unfinished when its worker is told to stop, or its owner is gone. */
export function interrupted(): HpbError {
  return new HpbError('INTERRUPTED', 'The worker was told to stop before the case was finished.', {
    remedy: 'Start the job again: cases that are finished are not run again.',
  });
}
