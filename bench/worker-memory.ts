/**
 * Peak resident memory of the TypeScript worker alone on a CT of 512 x 512 x 900, from the store to the published
 * result (check, segment `both`, measure, mesh, package). The engine's place is taken by a process that writes plausible
 * masks (test/fixtures/bin/engine-host.ts), because the figure is about our own process.
 *
 * npm run bench:worker-memory -- [--slices 900] [--cases 1] [--together 1]
 *
 * Several cases overlap as far as a memory allows that is just enough for so many together. Exit code 1 above what the
 * worker counts on for that (core/models/case-memory.ts), and for one case above `MOST_BYTES`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { EngineHost } from '../adapters/engine-host.ts';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import { runProcess } from '../adapters/run-process.ts';
import { oomKillCount, systemClock } from '../adapters/system.ts';
import { runShard } from '../container/worker.ts';
import { wireWorker } from '../container/wire.ts';
import { HpbError } from '../core/errors.ts';
import { caseIdOf, caseInputKey, type JobId } from '../core/layout.ts';
import { caseMemory, memoryNeededTogether } from '../core/models/case-memory.ts';
import { parseSettings } from '../core/settings.ts';
import { shard } from '../core/shard.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import type { Grid } from '../core/volume/volume.ts';
import { fakeHost } from '../test/fixtures/fake-host.ts';
import { machineFacts } from './figures.ts';
import { PACKAGE_ROOT } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const MOST_BYTES = 1.2e9;
const REPEATS = 9;
const JOB = 'bench-worker-memory' as JobId;
const MODELS = ['liver', 'task008'] as const;
const OPTIONS = { fast: true, folds: [0], tta: false };

/** How many cases there are, and memory for how many. */
interface Cases {
  readonly slices: number;
  readonly cases: number;
  readonly together: number;
}

const gridOf = (slices: number): Grid =>
  phantomGrid('full', { dims: [512, 512, slices], spacing: [0.75, 0.75, 540 / slices] });

/** The header of a CT keeps its affine in single precision, from which sizes come out a little different. */
const ROUNDING = 1.001;

/** Bytes that so many cases need, of the worker alone and with the engine. */
function needOf({ slices, together }: Cases): { readonly worker: number; readonly all: number } {
  const need = caseMemory(gridOf(slices), { models: MODELS, options: OPTIONS });
  const all = ROUNDING * memoryNeededTogether(Array.from({ length: together }, () => need));
  return { worker: all - need.engineBytes, all };
}

interface WorkFigures {
  readonly peakBytes: number;
  readonly seconds: number;
}

/** About 540 mm of a patient; every slice of the phantom is there several times, since making it is slow. */
async function makeCt(ct: string, slices: number): Promise<void> {
  const different = Math.ceil(slices / REPEATS);
  const thick = phantomGrid('full', { dims: [512, 512, different], spacing: [0.75, 0.75, 540 / different] });
  const phantom = makePhantom({ seed: 90_004, grid: thick }).ct.data;
  const { affine } = gridOf(slices);
  const data = new Int16Array(512 * 512 * slices);
  for (let slice = 0; slice < slices; slice++) {
    const from = Math.floor(slice / REPEATS) * 512 * 512;
    data.set(phantom.subarray(from, from + 512 * 512), slice * 512 * 512);
  }
  await writeNifti(ct, { grid: { dims: [512, 512, slices], affine }, data, slope: 1, intercept: 0 });
}

/** Runs the cases in this process, which must be fresh, and tells its peak. */
async function work(root: string, ct: string, asked: Cases): Promise<WorkFigures> {
  const settings = parseSettings({ HPB_DATA_ROOT: join(root, 'data'), HPB_WEIGHTS: 'demo' });
  const log = jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) });
  const store = new FileObjectStore(join(root, 'objects'));
  const ids = Array.from({ length: asked.cases }, (_, at) => caseIdOf(at + 1));
  for (const id of ids) await store.putFile(caseInputKey(JOB, id), ct);
  const worker = await wireWorker({ settings, packageRoot: PACKAGE_ROOT, environment: {}, log, store });
  const engine = new EngineHost({ host: fakeHost('ok'), log, clock: systemClock, oomKills: oomKillCount });
  const cases = ids.map((caseId) => ({
    caseId,
    inputKey: caseInputKey(JOB, caseId),
    models: MODELS,
    options: OPTIONS,
    timeoutSeconds: 3600,
  }));
  const start = performance.now();
  try {
    const memoryPresent = async (): Promise<number> => needOf(asked).all;
    const outcome = await runShard(shard.parse({ layoutVersion: 1, jobId: JOB, attempt: 1, cases }), {
      ...worker.ports,
      engine,
      memoryPresent,
    });
    const error = outcome.cases.find((one) => one.error !== null)?.error;
    if (error) throw new HpbError(error.code, error.message, { remedy: error.remedy });
  } finally {
    await engine.stop();
    await worker.close();
  }
  // Kilobytes on every system that Node runs on.
  return {
    peakBytes: process.resourceUsage().maxRSS * 1024,
    seconds: (performance.now() - start) / 1000,
  };
}

/** Runs a part of this file in a process of its own, so that only the worker's memory is the worker's. */
async function part(name: 'make' | 'work', root: string, asked: Cases): Promise<string> {
  const numbers = Object.entries(asked).flatMap(([option, value]) => [`--${option}`, String(value)]);
  const args = [import.meta.filename, '--part', name, '--root', root, ...numbers];
  const run = await runProcess({ command: process.execPath, args, environment: env });
  if (run.exitCode === 0) return run.stdout;
  throw new HpbError('UNEXPECTED', `The part ${name} failed:\n${run.tail.join('\n')}`, {
    remedy: `Run it by hand: node ${args.join(' ')}`,
  });
}

function report(asked: Cases, { peakBytes, seconds }: WorkFigures): void {
  const { slices, cases, together } = asked;
  const rawBytes = 512 * 512 * slices * 2;
  const counted = needOf(asked).worker;
  const limit = cases === 1 ? Math.min(MOST_BYTES, counted) : counted;
  const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  stdout.write(
    `${machineFacts()}\n${cases} x CT 512 x 512 x ${slices}, int16, ${gb(rawBytes)} raw, memory for ${together} at a ` +
      `time: worker's peak ${gb(peakBytes)} (${(peakBytes / rawBytes).toFixed(2)} x raw; it counts on ${gb(counted)}; ` +
      `limit ${gb(limit)}), ${seconds.toFixed(1)} s\n`,
  );
  process.exitCode = peakBytes <= limit ? 0 : 1;
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    slices: { type: 'string', default: '900' },
    cases: { type: 'string', default: '1' },
    together: { type: 'string', default: '1' },
    part: { type: 'string' },
    root: { type: 'string', default: '' },
  });
  const [slices, cases, together] = [values.slices, values.cases, values.together].map(Number);
  const asked: Cases = { slices: slices!, cases: cases!, together: together! };
  if (values.part === 'make') return makeCt(join(values.root, 'ct.nii.gz'), asked.slices);
  if (values.part === 'work') {
    stdout.write(JSON.stringify(await work(values.root, join(values.root, 'ct.nii.gz'), asked)));
    return;
  }
  const root = await mkdtemp(join(tmpdir(), 'hpb-worker-memory-'));
  try {
    await part('make', root, asked);
    report(asked, JSON.parse(await part('work', root, asked)) as WorkFigures);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await main();
