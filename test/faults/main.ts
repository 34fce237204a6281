/**
 * The fault matrix: brings about every fault of test/faults/matrix.ts at every stage, and says what became of the job.
 * A whole run writes docs/reference/fault-matrix.md. Exit code 1 when a cell is red, or a pair is neither tested nor
 * has a reason.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { COLUMNS, complaint, ROWS, type Cell, type Outcome } from './cell.ts';
import { CELLS, GAPS, unsettled } from './matrix.ts';
import { matrixPage } from './page.ts';
import { runCell, runCells, type CellReport } from './run-cells.ts';
import { EVERYWHERE, MUTANTS } from './substitutions.ts';

const HELP = `npm run faults -- [options]

  --rows a,b       these rows only            --columns a,b    these columns only
  --fast           those of every test run    --at-once n      cells at the same time (default 2)
  --mutants        put in bugs, one at a time: each has to turn its cell red
  --list           name the cells and those that cannot come about, run nothing
  --json           one JSON line per cell instead of text
  --from file      what an earlier run has printed with --json: cells that were green there are not run again
`;
const ROOT = join(import.meta.dirname, '..', '..');
const PAGE = join(ROOT, 'docs', 'reference', 'fault-matrix.md');

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    columns: { type: 'string' },
    fast: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    from: { type: 'string' },
    json: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '2' },
  },
});

/** Names that were asked for; throws for one that there is not. */
function asked(given: string | undefined, known: readonly string[]): ReadonlySet<string> {
  const names = given === undefined ? known : given.split(',');
  const odd = names.find((name) => !known.includes(name));
  if (odd !== undefined) throw new Error(`There is no "${odd}"; there are ${known.join(', ')}.`);
  return new Set(names);
}

function say({ cell, outcome, complaint: why }: CellReport): void {
  const { row, column } = cell;
  if (values.json) {
    console.log(JSON.stringify({ row, column, ...outcome, complaint: why }));
    return;
  }
  const { state = 'red', code = null, kept = '', seconds = 0 } = outcome ?? {};
  const mark = why === null ? '✓' : '✗';
  console.log([mark, row, column, state, code ?? '', kept, `${seconds.toFixed(1)} s`, why ?? ''].join(' '));
}

/** Green cells of an earlier run. */
function earlier(): readonly CellReport[] {
  if (values.from === undefined) return [];
  const lines = readFileSync(values.from, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'));
  const said = lines.map((line) => JSON.parse(line) as Partial<Outcome> & Pick<Cell, 'row' | 'column'>);
  return CELLS.flatMap((cell) => {
    const one = said.findLast(({ row, column }) => row === cell.row && column === cell.column);
    const outcome = one?.state === undefined ? null : (one as Outcome);
    return outcome === null || complaint(cell, outcome) !== null ? [] : [{ cell, outcome, complaint: null }];
  });
}

async function run(cells: readonly Cell[]): Promise<void> {
  const known = earlier().filter(({ cell }) => cells.includes(cell));
  const rest = cells.filter((cell) => !known.some((report) => report.cell === cell));
  const reports = [...known, ...(await runCells(rest, Number(values['at-once']), say))];
  const red = reports.filter((report) => report.complaint !== null).length;
  if (cells.length === CELLS.length) {
    writeFileSync(PAGE, matrixPage(reports, GAPS));
    execFileSync(join(ROOT, 'node_modules', '.bin', 'prettier'), ['--log-level', 'warn', '--write', PAGE]);
  }
  if (!values.json) console.log(`${reports.length} cells, ${red} red`);
  if (red > 0) process.exitCode = 1;
}

function list(cells: readonly Cell[]): void {
  for (const { row, column, how } of cells) console.log(`${row} ${column}: ${how}`);
  for (const { row, column, why } of GAPS) console.log(`${row} ${column} – ${why}`);
}

/** Every bug has to be seen by its cell, which is green without it. */
async function runMutants(): Promise<void> {
  for (const [name, { cell: pair, substitutions }] of Object.entries(MUTANTS)) {
    const cell = CELLS.find(({ row, column }) => `${row} ${column}` === pair)!;
    const without = await runCell(cell);
    EVERYWHERE.splice(0, Infinity, ...substitutions);
    const mutated = await runCell(cell);
    EVERYWHERE.length = 0;
    const isSeen = without.complaint === null && mutated.complaint !== null;
    const seen = `${isSeen ? 'seen' : 'NOT SEEN'} by ${pair}`;
    console.log(
      `${name}: ${seen}; without: ${without.complaint ?? 'green'}; with: ${mutated.complaint ?? 'green'}`,
    );
    if (!isSeen) process.exitCode = 1;
  }
}

if (values.help) console.log(HELP);
else {
  const [rows, columns] = [asked(values.rows, ROWS), asked(values.columns, COLUMNS)];
  const cells = CELLS.filter(
    ({ row, column, fast }) => rows.has(row) && columns.has(column) && (fast || !values.fast),
  );
  for (const pair of unsettled()) {
    console.error(`neither tested nor given a reason, or both: ${pair}`);
    process.exitCode = 1;
  }
  if (values.list) list(cells);
  else if (values.mutants) await runMutants();
  else await run(cells);
}
