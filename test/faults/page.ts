import { COLUMNS, ROWS, type Gap } from './cell.ts';
import type { CellReport } from './run-cells.ts';

const INTRO = `# Fault matrix

What happens to a job when something dies, hangs, fills up or lies, stage by stage: measured by \`npm run faults\`, which
writes this page and fails when a cell is not as it should be. Kill, hang and disk rows act on real processes started
as a user starts them, with the engine's place taken by the double of the tests; what became of the job is asked of the
API alone. Store, event, spot and memory rows drive the real use cases, functions, workflow and worker in one process,
over a store in memory that fails as S3 does. In every cell: no job is lost or stuck, no result is wrong (each mask is compared byte by byte with one made
without the service), nothing is left behind (processes, scratch, unfinished writes, locks), and the next job succeeds.

\`result\`: the job has its result. \`upload\`: a retry has succeeded without sending anything again. \`REFUSED\`: the
caller was told at once, and there is no job. Seconds are those of one run on a machine that did other things as well.
`;

/** The table of a run as Markdown. */
export function matrixPage(reports: readonly CellReport[], gaps: readonly Gap[]): string {
  const sections = ROWS.map((row) => {
    const lines = COLUMNS.flatMap((column) => {
      const report = reports.find(({ cell }) => cell.row === row && cell.column === column);
      if (report !== undefined) return [lineOf(report)];
      const gap = gaps.find((one) => one.row === row && one.column === column);
      return gap === undefined ? [] : [`| ${column} | – | | | | ${gap.why} |`];
    });
    return `## ${row}\n\n| stage | ends | code | s | kept | how |\n| --- | --- | --- | --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  const counts = `${reports.length} cells tested, ${gaps.length} that cannot come about, ${ROWS.length} rows.\n`;
  return [INTRO, counts, ...sections].join('\n');
}

function lineOf({ cell, outcome, complaint }: CellReport): string {
  if (outcome === null) return `| ${cell.column} | **red** | | | | ${cell.how}: ${complaint} |`;
  const { state, code, seconds, kept, note } = outcome;
  const told = note === undefined ? cell.how : `${cell.how} (${note})`;
  const how = complaint === null ? told : `${told}: **${complaint}**`;
  return `| ${cell.column} | ${state} | ${code ?? ''} | ${seconds.toFixed(1)} | ${kept} | ${how} |`;
}
