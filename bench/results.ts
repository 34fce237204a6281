/**
 * Everything after the masks of a case (statistics, components, distances, meshes, pictures, report, volume for the
 * viewer, ZIP) on 512 x 512 x 300 with 10 labels in two masks, files in and files out: `hpb report` against a script
 * with nibabel, scipy, scikit-image and zipfile that makes less (bench/results/plain.py). The script runs twice: with
 * the volume compressed as we do (zlib level 1), and at zlib's default. Each side runs in a process of its own, in
 * turns; modules are loaded before the clock starts; all sides must count the same voxels and components and measure
 * the same HU.
 *
 * npm run bench:results -- [--slices 300] [--rounds 3]
 *
 * Exit code 1 when a bound is missed: `BOUND` of the script at our level, `MOST_MB` at peak, `MOST_BLOCKED_MS` of work in
 * one go on the main thread.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, stdout } from 'node:process';
import { writeNifti } from '../adapters/nifti-file.ts';
import { runProcess } from '../adapters/run-process.ts';
import { HpbError } from '../core/errors.ts';
import { PHANTOM_LABELS, type PhantomLabel } from '../core/volume/phantom/labels.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { bundleForImage, COMPUTE_WORKER } from '../scripts/bundle-worker.ts';
import { machineFacts, median } from './figures.ts';
import { MASKS } from './results/masks.ts';
import type { Measured } from './results/ours.ts';
import type { Held } from './held.ts';
import { PACKAGE_ROOT } from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const BOUND = 0.35;
/** Of the process with its threads, by slices. */
const MOST_MB: Readonly<Record<string, number>> = { 300: 900, 900: 1600 };
const MOST_BLOCKED_MS = 50;
const HEIGHT_MM: Readonly<Record<string, number>> = { 300: 375, 900: 540 };
const PLAIN = join(import.meta.dirname, 'results/plain.py');

const SIDES = ['ours', 'plain, level 1', 'plain, default'] as const;
type Side = (typeof SIDES)[number];

async function makeCase(folder: string, slices: string): Promise<void> {
  const spacing = [0.75, 0.75, (HEIGHT_MM[slices] ?? 375) / Number(slices)] as const;
  const grid = phantomGrid('full', { orientation: 'LPS', dims: [512, 512, Number(slices)], spacing });
  const { ct, truth } = makePhantom({ seed: 90_005, grid });
  await writeNifti(join(folder, 'ct.nii.gz'), ct);
  for (const [mask, labels] of Object.entries(MASKS)) {
    const byTruth = new Uint8Array(256);
    for (const [name, label] of Object.entries(labels)) byTruth[PHANTOM_LABELS[name as PhantomLabel]] = label;
    const data = truth.data.map((label) => byTruth[label]!);
    await writeNifti(join(folder, `${mask}.nii.gz`), { grid: truth.grid, data });
  }
}

/** Type stripping and a hundred files would cost half a second of a core. */
const bundleOurs = (folder: string): Promise<void> =>
  bundleForImage(
    { ours: join(import.meta.dirname, 'results/ours.ts'), ...COMPUTE_WORKER },
    join(folder, 'bundle'),
  );

async function runSide(folder: string, side: Side): Promise<Measured> {
  if (side === 'ours')
    return JSON.parse(await part(process.execPath, [join(folder, 'bundle', 'ours.js'), folder])) as Measured;
  const python = join(PACKAGE_ROOT, '.venv/bin/python');
  const level = side === 'plain, default' ? '-1' : '1';
  const { structures, ...rest } = JSON.parse(
    await part(python, [PLAIN, folder, join(folder, 'plain'), level]),
  ) as Measured & { structures: Record<string, { voxels: number; components: number; mean: number }> };
  const found = Object.entries(structures).map(([key, { voxels, components, mean }]) => [
    key,
    [voxels, components, mean],
  ]);
  return { ...rest, held: null, found: Object.fromEntries(found) };
}

/** Runs a process of its own; returns what it prints. */
async function part(command: string, args: readonly string[]): Promise<string> {
  const run = await runProcess({ command, args, environment: env });
  if (run.exitCode === 0) return run.stdout;
  throw new HpbError('UNEXPECTED', `A side failed:\n${run.tail.join('\n')}`, {
    remedy: `Run it by hand: ${command} ${args.join(' ')}`,
  });
}

