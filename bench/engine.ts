/**
 * Where the engine host spends its time: start (imports, device), opening the CT, and the stages of a run, cold and
 * warm, per model. A fresh host per model.
 *
 * npm run bench:engine -- [--models ID,...] [--grid small|medium] [--ct FILE] [--full-size] [--out FILE]
 *
 * Prints a table; `--out` writes the same as JSON. CPU seconds stand beside wall seconds, because other programs on
 * the machine disturb only the latter; they are of the whole process, its threads included (Linux only, else null).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stdout } from 'node:process';
import { writeNifti } from '../adapters/nifti-file.ts';
import type { OpenedCt } from '../core/engine-port.ts';
import { ENGINE_STAGES, type EngineCall } from '../core/engine-protocol.ts';
import { engineCallOf } from '../core/models/catalogue.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { gib, machineFacts } from './figures.ts';
import { VARIANTS } from './variants.ts';
import { benchMachine, warmEngine, withFullSizeWeights, type BenchMachine } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const SEED = 90_041;
const GRIDS = {
  small: phantomGrid('small'),
  medium: phantomGrid('small', { spacing: [1.2, 1.2, 2] }),
} as const;

/** Seconds of a step. */
interface Spent {
  readonly wall: number;
  readonly cpu: number | null;
}

interface RunProfile extends Spent {
  readonly stages: Readonly<Partial<Record<(typeof ENGINE_STAGES)[number], number>>>;
  readonly forward: number;
}

interface Profile {
  readonly variant: string;
  readonly start: Spent;
  readonly open: Spent;
  readonly cold: RunProfile;
  readonly warm: RunProfile;
  readonly peakRssBytes: number;
}

/** Clock ticks of Linux's /proc, which are hundredths of a second wherever Linux runs. */
const TICKS_PER_SECOND = 100;

/** CPU seconds that a process and its threads have taken; null where there is no /proc. */
async function cpuSeconds(pid: number): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (text === null) return null;
  // The program's name stands in brackets and may hold spaces; user and system time are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function spend<T>(pid: () => number | null, work: () => Promise<T>): Promise<[T, Spent]> {
  const before = pid() === null ? 0 : await cpuSeconds(pid()!);
  const start = performance.now();
  const result = await work();
  const wall = (performance.now() - start) / 1000;
  const after = await cpuSeconds(pid()!);
  return [result, { wall, cpu: before === null || after === null ? null : after - before }];
}

async function profileRun(
  opened: OpenedCt,
  {
    pid,
    call,
    output,
  }: { readonly pid: () => number | null; readonly call: EngineCall; readonly output: string },
): Promise<readonly [RunProfile, number]> {
  const [run, spent] = await spend(pid, () => opened.run({ call, output, onProgress: () => undefined }));
  return [{ ...spent, stages: run.seconds, forward: run.forwardSeconds }, run.peakRssBytes];
}

async function profile(machine: BenchMachine, id: string, ct: string, scratch: string): Promise<Profile> {
  const engine = warmEngine(machine, join(scratch, 'engine'));
  let known: number | null = null;
  const pid = (): number | null => known;
  try {
    const [, start] = await spend(pid, async () => {
      known = (await engine.hello()).pid;
    });
    const [opened, open] = await spend(pid, () => engine.open(ct));
    const { model, options } = VARIANTS[id]!;
    const request = {
      pid,
      call: engineCallOf(model, options, machine.weights),
      output: join(scratch, 'mask.nii.gz'),
    };
    const [cold] = await profileRun(opened, request);
    // The same CT opened anew: what is kept of the first one must not count.
    await opened.close();
    const [warm, peakRssBytes] = await profileRun(await engine.open(ct), request);
    return { variant: id, start, open, cold, warm, peakRssBytes };
  } finally {
    await engine.stop();
  }
}

const shown = ({ wall, cpu }: Spent): string => `${wall.toFixed(2)} (${cpu === null ? '?' : cpu.toFixed(2)})`;

function rows({ variant, start, open, cold, warm, peakRssBytes }: Profile): string {
  const line = (kind: string, run: RunProfile, before: readonly string[]): string =>
    `| ${[
      variant,
      kind,
      ...before,
      ...ENGINE_STAGES.map((stage) => (run.stages[stage] ?? 0).toFixed(2)),
      run.forward.toFixed(2),
      shown(run),
      gib(peakRssBytes),
    ].join(' | ')} |\n`;
  return line('cold', cold, [shown(start), shown(open)]) + line('warm', warm, ['', '']);
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    models: { type: 'string', default: Object.keys(VARIANTS).join(',') },
    grid: { type: 'string', default: 'small' },
    ct: { type: 'string' },
    'full-size': { type: 'boolean', default: false },
    out: { type: 'string' },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-engine-'));
  try {
    const found = await benchMachine();
    const machine = values['full-size'] ? await withFullSizeWeights(found, join(scratch, 'weights')) : found;
    const grid = GRIDS[values.grid === 'medium' ? 'medium' : 'small'];
    const ct = values.ct === undefined ? join(scratch, 'ct.nii.gz') : resolve(values.ct);
    if (values.ct === undefined) await writeNifti(ct, makePhantom({ seed: SEED, grid }).ct);
    const facts = `${machineFacts()}, ${machine.threads} threads, ${machine.weightsKind} weights`;
    const head = ['model', 'run', 'start', 'open', ...ENGINE_STAGES, 'forward', 'whole run', 'peak'];
    stdout.write(
      `${facts}; seconds of wall time, (CPU time)\n\n| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}\n`,
    );
    const profiles: Profile[] = [];
    for (const id of values.models.split(',')) {
      const one = await profile(machine, id, ct, scratch);
      profiles.push(one);
      stdout.write(rows(one));
    }
    if (values.out !== undefined) {
      await writeFile(values.out, `${JSON.stringify({ machine: facts, profiles }, null, 2)}\n`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
