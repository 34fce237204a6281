/**
 * The laptop service under load and under clients that behave badly: mixed reads at a fixed rate from another process,
 * then connections that never end their headers, huge headers, uploads that break off and many event streams; at the end
 * reads again. The engine is the double of the tests.
 *
 * npm run bench:load -- [--rate 1000] [--seconds 30]
 *
 * On a machine that others use, `chrt -r 5 npm run bench:load` keeps them out of the figures (Linux, root).
 * Exit code 1 on any error, on a p99 above 50 ms, or when an abuse was not dealt with. Client and service share the
 * machine: its load is printed, and both sides' CPU time.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { runProcess } from '../../adapters/run-process.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { HpbError } from '../../core/errors.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { fakeVenv } from '../../test/fixtures/fake-host.ts';
import { machineFacts } from '../figures.ts';
import {
  cpuSecondsOf,
  ended,
  memoryOf,
  startService,
  submit,
  type ServiceProcess,
} from '../service/service-process.ts';
import { abortedUploads, hugeHeaders, idleStreams, slowLoris } from './abuse.ts';
import type { ReadFigures } from './reader.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_P99_MS = 50;
const MODEL = { fast: true } as const;

/** The paths of a client's reads, as often as each comes. */
function mixedPaths(jobId: string): readonly string[] {
  const often = (times: number, path: string): string[] => Array.from({ length: times }, () => path);
  return [
    ...often(8, `/jobs/${jobId}`),
    ...often(4, '/jobs?limit=20'),
    ...often(3, '/healthz'),
    ...often(3, `/jobs/${jobId}/cases/c0001`),
    ...often(1, '/version'),
    ...often(1, '/openapi.json'),
  ];
}

async function read(
  service: ServiceProcess,
  jobId: string,
  asked: { readonly rate: number; readonly seconds: number },
): Promise<ReadFigures> {
  const before = await cpuSecondsOf(service.pid);
  const args = [
    join(import.meta.dirname, 'reader.ts'),
    `--url=${service.url}`,
    `--rate=${asked.rate}`,
    `--seconds=${asked.seconds}`,
    `--paths=${JSON.stringify(mixedPaths(jobId))}`,
  ];
  const run = await runProcess({ command: process.execPath, args, environment: env });
  if (run.exitCode !== 0)
    throw new HpbError('UNEXPECTED', `The client failed:\n${run.tail.join('\n')}`, { remedy: 'See above.' });
  const figures = JSON.parse(run.stdout) as ReadFigures;
  const cpuMs = (1000 * ((await cpuSecondsOf(service.pid)) - before)) / figures.asked;
  const { ms, lateMs, errors } = figures;
  stdout.write(
    `${figures.asked} reads at ${asked.rate} a second: errors ${JSON.stringify(errors)}, p50 ${ms.p50} ms, p99 ${ms.p99} ms ` +
      `(limit ${MOST_P99_MS}), most ${ms.most} ms; service ${cpuMs.toFixed(2)} ms CPU a read, ` +
      `${((await memoryOf(service.pid)).peak / 1e6).toFixed(0)} MB at most; client late p50 ${lateMs.p50} ms, p99 ` +
      `${lateMs.p99} ms; load ${loadavg()[0]!.toFixed(1)}\n`,
  );
  return figures;
}

async function smallCt(folder: string): Promise<Uint8Array> {
  const path = join(folder, 'ct.nii.gz');
  const grid = phantomGrid('small', { spacing: [6, 6, 6] });
  await writeNifti(path, makePhantom({ seed: 7, grid }).ct);
  return readFile(path);
}

/** A data root with a job that has ended, and a service over it whose next job never does. */
async function prepared(
  folder: string,
): Promise<{ readonly service: ServiceProcess; readonly done: string; readonly running: string }> {
  const dataRoot = join(folder, 'data');
  const ct = { bytes: await smallCt(folder), fileName: 'ct.nii.gz', target: 'liver' } as const;
  const first = await startService({ dataRoot });
  const { jobId: done } = await ended(first, (await submit(first, ct, MODEL)).jobId);
  await first.stop();
  const service = await startService({ dataRoot, venv: fakeVenv(folder, 'slow') });
  const { jobId: running } = await submit(service, ct, MODEL);
  return { service, done, running };
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
  });
  const asked = { rate: Number(values.rate), seconds: Number(values.seconds) };
  const folder = await mkdtemp(join(tmpdir(), 'hpb-load-'));
  const { service, done, running } = await prepared(folder);
  try {
    stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}\n`);
    const openFiles = async (): Promise<number> => (await readdir(`/proc/${service.pid}/fd`)).length;
    await read(service, done, { rate: 100, seconds: 3 });
    const loaded = await read(service, done, asked);
    const abuses = [
      await hugeHeaders(service),
      await abortedUploads(service),
      await idleStreams(service, running, openFiles),
      await slowLoris(service),
    ];
    for (const { what, held, found } of abuses)
      stdout.write(`${what}: ${held ? 'held' : 'NOT HELD'}; ${found}\n`);
    const after = await read(service, done, { rate: 200, seconds: 5 });
    const errors = [loaded, after].flatMap((figures) => Object.keys(figures.errors));
    const held = errors.length === 0 && loaded.ms.p99 <= MOST_P99_MS && abuses.every((abuse) => abuse.held);
    process.exitCode = held ? 0 : 1;
  } finally {
    await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
