import type { Clock } from '../core/ports.ts';

/** One case's part of a machine. */
export interface CaseShare {
  /** The case waits for others: they have the machine. */
  pause(): void;
  /** It goes on, or begins. */
  resume(): void;
  /** Its part of the machine's time so far, s. */
  seconds(): number;
}

/**
 * Divides the time of a machine among the cases that work on it at the same time, each the same part: what they were
 * given together is the time in which any of them worked.
 */
export class MachineShare {
  readonly #clock: Pick<Clock, 'seconds'>;
  #working = 0;
  /** What a case was given that has worked since the beginning, s. */
  #given = 0;
  #at = 0;

  constructor(clock: Pick<Clock, 'seconds'>) {
    this.#clock = clock;
  }

  /** The share of a case that has not begun. */
  ofCase(): CaseShare {
    let ended = 0;
    let since: number | null = null;
    return {
      pause: () => {
        if (since === null) return;
        ended += this.#tick() - since;
        since = null;
        this.#working -= 1;
      },
      resume: () => {
        if (since !== null) return;
        since = this.#tick();
        this.#working += 1;
      },
      seconds: () => ended + (since === null ? 0 : this.#tick() - since),
    };
  }

  #tick(): number {
    const now = this.#clock.seconds();
    if (this.#working > 0) this.#given += (now - this.#at) / this.#working;
    this.#at = now;
    return this.#given;
  }
}
