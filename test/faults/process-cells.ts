import { isAlive } from '../../adapters/process-identity.ts';
import { gaps, type Cell, type Column, type Ending, type Gap, type Row } from './cell.ts';
import { ctOf, type Drill } from './drill.ts';
import { kill, within } from './processes.ts';
import { onProcesses, type Fault } from './process-cell.ts';

export const WELL: Ending = { state: 'SUCCEEDED', code: null, kept: 'result' };
export const failed = (code: string): Ending => ({ state: 'FAILED', code, kept: 'upload' });
/** In which a worker has a part. */
export const WORKING = ['fetch', 'segment', 'measure', 'publish'] as const;
const ALL: readonly Column[] = ['upload', 'prepare', ...WORKING, 'status'];

interface RowOfCells {
  readonly row: Row;
  readonly how: string;
  readonly fault: Fault;
  readonly expected: Ending | Partial<Record<Column, Ending>>;
  readonly columns: readonly Column[];
  readonly boundSeconds: number;
  readonly fast?: readonly Column[];
}

/** One fault at several stages. */
export function cellsOf(given: RowOfCells): readonly Cell[] {
  const { row, how, fault, expected, columns, boundSeconds, fast = [] } = given;
  return columns.map((column) => ({
    row,
    column,
    how,
    expected: 'state' in expected ? expected : (expected[column] ?? WELL),
    boundSeconds,
    fast: fast.includes(column),
    run: onProcesses(fault),
  }));
}

/** Ends the server by a signal while the stage goes on, and starts it again on the same folder. */
const serverEnds = (signal: NodeJS.Signals): Fault => ({
  strike: async (drill, { release }) => {
    const ended = drill.service.stop(signal);
    await release();
    await ended;
  },
  release: async (drill) => {
    drill.engineDoes('ok');
    await drill.restart();
  },
});

const signalTo =
  (kind: 'worker' | 'engine', signal: NodeJS.Signals) =>
  async (drill: Drill): Promise<void> => {
    const pids = drill.processes(kind);
    if (pids.length === 0) throw new Error(`there is no ${kind} to strike`);
    for (const pid of pids) kill(pid, signal);
    // The next request must not meet what is about to die.
    if (signal === 'SIGKILL')
      await within(5, 'it is gone', () => pids.every((pid) => !isAlive({ pid, started: null })));
  };

/** The engine is warm from an earlier job. */
const warm = async (drill: Drill): Promise<void> => {
  await drill.ended((await drill.send(await ctOf(7))).jobId, 60);
};

/** Seconds that a model may take in drills in which the engine hangs. */
const MODEL_TIMEOUT = { HPB_MODEL_TIMEOUT_SECONDS: '2' } as const;
const NO_WORKER = 'no worker has a part in it: server and store alone do';
const NO_ENGINE = 'no engine has a part in it: server and store alone do';

export const PROCESS_CELLS: readonly Cell[] = [
  ...cellsOf({
    row: 'server-kill',
    how: 'SIGKILL to `hpb serve`, started again on the same folder',
    fault: serverEnds('SIGKILL'),
    expected: WELL,
    columns: ['upload', 'prepare', ...WORKING],
    boundSeconds: 60,
    fast: ['publish'],
  }),
  ...cellsOf({
    row: 'server-kill',
    how: 'a power cut: SIGKILL to all processes, and what was not brought to the disk is lost',
    fault: {
      strike: (drill) => drill.cutPower(),
      release: (drill) => drill.restart(),
    },
    expected: WELL,
    columns: ['status'],
    boundSeconds: 60,
  }),
  ...cellsOf({
    row: 'server-term',
    how: 'SIGTERM to `hpb serve`, started again on the same folder',
    fault: serverEnds('SIGTERM'),
    expected: WELL,
    columns: ALL,
    boundSeconds: 60,
  }),
  ...cellsOf({
    row: 'worker-kill',
    how: 'SIGKILL to the worker',
    fault: { strike: signalTo('worker', 'SIGKILL') },
    expected: Object.fromEntries(WORKING.map((column) => [column, failed('UNCLEAN_EXIT')])),
    columns: [...WORKING, 'status'],
    boundSeconds: 20,
    fast: ['segment'],
  }),
  ...cellsOf({
    row: 'worker-term',
    how: 'SIGTERM to the worker',
    fault: { strike: signalTo('worker', 'SIGTERM') },
    expected: WELL,
    columns: [...WORKING, 'status'],
    boundSeconds: 30,
  }),
  ...cellsOf({
    row: 'engine-kill',
    how: 'SIGKILL to the engine, warm from an earlier job',
    fault: { before: warm, strike: signalTo('engine', 'SIGKILL') },
    expected: { segment: failed('ENGINE_DIED') },
    columns: [...WORKING, 'status'],
    boundSeconds: 20,
    fast: ['segment'],
  }),
  ...cellsOf({
    row: 'engine-term',
    how: 'SIGTERM to the engine, warm from an earlier job',
    fault: { before: warm, strike: signalTo('engine', 'SIGTERM') },
    expected: { segment: failed('ENGINE_DIED') },
    columns: [...WORKING, 'status'],
    boundSeconds: 20,
  }),
  ...cellsOf({
    row: 'engine-hang',
    how: 'SIGSTOP to the engine, warm from an earlier job; a model may take 2 s',
    fault: {
      options: { environment: MODEL_TIMEOUT },
      before: warm,
      strike: signalTo('engine', 'SIGSTOP'),
    },
    expected: failed('ENGINE_TIMEOUT'),
    columns: ['fetch', 'segment'],
    boundSeconds: 25,
  }),
  ...cellsOf({
    row: 'engine-hang',
    how: 'SIGSTOP to the idle engine: the next job meets it, the one after that has a new one',
    fault: {
      options: { environment: MODEL_TIMEOUT },
      before: warm,
      strike: signalTo('engine', 'SIGSTOP'),
      mend: async (drill) => {
        const met = await drill.ended((await drill.send(await ctOf(8))).jobId, 25);
        if (met.error?.code !== 'ENGINE_TIMEOUT') throw new Error(`met a hung engine: ${met.error?.code}`);
      },
    },
    expected: WELL,
    columns: ['measure', 'publish', 'status'],
    boundSeconds: 25,
  }),
];

export const PROCESS_GAPS: readonly Gap[] = [
  ...gaps('worker-kill', ['upload', 'prepare'], NO_WORKER),
  ...gaps('worker-term', ['upload', 'prepare'], NO_WORKER),
  ...gaps('engine-kill', ['upload', 'prepare'], NO_ENGINE),
  ...gaps('engine-term', ['upload', 'prepare'], NO_ENGINE),
  ...gaps('engine-hang', ['upload', 'prepare'], NO_ENGINE),
];
