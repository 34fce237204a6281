/**
 * Whether memory grows from case to case: small phantoms, the models of `both`, the demo networks, one worker and one
 * real engine process that is never replaced. Memory is looked at between cases, when nothing runs.
 *
 * npm run bench:leaks -- [--cases 200] [--warm-up 20] [--side 48] [--replay] [--record]
 *
 * MALLOC_ARENA_MAX=2, as workers have it (local/service/worker-command.ts, container/Dockerfile): without it a worker grows
 * more. `--side`: voxels of 3 mm along an axis, around the liver. `--replay` asks the engine once for each of the four CTs
 * and copies its masks from then on, which tells of the worker alone, in minutes. `--record` writes every sample to
 * docs/leaks.json, one of both kinds beside the other. Exit code 1 when worker or engine grow by 1 MB a case or more.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { collectGarbage } from '../../adapters/collect-garbage.ts';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { systemClock } from '../../adapters/system.ts';
import type { WorkerPorts } from '../../container/case-context.ts';
import { wireWorker } from '../../container/wire.ts';
import { runShard } from '../../container/worker.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, type CaseId, type JobId } from '../../core/layout.ts';
import { shard } from '../../core/shard.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { machineFacts } from '../figures.ts';
import { cpuSecondsOf, memoryOf } from '../service/service-process.ts';
import { benchMachine, PACKAGE_ROOT } from '../warm-engine.ts';
import { growthOf } from './growth.ts';
import { ReplayedEngine } from './replayed-engine.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_BYTES_A_CASE = 1e6;
const JOB = 'bench-leaks' as JobId;
const MODELS = ['liver', 'task008'] as const;
/** So many different CTs, of different sizes: a leak by size would not be seen with one. */
const DIFFERENT = 4;
const NEVER = 1_000_000;

interface Samples {
  readonly worker: number[];
  readonly engine: number[];
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const taskOf = (caseId: CaseId, ct: number) => ({
  caseId,
  inputKey: caseInputKey(JOB, caseIdOf(ct + 1)),
  models: MODELS,
  options: {},
  timeoutSeconds: 600,
});

async function makeCts(store: FileObjectStore, folder: string, side: number): Promise<void> {
  for (let ct = 0; ct < DIFFERENT; ct++) {
    const path = join(folder, 'ct.nii.gz');
    const grid = phantomGrid('small', { dims: [side + 4 * ct, side, side] });
    await writeNifti(path, makePhantom({ seed: 90_040 + ct, grid }).ct);
    await store.putFile(caseInputKey(JOB, caseIdOf(ct + 1)), path);
  }
}

/** Runs the cases one after the other; the memory of both processes after each. */
async function sampled(ports: WorkerPorts, cases: number): Promise<Samples> {
  const { pid } = await ports.engine.hello();
  const [worker, engine]: [number[], number[]] = [[], []];
  const start = performance.now();
  const before = await cpuSecondsOf(pid);
  for (let at = 0; at < cases; at++) {
    const task = taskOf(caseIdOf(at + 1 + DIFFERENT), at % DIFFERENT);
    const { cases: ended } = await runShard(
      shard.parse({ layoutVersion: 1, jobId: JOB, attempt: 1, cases: [task] }),
      ports,
    );
    const error = ended[0]!.error;
    if (error) throw new HpbError(error.code, error.message, { remedy: error.remedy });
    collectGarbage();
    worker.push((await memoryOf(process.pid)).now);
    engine.push((await memoryOf(pid)).now);
  }
  if ((await ports.engine.hello()).pid !== pid)
    throw new HpbError('UNEXPECTED', 'The engine was replaced on the way.', { remedy: 'See its log.' });
  const cpuSeconds = (await cpuSecondsOf(pid)) - before;
  return { worker, engine, seconds: (performance.now() - start) / 1000, cpuSeconds };
}

function report(name: string, samples: readonly number[], warmUp: number): boolean {
  const { bytesACase, first, last, most } = growthOf(samples, warmUp);
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
  stdout.write(
    `${name}: ${(bytesACase / 1e6).toFixed(3)} MB a case (limit 1); ${mb(first)} after the warm-up, ${mb(last)} at ` +
      `the end, at most ${mb(most)}\n`,
  );
  return bytesACase < MOST_BYTES_A_CASE;
}

/** Keeps the last record of the other kind. */
async function record(kind: 'run' | 'replayed', samples: object): Promise<void> {
  const path = join(PACKAGE_ROOT, 'docs/leaks.json');
  const before = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as object;
  await writeFile(path, `${JSON.stringify({ ...before, [kind]: samples })}\n`);
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    cases: { type: 'string', default: '200' },
    'warm-up': { type: 'string', default: '20' },
    side: { type: 'string', default: '48' },
    replay: { type: 'boolean', default: false },
    record: { type: 'boolean', default: false },
  });
  const folder = await mkdtemp(join(tmpdir(), 'hpb-leaks-'));
  try {
    const machine = await benchMachine();
    const log = jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) });
    const settings = {
      ...machine.settings,
      HPB_DATA_ROOT: join(folder, 'data'),
      HPB_VENV: machine.venv,
      HPB_ENGINE_RECYCLE_CASES: NEVER,
    };
    const store = new FileObjectStore(join(folder, 'objects'));
    await makeCts(store, folder, Number(values.side));
    const worker = await wireWorker({ settings, packageRoot: PACKAGE_ROOT, environment: {}, log, store });
    try {
      const ports = values.replay
        ? { ...worker.ports, engine: new ReplayedEngine(worker.ports.engine, folder) }
        : worker.ports;
      const samples = await sampled(ports, Number(values.cases));
      const facts = `${machineFacts(await worker.ports.engine.hello())}, load ${loadavg()[0]!.toFixed(1)}`;
      const each = samples.seconds / samples.worker.length;
      stdout.write(`${facts}\n${samples.worker.length} cases, ${each.toFixed(1)} s each\n`);
      const warmUp = Number(values['warm-up']);
      const workerIsFlat = report('worker', samples.worker, warmUp);
      const engineIsFlat = values.replay || report('engine', samples.engine, warmUp);
      if (values.record)
        await record(values.replay ? 'replayed' : 'run', { machine: facts, warmUp, ...samples });
      process.exitCode = workerIsFlat && engineIsFlat ? 0 : 1;
    } finally {
      await worker.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
