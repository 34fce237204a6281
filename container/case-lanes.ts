import type { EngineTurns } from './engine-turns.ts';
import type { MemoryBudget } from './memory-budget.ts';
import type { Turns } from './turns.ts';

/** What the cases of a worker share and take in turns. */
export interface CaseLanes {
  readonly engine: EngineTurns;
  /** Measuring, packing, publishing: of cases whose volumes weigh, and of those that wait more than they hold. */
  readonly finish: Readonly<Record<'large' | 'small', Turns>>;
  readonly memory: MemoryBudget;
  /** Whether no case is given to the engine any more. */
  readonly stopped: () => boolean;
}
