/**
 * Start of a process to its first tile, the beginning of the first forward pass: the worker as a deployment starts it (container/main.ts with
 * one case) against the plain command, same CT, weights and threads, rounds interleaved.
 *
 * npm run bench:cold-start -- [--models liver-fast,liver,task008] [--rounds 3] [--ct FILE]
 *
 * Prints medians and ours / plain (target 0.6), the same up to the end of that tile, which takes both sides the same,
 * and exits with 1 when a target is missed. Both sides are ended after it. The moment is told by bench/forward on both sides.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, execPath, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileObjectStore } from '../adapters/file-object-store.ts';
import { writeNifti } from '../adapters/nifti-file.ts';
import { runProcess } from '../adapters/run-process.ts';
import { HpbError } from '../core/errors.ts';
import { caseIdOf, caseInputKey, type JobId } from '../core/layout.ts';
import { engineCallOf } from '../core/models/catalogue.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { machineFacts, median } from './figures.ts';
import { FORWARD_HOOK, plainCommand, plainInput, preparePlainTools, type PlainTools } from './plain-tools.ts';
import { venvWith } from './python-with.ts';
import { VARIANTS } from './variants.ts';
import { benchMachine, PACKAGE_ROOT, type BenchMachine } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const TARGET = 0.6;
const PHANTOM_SEED = 90_040;
const JOB = 'bench-cold-start' as JobId;
const LONGEST_SECONDS = 300;

/** Seconds from the start of a process. */
interface Tile {
  readonly begin: number;
  readonly end: number;
}

interface Sides {
  readonly machine: BenchMachine;
  readonly tools: PlainTools;
  /** A virtual environment whose Python has the clock. */
  readonly clockedVenv: string;
  readonly scratch: string;
  readonly ct: string;
}

/** Seconds from now to the beginning and the end of the first tile, by the mark that the process leaves; it is ended then. */
async function secondsToMark(
  mark: string,
  process: Pick<Parameters<typeof runProcess>[0], 'command' | 'args' | 'environment'>,
): Promise<Tile> {
  const enough = new AbortController();
  const start = Date.now() / 1000;
  const state: { lastLines: readonly string[] | null } = { lastLines: null };
  // Ending it early is what the signal is for, and no failure.
  const ending = runProcess({ ...process, signal: enough.signal }).then(
    ({ tail }) => (state.lastLines = tail),
    () => undefined,
  );
  let at = '';
  while (at === '' && state.lastLines === null && Date.now() / 1000 - start < LONGEST_SECONDS) {
    await sleep(20);
    at = await readFile(mark, 'utf8').catch(() => '');
  }
  enough.abort();
  await ending;
  if (at === '') {
    throw new HpbError(
      'ENGINE_FAILED',
      `No forward pass; last lines:\n${(state.lastLines ?? []).join('\n')}`,
      {
        remedy: `Run it by hand: ${process.command} ${process.args.join(' ')}`,
      },
    );
  }
  await rm(mark);
  const [begin, end] = at.split(' ').map((moment) => Number(moment) - start);
  return { begin: begin!, end: end! };
}

async function plainSeconds({ machine, tools, scratch, ct }: Sides, id: string): Promise<Tile> {
  const { model, options } = VARIANTS[id]!;
  const out = await mkdtemp(join(scratch, 'plain-out-'));
  const call = engineCallOf(model, options, machine.weights);
  const command = plainCommand(call, await plainInput(tools, ct), out);
  const mark = join(out, 'mark');
  return secondsToMark(mark, {
    command: join(tools.bin, command.program),
    args: command.argv,
    environment: { ...tools.environment, PYTHONPATH: FORWARD_HOOK, HPB_FIRST_FORWARD: mark },
  });
}

async function workerSeconds({ machine, clockedVenv, scratch, ct }: Sides, id: string): Promise<Tile> {
  const { model, options } = VARIANTS[id]!;
  const dataRoot = await mkdtemp(join(scratch, 'data-'));
  const caseId = caseIdOf(1);
  const inputKey = caseInputKey(JOB, caseId);
  await new FileObjectStore(join(dataRoot, 'objects')).putFile(inputKey, ct);
  const task = { caseId, inputKey, models: [model], options, timeoutSeconds: LONGEST_SECONDS };
  const file = join(dataRoot, 'shard.json');
  await writeFile(file, JSON.stringify({ layoutVersion: 1, jobId: JOB, attempt: 1, cases: [task] }));
  return secondsToMark(join(clockedVenv, 'mark'), {
    command: execPath,
    args: [join(PACKAGE_ROOT, 'container', 'main.ts'), '--shard-file', file],
    environment: {
      PATH: env['PATH'],
      HPB_DATA_ROOT: dataRoot,
      HPB_VENV: clockedVenv,
      HPB_WEIGHTS: machine.weightsKind,
      HPB_DEVICE: 'cpu',
      OMP_NUM_THREADS: String(machine.threads),
      RESULTS_FOLDER: env['RESULTS_FOLDER'],
      TOTALSEG_WEIGHTS_PATH: env['TOTALSEG_WEIGHTS_PATH'],
    },
  });
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    models: { type: 'string', default: 'liver-fast,liver,task008' },
    rounds: { type: 'string', default: '3' },
    ct: { type: 'string' },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-cold-start-'));
  try {
    const machine = await benchMachine();
    const { venv, weights, threads } = machine;
    const tools = await preparePlainTools({ venv, weights, threads, scratch: join(scratch, 'plain') });
    const ct = values.ct ?? join(scratch, 'phantom.nii.gz');
    if (values.ct === undefined) {
      await writeNifti(ct, makePhantom({ seed: PHANTOM_SEED, grid: phantomGrid('small') }).ct);
    }
    const clockedVenv = join(scratch, 'venv');
    const mark = join(clockedVenv, 'mark');
    await venvWith(venv, clockedVenv, { PYTHONPATH: FORWARD_HOOK, HPB_FIRST_FORWARD: mark });
    const sides: Sides = { machine, tools, clockedVenv, scratch, ct };
    stdout.write(
      `${machineFacts()}, ${threads} threads, ${machine.weightsKind} weights, median of ${values.rounds} rounds\n`,
    );
    for (const id of values.models.split(',')) {
      const plain: Tile[] = [];
      const ours: Tile[] = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        plain.push(await plainSeconds(sides, id));
        ours.push(await workerSeconds(sides, id));
      }
      const [a, b] = [plain, ours].map((side) => median(side.map(({ begin }) => begin)));
      const [aEnd, bEnd] = [plain, ours].map((side) => median(side.map(({ end }) => end)));
      if (b! / a! > TARGET) process.exitCode = 1;
      stdout.write(
        `${id}: first tile begins after ${a!.toFixed(2)} s (plain), ${b!.toFixed(2)} s (ours), ours / plain ` +
          `${(b! / a!).toFixed(2)} (target <= ${TARGET}); it ends after ${aEnd!.toFixed(2)} s, ${bEnd!.toFixed(2)} s, ` +
          `${(bEnd! / aEnd!).toFixed(2)}\n`,
      );
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
