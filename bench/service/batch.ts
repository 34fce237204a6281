/**
 * A batch archive through the whole laptop service with the engine's place taken by the double of the tests: planned,
 * run, published. Our own time is all the wall time from the submission to the end of the job, less what the double's
 * calls took as the worker saw them (stage `segment`, from the open of a CT to its close). So it counts what is made of
 * each case too (statistics, meshes, pictures, report, ZIP), which no speed of the service takes away; therefore also:
 * the CPU time of the service (upload, intake, planning, workflow, publishing) and of the worker, all its threads, which
 * hold on a machine that does other things, and the worker's stages, of which several run at a time. Memory: peaks of
 * both over a batch of 50 and one of 200 in services of their own.
 *
 * npm run bench:service-batch -- [--cases 200] [--few 50] [--rounds 2]
 *
 * What the services stored is removed at the end, not between them: ext4 looks at every inode that was deleted in the last
 * five minutes when it makes a file, and after thousands of them a small file takes ten times as long. So run it on a disk
 * from which nothing much was deleted for as long.
 *
 * Exit code 1 above 15 ms of own wall time a case, or when the larger batch takes 1.3 times the memory of the smaller
 * one. The end of a job is seen up to a twentieth of a second late, which counts as ours.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { writeNifti } from '../../adapters/nifti-file.ts';
import type { RunRecord } from '../../core/results/run-record.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { machineFacts, median } from '../figures.ts';
import {
  childrenOf,
  cpuSecondsOf,
  ended,
  memoryOf,
  startService,
  submit,
  type ServiceProcess,
} from './service-process.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_MS = 15;
const MOST_GROWTH = 1.3;
const SEED = 90_010;
const MODEL = 'liver' as const;

/** One batch, seconds of all its cases together. */
interface BatchRun {
  readonly cases: number;
  readonly wall: number;
  /** Of the wall time: inside the double's calls. */
  readonly double: number;
  readonly serviceCpu: number;
  readonly workerCpu: number;
  /** By the worker's stage, waits for disk and cores included. */
  readonly stages: Readonly<Record<string, number>>;
  readonly servicePeak: number;
  readonly workerPeak: number;
}

/** A small CT, gzipped as CTs come. */
async function smallCase(folder: string): Promise<Buffer> {
  const path = join(folder, 'ct.nii.gz');
  await writeNifti(path, makePhantom({ seed: SEED, grid: phantomGrid('small', { dims: [32, 32, 24] }) }).ct);
  return readFile(path);
}

async function archiveOf(ct: Buffer, cases: number): Promise<Buffer> {
  const archive = pack();
  for (let at = 1; at <= cases; at++)
    archive.entry({ name: `case-${String(at).padStart(4, '0')}/raw.nii.gz` }, ct);
  archive.finalize();
  return Buffer.concat(
    await Array.fromAsync(archive.pipe(createGzip({ level: 1 })) as AsyncIterable<Buffer>),
  );
}

/** Seconds by the worker's stage, over all cases of a job, as their run.json say: up to the masks' measuring and meshing. */
async function stageSeconds(dataRoot: string, jobId: string): Promise<Readonly<Record<string, number>>> {
  const files = await readdir(dataRoot, { recursive: true, withFileTypes: true });
  const records = files.filter(({ name, parentPath }) => name === 'run.json' && parentPath.includes(jobId));
  const total: Record<string, number> = {};
  for (const { name, parentPath } of records) {
    const { seconds: of } = JSON.parse(await readFile(join(parentPath, name), 'utf8')) as RunRecord;
    for (const [stage, seconds] of Object.entries(of.stages)) total[stage] = (total[stage] ?? 0) + seconds;
  }
  return total;
}

async function cpuOf(
  service: ServiceProcess,
): Promise<{ readonly service: number; readonly worker: number }> {
  const [worker] = await childrenOf(service.pid);
  return {
    service: await cpuSecondsOf(service.pid),
    worker: worker === undefined ? 0 : await cpuSecondsOf(worker),
  };
}

