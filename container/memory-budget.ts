import { memoryNeededTogether, type CaseMemory } from '../core/models/case-memory.ts';
import { once, type Release } from './turns.ts';

interface Waiting {
  readonly need: CaseMemory;
  readonly presentBytes: number;
  readonly admit: (release: Release) => void;
}

/**
 * Keeps what the cases under way need together within the memory present. A case takes all that it will need at once,
 * before its CT is read, so that none that has begun ever waits for memory and the oldest always comes to its end.
 */
export class MemoryBudget {
  readonly #held = new Set<CaseMemory>();
  readonly #waiting: Waiting[] = [];

  /**
   * Waits until there is room for a case, first come, first served. One alone is let in whatever it needs: whether it
   * fits the machine is up to the input check.
   */
  async take(need: CaseMemory, presentBytes: number): Promise<Release> {
    return new Promise((admit) => {
      this.#waiting.push({ need: { ...need }, presentBytes, admit });
      this.#next();
    });
  }

  /** Bytes that the cases let in need together. */
  get bytes(): number {
    return memoryNeededTogether([...this.#held]);
  }

  #next(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next); next = this.#waiting[0]) {
      this.#waiting.shift();
      const { need, admit } = next;
      this.#held.add(need);
      admit(
        once(() => {
          this.#held.delete(need);
          this.#next();
        }),
      );
    }
  }

  #fits({ need, presentBytes }: Waiting): boolean {
    return this.#held.size === 0 || memoryNeededTogether([...this.#held, need]) <= presentBytes;
  }
}
