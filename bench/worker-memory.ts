/**
 * Peak resident memory of the TypeScript worker alone on a CT of 512 x 512 x 900, from the store to the published
 * result (check, segment `both`, measure, mesh, package). The engine's place is taken by a process that writes plausible
 * masks (test/fixtures/bin/engine-host.ts), because the figure is about our own process.
 *
 * npm run bench:worker-memory -- [--slices 900]
 *
 * Exit code 1 above `MOST_BYTES`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { parseArgs } from 'node:util';
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
import { parseSettings } from '../core/settings.ts';
import { shard } from '../core/shard.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { fakeHost } from '../test/fixtures/fake-host.ts';
import { machineFacts } from './figures.ts';
import { PACKAGE_ROOT } from './warm-engine.ts';

const MOST_BYTES = 1.6e9;
const REPEATS = 9;
const JOB = 'bench-worker-memory' as JobId;
const CASE = caseIdOf(1);

interface WorkFigures {
  readonly peakBytes: number;
  readonly seconds: number;
}

/** About 540 mm of a patient; every slice of the phantom is there several times, since making it is slow. */
async function makeCt(ct: string, slices: number): Promise<void> {
  const different = Math.ceil(slices / REPEATS);
  const thick = phantomGrid('full', { dims: [512, 512, different], spacing: [0.75, 0.75, 540 / different] });
  const phantom = makePhantom({ seed: 90_004, grid: thick }).ct.data;
  const { affine } = phantomGrid('full', { dims: [512, 512, slices], spacing: [0.75, 0.75, 540 / slices] });
  const data = new Int16Array(512 * 512 * slices);
  for (let slice = 0; slice < slices; slice++) {
    const from = Math.floor(slice / REPEATS) * 512 * 512;
    data.set(phantom.subarray(from, from + 512 * 512), slice * 512 * 512);
  }
  await writeNifti(ct, { grid: { dims: [512, 512, slices], affine }, data, slope: 1, intercept: 0 });
}

/** Runs one case in this process, which must be fresh, and tells its peak. */
async function work(root: string, ct: string): Promise<WorkFigures> {
  const settings = parseSettings({ HPB_DATA_ROOT: join(root, 'data'), HPB_WEIGHTS: 'demo' });
  const log = jsonLog({ level: 'error', clock: systemClock, write: (line) => process.stderr.write(line) });
  const store = new FileObjectStore(join(root, 'objects'));
  await store.putFile(caseInputKey(JOB, CASE), ct);
  const worker = await wireWorker({ settings, packageRoot: PACKAGE_ROOT, environment: {}, log, store });
  const engine = new EngineHost({ host: fakeHost('ok'), log, clock: systemClock, oomKills: oomKillCount });
  const models = ['liver', 'task008'];
  const task = { caseId: CASE, inputKey: caseInputKey(JOB, CASE), models, options: {}, timeoutSeconds: 3600 };
  const start = performance.now();
  try {
    const memoryPresent = async (): Promise<number> => 2 ** 40;
    const outcome = await runShard(shard.parse({ layoutVersion: 1, jobId: JOB, attempt: 1, cases: [task] }), {
      ...worker.ports,
      engine,
      memoryPresent,
    });
    const error = outcome.cases[0]?.error;
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
async function part(name: 'make' | 'work', root: string, slices: string): Promise<string> {
  const args = [import.meta.filename, '--part', name, '--root', root, '--slices', slices];
  const run = await runProcess({ command: process.execPath, args, environment: env });
  if (run.exitCode === 0) return run.stdout;
  throw new HpbError('UNEXPECTED', `The part ${name} failed:\n${run.tail.join('\n')}`, {
    remedy: `Run it by hand: node ${args.join(' ')}`,
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      slices: { type: 'string', default: '900' },
      part: { type: 'string' },
      root: { type: 'string', default: '' },
    },
  });
  const { slices } = values;
  if (values.part === 'make') return makeCt(join(values.root, 'ct.nii.gz'), Number(slices));
  if (values.part === 'work') {
    stdout.write(JSON.stringify(await work(values.root, join(values.root, 'ct.nii.gz'))));
    return;
  }
  const root = await mkdtemp(join(tmpdir(), 'hpb-worker-memory-'));
  try {
    await part('make', root, slices);
    const { peakBytes, seconds } = JSON.parse(await part('work', root, slices)) as WorkFigures;
    const rawBytes = 512 * 512 * Number(slices) * 2;
    stdout.write(
      `${machineFacts()}\nCT 512 x 512 x ${slices}, int16, ${(rawBytes / 1e9).toFixed(2)} GB raw: worker's peak ` +
        `${(peakBytes / 1e9).toFixed(2)} GB (${(peakBytes / rawBytes).toFixed(2)} x raw; limit ` +
        `${(MOST_BYTES / 1e9).toFixed(1)} GB), case in ${seconds.toFixed(1)} s\n`,
    );
    process.exitCode = peakBytes <= MOST_BYTES ? 0 : 1;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

await main();
