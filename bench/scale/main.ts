/**
 * What a large batch costs beside its workers: plan, workflow, publishing and status of so many cases, which enter as a
 * manifest of uploads. Everything is real but Batch (a double that takes 50 submissions a second and throttles beyond,
 * as AWS does) and the workers (a process of its own that writes small results). A smaller batch shows whether memory
 * is flat.
 *
 * npm run bench:scale -- [--cases 10000] [--few 1000] [--store file|s3] [--record]
 *
 * `--store s3`: MiniStack, of the environment that the tests make. Our CPU time counts, not
 * the wall: the figure is about us, not about how busy the machine is. `--record` writes the figures to docs/scale.json and
 * the capacity model made of them to docs/scale.md. Exit code 1 above 5 ms of our CPU time a case, or when a case more
 * holds more than 16 KiB of memory.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { runProcess } from '../../adapters/run-process.ts';
import { HpbError } from '../../core/errors.ts';
import { machineFacts } from '../figures.ts';
import { PACKAGE_ROOT } from '../warm-engine.ts';
import { ownMsOf, scalePage, type ScaleRecord } from './capacity.ts';
import { startMinistack } from './ministack.ts';
import { scaleRun, type PhaseCost, type ScaleFigures } from './scale-run.ts';
import { storeOf } from './scale-store.ts';
import { commandOptions } from '../../scripts/command-options.ts';

const MOST_MS_A_CASE = 5;
const MOST_BYTES_A_CASE = 16 * 1024;
const RECORD = join(PACKAGE_ROOT, 'docs', 'scale.json');

/** Runs a batch in a process of its own, so that its memory is its own. */
async function apart(kind: string, cases: number): Promise<ScaleFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'hpb-scale-'));
  const emulator = kind === 's3' ? await startMinistack(folder) : null;
  try {
    const address = emulator?.address ?? join(folder, 'objects');
    const args = [import.meta.filename, '--part', address, '--cases', String(cases)];
    const run = await runProcess({ command: process.execPath, args, environment: env });
    if (run.exitCode === 0) return JSON.parse(run.stdout) as ScaleFigures;
    throw new HpbError('UNEXPECTED', `The batch failed:\n${run.tail.join('\n')}`, {
      remedy: `Run it by hand: node ${args.join(' ')}`,
    });
  } finally {
    await emulator?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function line(figures: ScaleFigures): string {
  const { cases, shards, batch, heldBytes, peakBytes, status } = figures;
  const of = ({ cpuSeconds, wallSeconds }: PhaseCost): string =>
    `${cpuSeconds.toFixed(2)} s CPU (${wallSeconds.toFixed(1)} s)`;
  return (
    `${cases} cases, ${shards} shards: prepare ${of(figures.prepare)}, run ${of(figures.run)}, publish ${of(figures.publish)}, ZIP ${of(figures.zip)}, ` +
    `status ${of(status.running)} running, ${of(status.ended)} ended; ${ownMsOf(figures).toFixed(2)} ms a case (limit ` +
    `${MOST_MS_A_CASE}); held ${(heldBytes / 1e6).toFixed(0)} MB, peak ${(peakBytes / 1e6).toFixed(0)} MB; ${batch.throttled} submissions throttled, plan ` +
    `${(figures.planBytes / 1e6).toFixed(2)} MB, largest item ${figures.largestItemBytes} bytes\n`
  );
}

async function record(kind: 'file' | 's3', runs: readonly ScaleFigures[]): Promise<void> {
  const text = await readFile(RECORD, 'utf8').catch(() => '{}');
  const before = JSON.parse(text) as ScaleRecord;
  const after = {
    ...before,
    [kind]: { machine: `${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}`, runs },
  };
  await writeFile(RECORD, `${JSON.stringify(after, null, 2)}\n`);
  await writeFile(join(PACKAGE_ROOT, 'docs', 'scale.md'), scalePage(after));
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    cases: { type: 'string', default: '10000' },
    few: { type: 'string', default: '1000' },
    store: { type: 'string', default: 'file' },
    record: { type: 'boolean', default: false },
    part: { type: 'string' },
  });
  const cases = Number(values.cases);
  if (values.part !== undefined) {
    stdout.write(JSON.stringify(await scaleRun(values.part, storeOf(values.part), cases)));
    process.exit(0);
  }
  const kind = values.store === 's3' ? 's3' : 'file';
  stdout.write(`${machineFacts()}, load ${loadavg()[0]!.toFixed(1)}, store ${kind}\n`);
  const runs: ScaleFigures[] = [];
  for (const count of [Number(values.few), cases]) {
    runs.push(await apart(kind, count));
    stdout.write(line(runs.at(-1)!));
  }
  const [few, many] = [runs[0]!, runs[1]!];
  const growth = (many.heldBytes - few.heldBytes) / Math.max(1, many.cases - few.cases);
  stdout.write(`memory: ${(growth / 1024).toFixed(1)} KiB a case more (limit ${MOST_BYTES_A_CASE / 1024})\n`);
  if (values.record) await record(kind, runs);
  process.exitCode = ownMsOf(many) <= MOST_MS_A_CASE && growth <= MOST_BYTES_A_CASE ? 0 : 1;
}

await main();
