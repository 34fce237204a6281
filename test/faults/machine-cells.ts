import { EngineHost } from '../../adapters/engine-host.ts';
import { systemClock } from '../../adapters/system.ts';
import { WorkerSignals } from '../../container/worker-signals.ts';
import type { Engine } from '../../core/engine-port.ts';
import { fakeHost } from '../fixtures/fake-host.ts';
import { memoryLog } from '../fixtures/memory-log.ts';
import { gaps, type Cell, type Column, type Ending, type Gap } from './cell.ts';
import { deadlyCall } from './faulty-store.ts';
import { Flow, type FlowFaults } from './flow.ts';
import { failed, WELL, WORKING } from './process-cells.ts';
import { calmCases, endOf, submitted } from './store-cells.ts';

const SMALL_BYTES = 2 ** 28;

interface MachineCell {
  readonly row: 'spot-notice' | 'out-of-memory';
  readonly column: Column;
  readonly how: string;
  readonly expected: Ending;
  readonly faults: (cell: Cell) => FlowFaults;
  readonly engine?: (flow: () => Flow) => Engine;
  readonly works?: false;
}

function cellOf({ row, column, how, expected, faults, engine, works }: MachineCell): Cell {
  const run: Cell['run'] = async (cell) => {
    const replay = works === false ? { replay: await calmCases() } : {};
    const used = engine?.(() => flow);
    const flow: Flow = new Flow({ ...replay, ...faults(cell) }, used);
    const start = performance.now();
    try {
      const ending = await endOf(flow, await submitted(flow));
      const left = flow.scratchFiles();
      return { ...ending, seconds: (performance.now() - start) / 1000, left };
    } finally {
      await used?.stop();
      await flow.close();
    }
  };
  return { row, column, how, expected, boundSeconds: 60, fast: false, run };
}

/** The first worker is told that its machine goes, with no time left, as soon as the case is in the stage. */
function spotNotice({ column }: Cell): FlowFaults {
  const signals = new WorkerSignals();
  const fresh = new WorkerSignals();
  return {
    signals: (start) => (start === 1 ? signals : fresh),
    onColumn: (now) => {
      if (now === column) signals.interrupt(0);
    },
  };
}

/** The first worker is killed for its memory in the stage: from there on nothing that it does reaches the store. */
function workerKilled({ column }: Cell): FlowFaults {
  let [dead, killed, starts] = [false, false, 0];
  return {
    reason: 'OutOfMemoryError: Container killed due to memory usage',
    store: () => (dead ? deadlyCall('before') : null),
    onColumn: (now) => {
      if (now === column && starts === 1 && !killed) dead = true;
      killed ||= dead;
    },
    worker: async (run) => {
      starts += 1;
      const exitCode = await run();
      if (!dead) return exitCode;
      dead = false;
      return 137;
    },
  };
}

/** An engine process that is killed in its first run, while the system counts a kill for memory. */
function killedEngine(flow: () => Flow): Engine {
  let kills = 0;
  return new EngineHost({
    host: fakeHost(`once:${flow().folder}/killed:killed`),
    log: memoryLog(),
    clock: systemClock,
    oomKills: async () => kills++,
  });
}

export const MACHINE_CELLS: readonly Cell[] = [
  ...WORKING.map((column) =>
    cellOf({
      row: 'spot-notice',
      column,
      how: 'the notice comes with no time left; another machine takes the shard',
      expected: WELL,
      faults: spotNotice,
    }),
  ),
  cellOf({
    row: 'out-of-memory',
    column: 'prepare',
    how: 'the CT needs more memory than any machine has: refused by its header',
    expected: { state: 'FAILED', code: 'CT_EXCEEDS_MEMORY', kept: 'nothing' },
    faults: () => ({ memory: { intake: SMALL_BYTES } }),
    works: false,
  }),
  cellOf({
    row: 'out-of-memory',
    column: 'fetch',
    how: 'the machine that runs the case has less memory than it needs: refused before the engine starts',
    expected: failed('CT_EXCEEDS_MEMORY'),
    faults: () => {
      let looks = 0;
      return { memory: { worker: () => (++looks <= 2 ? SMALL_BYTES : 2 ** 36) } };
    },
  }),
  cellOf({
    row: 'out-of-memory',
    column: 'segment',
    how: 'the kernel kills the engine process, and its count of such kills has risen',
    expected: failed('OUT_OF_MEMORY'),
    faults: () => ({}),
    engine: (flow) => lazily(() => killedEngine(flow)),
  }),
  ...(['measure', 'publish'] as const).map((column) =>
    cellOf({
      row: 'out-of-memory',
      column,
      how: 'the worker is killed with its container, as Batch says it',
      expected: failed('OUT_OF_MEMORY'),
      faults: workerKilled,
    }),
  ),
];

/** An engine that is made at its first use. */
function lazily(make: () => Engine): Engine {
  let engine: Engine | undefined;
  const made = (): Engine => (engine ??= make());
  return {
    hello: () => made().hello(),
    load: (call) => made().load(call),
    open: (path, limits) => made().open(path, limits),
    stop: async () => engine?.stop(),
  };
}

const NO_WORKER = 'no worker of a machine that can be taken away has a part in it';
export const MACHINE_GAPS: readonly Gap[] = [
  ...gaps('spot-notice', ['upload', 'prepare', 'status'], NO_WORKER),
  ...gaps(
    'out-of-memory',
    ['upload'],
    'bytes go from the connection to the store as they come: none pile up',
  ),
  ...gaps('out-of-memory', ['status'], 'the job has ended; what status reads is bounded by MAX_ANSWER_CASES'),
];