/** A batch in a service of its own, whose worker and double are started and warm before. */
async function runBatch(ct: Buffer, cases: number, folder: string): Promise<BatchRun> {
  const dataRoot = await mkdtemp(join(folder, 'service-'));
  const archive = await archiveOf(ct, cases);
  const service = await startService({ dataRoot });
  try {
    const model = { model: MODEL } as const;
    const warm = { bytes: await archiveOf(ct, 2), fileName: 'warm.tar.gz', target: 'batch' } as const;
    await ended(service, (await submit(service, warm, model)).jobId);
    const before = await cpuOf(service);
    const start = performance.now();
    const batch = { bytes: archive, fileName: 'cases.tar.gz', target: 'batch' } as const;
    const { jobId } = await submit(service, batch, model);
    await ended(service, jobId);
    const wall = (performance.now() - start) / 1000;
    const after = await cpuOf(service);
    const [worker] = await childrenOf(service.pid);
    const { segment: double = NaN, ...stages } = await stageSeconds(dataRoot, jobId);
    return {
      cases,
      wall,
      double,
      serviceCpu: after.service - before.service,
      workerCpu: after.worker - before.worker,
      stages,
      servicePeak: (await memoryOf(service.pid)).peak,
      workerPeak: (await memoryOf(worker!)).peak,
    };
  } finally {
    await service.stop();
  }
}

const ms = (seconds: number, cases: number): string => `${((1000 * seconds) / cases).toFixed(1)} ms`;
const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

function line(run: BatchRun): string {
  const { cases, wall, double, serviceCpu, workerCpu, servicePeak, workerPeak } = run;
  const stages = Object.entries(run.stages).map(([stage, seconds]) => `${stage} ${ms(seconds, cases)}`);
  return (
    `${cases} cases: wall ${wall.toFixed(2)} s, double ${double.toFixed(2)} s; a case: own ` +
    `${ms(wall - double, cases)} wall; CPU of service ${ms(serviceCpu, cases)}, of worker ${ms(workerCpu, cases)}; ` +
    `peaks: service ${mb(servicePeak)}, worker ${mb(workerPeak)}\n  stages of the worker, a case: ${stages.join(', ')}\n`
  );
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    cases: { type: 'string', default: '200' },
    few: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '2' },
  });
  const folder = await mkdtemp(join(tmpdir(), 'hpb-batch-'));
  try {
    const ct = await smallCase(folder);
    stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}\n`);
    const [few, many]: [BatchRun[], BatchRun[]] = [[], []];
    for (let round = 0; round < Number(values.rounds); round++) {
      few.push(await runBatch(ct, Number(values.few), folder));
      stdout.write(line(few.at(-1)!));
      many.push(await runBatch(ct, Number(values.cases), folder));
      stdout.write(line(many.at(-1)!));
    }
    const own = median(many.map(({ wall, double, cases }) => (1000 * (wall - double)) / cases));
    const cpu = (of: (run: BatchRun) => number): string =>
      `${median(many.map((run) => (1000 * of(run)) / run.cases)).toFixed(1)} ms`;
    const growth = (of: (run: BatchRun) => number): number => median(many.map(of)) / median(few.map(of));
    const [service, worker] = [growth((run) => run.servicePeak), growth((run) => run.workerPeak)];
    stdout.write(
      `own time a case: ${own.toFixed(1)} ms wall (target <= ${MOST_MS}); CPU of the service ` +
        `${cpu((run) => run.serviceCpu)}, of the worker ${cpu((run) => run.workerCpu)}; memory of ` +
        `${values.cases} / ${values.few} cases: service ${service.toFixed(2)}, worker ${worker.toFixed(2)} ` +
        `(target <= ${MOST_GROWTH})\n`,
    );
    process.exitCode = own <= MOST_MS && Math.max(service, worker) <= MOST_GROWTH ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
