import { complaint, type Cell, type Outcome } from './cell.ts';

/** A cell and what came of it. */
export interface CellReport {
  readonly cell: Cell;
  /** Null when an invariant did not hold. */
  readonly outcome: Outcome | null;
  /** Why it is red; null for a green one. */
  readonly complaint: string | null;
}

/** Runs a cell; never throws. */
export async function runCell(cell: Cell): Promise<CellReport> {
  try {
    const outcome = await cell.run(cell);
    return { cell, outcome, complaint: complaint(cell, outcome) };
  } catch (thrown) {
    return { cell, outcome: null, complaint: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/** Runs cells, so many at once, in their order; `onReport` hears of each as it ends. */
export async function runCells(
  cells: readonly Cell[],
  atOnce: number,
  onReport: (report: CellReport) => void,
): Promise<readonly CellReport[]> {
  const reports: CellReport[] = [];
  const waiting = [...cells.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const report = await runCell(next[1]);
      reports[next[0]] = report;
      onReport(report);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return reports;
}
