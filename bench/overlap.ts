/**
 * How far the stages of different cases overlap in one worker. The engine's place is taken by the double of the tests,
 * which waits idly, and fetching and publishing wait as long, as they do for a network: three stages of the same
 * length. What the worker itself does with a small CT comes on top and is printed.
 *
 * npm run bench:overlap -- [--cases 10] [--seconds 1]
 *
 * Exit code 1 when that takes longer than 1.4 stages a case (one after the other: 3).
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { jsonLog } from '../adapters/json-log.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import { systemClock } from '../adapters/system.ts';
import { wireWorker } from '../container/wire.ts';
import { runShard } from '../container/worker.ts';
import { HpbError } from '../core/errors.ts';
import { caseIdOf, caseInputKey, caseResultKey, type JobId } from '../core/layout.ts';
import { parseSettings } from '../core/settings.ts';
import { shard, type Shard } from '../core/shard.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { FakeEngine, type FakeRun } from '../test/fakes/fake-engine.ts';
import { machineFacts } from './figures.ts';
import { PACKAGE_ROOT } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const MOST_STAGES_A_CASE = 1.4;
const SEED = 90_020;
const JOB = 'bench-overlap' as JobId;
/** The last file of a case. */
const ZIP = /\/results\.zip$/;

/** A store that is as far away as one in a network: CTs and ZIPs take their time. */
class DistantStore extends FileObjectStore {
  readonly #ms: number;

  constructor(root: string, seconds: number) {
    super(root);
    this.#ms = 1000 * seconds;
  }

  override async getFile(...call: Parameters<FileObjectStore['getFile']>): Promise<void> {
    await sleep(this.#ms);
    return super.getFile(...call);
  }

  override async putFile(
    ...call: Parameters<FileObjectStore['putFile']>
  ): ReturnType<FileObjectStore['putFile']> {
    if (ZIP.test(call[0])) await sleep(this.#ms);
    return super.putFile(...call);
  }
}

function shardOf(cases: number): Shard {
  return shard.parse({
    layoutVersion: 1,
    jobId: JOB,
    attempt: 1,
    cases: Array.from({ length: cases }, (_, at) => ({
      caseId: caseIdOf(at + 1),
      inputKey: caseInputKey(JOB, caseIdOf(at + 1)),
      models: ['liver'],
      options: {},
      timeoutSeconds: 600,
    })),
  });
}

/** Runs so many cases, after one that warms the process, and gives their wall time, s. */
async function run(folder: string, cases: number, seconds: number): Promise<number> {
  const ct = join(folder, 'ct.nii.gz');
  await writeNifti(ct, makePhantom({ seed: SEED, grid: phantomGrid('small', { dims: [32, 32, 24] }) }).ct);
  const settings = parseSettings({ HPB_DATA_ROOT: join(folder, 'data'), HPB_WEIGHTS: 'demo' });
  const log = jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) });
  const store = new DistantStore(join(folder, 'objects'), seconds);
  const near = new FileObjectStore(join(folder, 'objects'));
  const worker = await wireWorker({ settings, packageRoot: PACKAGE_ROOT, environment: {}, log, store });
  const works: FakeRun = async (_, plausible) => {
    await sleep(1000 * seconds);
    return plausible();
  };
  const engine = new FakeEngine(...Array.from({ length: cases }, () => works));
  try {
    for (let at = 1; at <= cases; at++) await near.putFile(caseInputKey(JOB, caseIdOf(at)), ct);
    await runShard(shardOf(1), { ...worker.ports, store: near, engine: new FakeEngine() });
    await near.remove(caseResultKey(JOB, caseIdOf(1)));
    const start = performance.now();
    const outcome = await runShard(shardOf(cases), { ...worker.ports, engine });
    const wall = (performance.now() - start) / 1000;
    const error = outcome.cases.find((one) => one.outcome !== 'succeeded')?.error;
    if (error) throw new HpbError(error.code, error.message, { remedy: error.remedy });
    if (engine.opened.length !== cases) throw skipped(cases - engine.opened.length);
    return wall;
  } finally {
    await worker.close();
  }
}

function skipped(cases: number): HpbError {
  return new HpbError('UNEXPECTED', `${cases} cases were not run.`, { remedy: 'Mend the bench.' });
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    cases: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '1' },
  });
  const [cases, seconds] = [Number(values.cases), Number(values.seconds)];
  const folder = await mkdtemp(join(tmpdir(), 'hpb-overlap-'));
  try {
    const wall = await run(folder, cases, seconds);
    const least = (cases + 2) * seconds;
    const most = MOST_STAGES_A_CASE * cases * seconds;
    stdout.write(
      `${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}\n${cases} cases of three stages of ${seconds} s: ` +
        `${wall.toFixed(2)} s (at most ${most.toFixed(0)}; one after the other ${3 * cases * seconds}; ` +
        `nothing but waiting ${least}); own work a case ${((1000 * (wall - least)) / cases).toFixed(0)} ms\n`,
    );
    process.exitCode = wall <= most ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
