/**
 * Where the time of a worker goes: docs/timeline.json and docs/timeline.svg, from the log of a worker. Without `--log`
 * it runs phantoms through the real engine with the demo networks on the CPU, after one that warms it.
 *
 * npm run timeline -- [--cases 6] [--log FILE] [--out docs]
 *
 * `--log`: JSON lines of a worker with HPB_LOG_LEVEL=debug, of a laptop or of a deployment.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stderr, stdout } from 'node:process';
import { FileObjectStore } from '../../adapters/file-object-store.ts';
import { jsonLog } from '../../adapters/json-log.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { systemClock } from '../../adapters/system.ts';
import { wireWorker } from '../../container/wire.ts';
import { runShard } from '../../container/worker.ts';
import { HpbError } from '../../core/errors.ts';
import { caseIdOf, caseInputKey, type CaseId, type JobId } from '../../core/layout.ts';
import { shard, type Shard } from '../../core/shard.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { machineFacts } from '../figures.ts';
import { benchMachine, PACKAGE_ROOT } from '../warm-engine.ts';
import { timelineOf } from './timeline.ts';
import { timelineSvg } from './timeline-svg.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const SEED = 90_030;
const JOB = 'bench-timeline' as JobId;
const MODELS = ['liver', 'task008'] as const;

function shardOf(ids: readonly CaseId[]): Shard {
  const cases = ids.map((caseId) => ({
    caseId,
    inputKey: caseInputKey(JOB, caseId),
    models: MODELS,
    options: {},
    timeoutSeconds: 600,
  }));
  return shard.parse({ layoutVersion: 1, jobId: JOB, attempt: 1, cases });
}

/** Runs so many phantoms on a warm engine and gives the log. */
async function run(folder: string, cases: number): Promise<string> {
  const { settings, venv } = await benchMachine();
  let lines = '';
  const write = (line: string): void => void (lines += line);
  const log = jsonLog({ level: 'debug', clock: systemClock, write });
  const own = { ...settings, HPB_DATA_ROOT: join(folder, 'data'), HPB_VENV: venv };
  const store = new FileObjectStore(join(folder, 'objects'));
  const worker = await wireWorker({ settings: own, packageRoot: PACKAGE_ROOT, environment: {}, log, store });
  try {
    const ids = Array.from({ length: cases + 1 }, (_, at) => caseIdOf(at + 1));
    for (const [at, id] of ids.entries()) {
      const path = join(folder, 'ct.nii.gz');
      await writeNifti(path, makePhantom({ seed: SEED + at, grid: phantomGrid('small') }).ct);
      await store.putFile(caseInputKey(JOB, id), path);
    }
    const warmUp = ids.pop()!;
    for (const these of [[warmUp], ids]) {
      lines = '';
      const { cases: ended } = await runShard(shardOf(these), worker.ports);
      const error = ended.find((one) => one.error !== null)?.error;
      if (error) throw new HpbError(error.code, error.message, { remedy: error.remedy });
    }
    return lines;
  } finally {
    await worker.close();
  }
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    cases: { type: 'string', default: '6' },
    log: { type: 'string' },
    out: { type: 'string', default: join(PACKAGE_ROOT, 'docs') },
  });
  const folder = await mkdtemp(join(tmpdir(), 'hpb-timeline-'));
  try {
    const log =
      values.log === undefined ? await run(folder, Number(values.cases)) : await readFile(values.log, 'utf8');
    const timeline = timelineOf(log);
    if (timeline.cases.length === 0) {
      stderr.write('No stage of a case is in this log: it was not written with HPB_LOG_LEVEL=debug.\n');
      process.exitCode = 2;
      return;
    }
    await writeFile(join(values.out, 'timeline.json'), `${JSON.stringify(timeline, null, 2)}\n`);
    await writeFile(
      join(values.out, 'timeline.svg'),
      timelineSvg(timeline, 'Where the time of a worker goes'),
    );
    const { wall, serial } = timeline.seconds;
    stdout.write(
      `${machineFacts()}\n${timeline.cases.length} cases: ${wall.toFixed(1)} s, one after the other ` +
        `${serial.toFixed(1)} s; the engine had a case ${(100 * timeline.engineBusy).toFixed(0)} % of the time\n`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