/** Whether two sides found the same, to the rounding of metadata.json. */
function agree(a: Measured, b: Measured): boolean {
  const keys = Object.keys(a.found);
  return (
    keys.length === Object.keys(b.found).length &&
    keys.every((key) =>
      a.found[key]!.every((value, n) => Math.abs(value - (b.found[key]?.[n] ?? NaN)) <= (n === 2 ? 0.01 : 0)),
    )
  );
}

async function compare(slices: string, rounds: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'hpb-results-'));
  const measured = new Map<Side, Measured[]>(SIDES.map((side) => [side, []]));
  try {
    await mkdir(join(folder, 'plain'));
    await part(process.execPath, [
      import.meta.filename,
      '--part',
      'make',
      '--folder',
      folder,
      '--slices',
      slices,
    ]);
    await bundleOurs(folder);
    for (let round = 0; round < rounds; round++)
      for (const side of SIDES) measured.get(side)!.push(await runSide(folder, side));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return report(measured, slices);
}

/** Prints all figures; true when every bound is met. */
function report(measured: ReadonlyMap<Side, readonly Measured[]>, slices: string): boolean {
  const ours = measured.get('ours')!;
  print(`${machineFacts()}\n512 x 512 x ${slices}, ${Object.keys(ours[0]!.found).length} labels`);
  for (const [side, runs] of measured) {
    const seconds = runs.map((run) => run.seconds.toFixed(2)).join(' / ');
    const peak = (Math.max(...runs.map(({ peakBytes }) => peakBytes)) / 1e6).toFixed(0);
    const cpu = runs.map((run) => run.cpuSeconds.toFixed(2)).join(' / ');
    print(`${side.padEnd(16)}${seconds} s, CPU ${cpu} s, peak ${peak} MB`);
  }
  const seconds = (side: Side): number => median(measured.get(side)!.map((run) => run.seconds));
  const cpuSeconds = (side: Side): number => median(measured.get(side)!.map((run) => run.cpuSeconds));
  const met = SIDES.slice(1).map((side) => {
    const same = agree(ours[0]!, measured.get(side)![0]!);
    const figures = same ? 'same figures' : 'DIFFERENT FIGURES';
    const bound = side === 'plain, level 1' ? BOUND : undefined;
    const cpu = cpuSeconds('ours') / cpuSeconds(side);
    within(`CPU of ours / ${side}, half of it on ${availableParallelism()} cores at best`, cpu, undefined);
    return within(`ours / ${side} (${figures})`, seconds('ours') / seconds(side), bound) && same;
  });
  const held = (of: (held: Held) => number): number =>
    Math.max(...ours.map((run) => (run.held === null ? NaN : of(run.held))));
  const peak = Math.max(...ours.map(({ peakBytes }) => peakBytes));
  within(
    'ours: main thread did not answer, ms, with waiting for a core',
    held(({ wallMs }) => wallMs),
    undefined,
  );
  met.push(
    within(
      'ours: main thread held by its own work, ms',
      held(({ cpuMs }) => cpuMs),
      MOST_BLOCKED_MS,
    ),
  );
  met.push(within('ours: peak, MB', peak / 1e6, MOST_MB[slices]));
  return met.every(Boolean);
}

/** Prints a figure with its bound, where it has one; false when it is above. */
function within(name: string, figure: number, bound: number | undefined): boolean {
  const digits = figure < 10 ? 2 : 0;
  const met = bound === undefined || figure <= bound;
  const verdict = bound === undefined ? '' : `, bound ${bound}: ${met ? 'met' : 'MISSED'}`;
  print(`${name}: ${figure.toFixed(digits)}${verdict}`);
  return met;
}

const print = (line: string): unknown => stdout.write(`${line}\n`);

const values = commandOptions(import.meta.filename, {
  slices: { type: 'string', default: '300' },
  rounds: { type: 'string', default: '3' },
  part: { type: 'string' },
  folder: { type: 'string', default: '' },
});
if (values.part === 'make') await makeCase(values.folder, values.slices);
else if (values.part !== undefined)
  throw new HpbError('USAGE', `There is no part ${values.part}.`, { remedy: 'Leave --part out.' });
else process.exitCode = (await compare(values.slices, Number(values.rounds))) ? 0 : 1;
