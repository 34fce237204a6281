/** What may go wrong: a row of the fault matrix. */
export const ROWS = [
  'server-kill',
  'server-term',
  'worker-kill',
  'worker-term',
  'engine-kill',
  'engine-term',
  'engine-hang',
  'mask-empty',
  'mask-wrong-shape',
  'input-truncated',
  'input-replaced',
  'input-deleted',
  'disk-full',
  'store-throttle',
  'store-500',
  'store-timeout',
  'store-slow',
  'event-duplicate',
  'event-late',
  'event-lost',
  'event-reordered',
  'spot-notice',
  'cancel',
  'timeout',
  'clock-jump',
  'two-servers',
  'out-of-memory',
] as const;
export type Row = (typeof ROWS)[number];

/** When it goes wrong: a column. `status`: the job has ended, its caller looks at it. */
export const COLUMNS = ['upload', 'prepare', 'fetch', 'segment', 'measure', 'publish', 'status'] as const;
export type Column = (typeof COLUMNS)[number];

/** How a job stands in the end, or what its caller is told instead of getting one. */
export interface Ending {
  /** Final state of the job; `REFUSED` when what was asked was refused and there is no job. */
  readonly state: 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'CANCELLED' | 'REFUSED';
  /** Of the job, or of the refusal; null when all is well. */
  readonly code: string | null;
  /** What the caller need not send, or the service need not do, again. */
  readonly kept: 'result' | 'upload' | 'nothing';
}

/** What came out of a cell. */
export interface Outcome extends Ending {
  /** From the fault to the end, s. */
  readonly seconds: number;
  /** Processes, scratch files, unfinished writes and locks that were still there afterwards. */
  readonly left: readonly string[];
  /** What more there is to say. */
  readonly note?: string;
}

/** One fault at one stage. */
export interface Cell {
  readonly row: Row;
  readonly column: Column;
  /** How it is brought about, in a few words. */
  readonly how: string;
  readonly expected: Ending;
  /** The end comes within so many seconds of the fault. */
  readonly boundSeconds: number;
  /** Whether it is part of every test run. */
  readonly fast: boolean;
  /** Brings the fault about. Throws when an invariant does not hold: a job lost or stuck, a wrong result. */
  readonly run: (cell: Cell) => Promise<Outcome>;
}

/** A pair that cannot come about. */
export interface Gap {
  readonly row: Row;
  readonly column: Column;
  readonly why: string;
}

/** Why a cell is red: in what it ended otherwise than it should; null for a green one. */
export function complaint(cell: Cell, outcome: Outcome): string | null {
  const [is, should] = [outcome, cell.expected].map(({ state, code, kept }) => `${state} ${code} ${kept}`);
  if (is !== should) return `ended ${is} and not ${should}`;
  if (outcome.seconds > cell.boundSeconds)
    return `took ${outcome.seconds.toFixed(1)} s of ${cell.boundSeconds} s`;
  return outcome.left.length > 0 ? `left ${outcome.left.join(', ')}` : null;
}

/** Cells of a row that do not apply for one and the same reason. */
export function gaps(row: Row, columns: readonly Column[], why: string): readonly Gap[] {
  return columns.map((column) => ({ row, column, why }));
}
