/**
 * The engine host on an NVIDIA card against the plain commands on the same card: networks of the real sizes with random
 * weights on one CT of 512 x 512 x 300, or of fewer slices over the same length.
 *
 * npm run bench:gpu -- [--models ID,...] [--rounds 2] [--slices 300] [--size full|small] [--device cuda|cuda:N|cpu]
 *   [--deterministic] [--out FILE]
 *
 * Prints a table per model: plain seconds (cold, as it always is), ours cold and warm, forward passes, peak of GPU
 * memory and whether the sums lay in RAM; then voxels that differ between two plain runs, between two of ours, and
 * between the two: on a card the plain tools do not agree with themselves, and ours has to be at least as close.
 * `--out` writes the same as JSON. `--size small --device cpu` tries the bench itself on any machine. Ends with the
 * exit code of DEVICE_UNAVAILABLE where there is no such card.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stderr, stdout } from 'node:process';
import { writeNifti } from '../adapters/nifti-file.ts';
import type { Engine } from '../core/engine-port.ts';
import { ERROR_CODES, HpbError } from '../core/errors.ts';
import { engineCallOf } from '../core/models/catalogue.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { bodyGrid, runVariant } from './card/run-variant.ts';
import { machineFacts, median } from './figures.ts';
import { compareMasks } from './parity/compare.ts';
import { plainInput, preparePlainTools, runPlain, type PlainInput, type PlainTools } from './plain-tools.ts';
import { VARIANTS } from './variants.ts';
import {
  benchMachine,
  TASK008_SPACING,
  warmEngine,
  withFullSizeWeights,
  type BenchMachine,
} from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const SEED = 90_050;

interface Sides {
  readonly machine: BenchMachine;
  readonly tools: PlainTools;
  readonly engine: Engine;
  readonly scratch: string;
  readonly ct: string;
  readonly input: PlainInput;
}

/** What the rounds of one model came to. */
interface GpuFigures {
  readonly variant: string;
  readonly plainSeconds: number;
  readonly coldSeconds: number;
  readonly warmSeconds: number;
  readonly warmForwardSeconds: number;
  readonly tiles: number;
  readonly peakVramBytes: number | null;
  readonly sumsInRam: boolean;
  /** Voxels whose label differs; null with a single round. */
  readonly differing: {
    readonly plainPlain: number | null;
    readonly oursOurs: number | null;
    readonly plainOurs: number | null;
  };
}

async function compareOn(sides: Sides, id: string, rounds: number): Promise<GpuFigures> {
  const { model, options } = VARIANTS[id]!;
  const call = engineCallOf(model, options, sides.machine.weights);
  const plain = [];
  const own = [];
  for (let round = 0; round < rounds; round++) {
    plain.push(await runPlain(sides.tools, call, sides.input));
    const output = join(sides.scratch, `${id}-${round}.nii.gz`);
    own.push(await runVariant(sides.engine, sides.machine, { id, ct: sides.ct, output }));
  }
  const differing = async (a: string | undefined, b: string | undefined): Promise<number | null> =>
    a === undefined || b === undefined ? null : (await compareMasks(a, b, [])).differing;
  // The first run loads the networks.
  const warm = own.length > 1 ? own.slice(1) : own;
  const { result: last } = warm.at(-1)!;
  return {
    variant: id,
    plainSeconds: median(plain.map(({ seconds }) => seconds)),
    coldSeconds: own[0]!.seconds,
    warmSeconds: median(warm.map(({ seconds }) => seconds)),
    warmForwardSeconds: median(warm.map(({ result }) => result.forwardSeconds)),
    tiles: last.tiles,
    peakVramBytes: last.peakVramBytes,
    sumsInRam: own.some(({ result }) => result.sumsInRam === true),
    differing: {
      plainPlain: await differing(plain[0]?.mask, plain[1]?.mask),
      oursOurs: await differing(own[0]?.output, own[1]?.output),
      plainOurs: await differing(plain[0]?.mask, own[0]?.output),
    },
  };
}

const HEAD = [
  'model',
  'tiles',
  'plain s',
  'ours cold s',
  'ours warm s',
  'warm / plain',
  'forward s',
  'VRAM GB',
  'sums',
  'differing plain-plain',
  'ours-ours',
  'plain-ours',
];

function row(figures: GpuFigures): string {
  const { differing, peakVramBytes, plainSeconds, warmSeconds } = figures;
  const cells = [
    figures.variant,
    figures.tiles,
    plainSeconds.toFixed(1),
    figures.coldSeconds.toFixed(1),
    warmSeconds.toFixed(1),
    (warmSeconds / plainSeconds).toFixed(2),
    figures.warmForwardSeconds.toFixed(1),
    peakVramBytes === null ? '-' : (peakVramBytes / 1e9).toFixed(2),
    figures.sumsInRam ? 'RAM' : 'device',
    ...[differing.plainPlain, differing.oursOurs, differing.plainOurs].map((count) => count ?? '-'),
  ];
  return `| ${cells.join(' | ')} |\n`;
}

async function prepare(
  values: {
    readonly size: string;
    readonly slices: string;
    readonly device: string;
    readonly deterministic: boolean;
  },
  scratch: string,
): Promise<Sides> {
  const found = await benchMachine();
  const settings = { ...found.settings, HPB_DEVICE: values.device, HPB_DETERMINISTIC: values.deterministic };
  const engine = warmEngine({ ...found, settings }, join(scratch, 'engine'));
  try {
    // Asked first: without the card nothing else is worth its time.
    stdout.write(`${machineFacts(await engine.hello())}\n`);
    const sized =
      values.size === 'full'
        ? await withFullSizeWeights(found, join(scratch, 'weights'), TASK008_SPACING)
        : found;
    const machine = { ...sized, settings };
    const { venv, weights, threads } = machine;
    const device = values.device.startsWith('cuda') ? 'gpu' : 'cpu';
    const tools = await preparePlainTools({
      venv,
      weights,
      threads,
      device,
      scratch: join(scratch, 'plain'),
    });
    const ct = join(scratch, 'ct.nii.gz');
    const grid = values.size === 'full' ? bodyGrid(Number(values.slices)) : phantomGrid('small');
    await writeNifti(ct, makePhantom({ seed: SEED, grid }).ct);
    stdout.write(
      `${machine.weightsKind} weights, CT ${grid.dims.join(' x ')}, ${values.deterministic ? 'deterministic' : 'as fast as the plain tools'}\n\n`,
    );
    return { machine, tools, engine, scratch, ct, input: await plainInput(tools, ct) };
  } catch (thrown) {
    await engine.stop();
    throw thrown;
  }
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    models: { type: 'string', default: 'task008,liver-fast,liver,totalseg' },
    rounds: { type: 'string', default: '2' },
    slices: { type: 'string', default: '300' },
    size: { type: 'string', default: 'full' },
    device: { type: 'string', default: 'cuda' },
    deterministic: { type: 'boolean', default: false },
    out: { type: 'string' },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-gpu-'));
  try {
    const sides = await prepare(values, scratch);
    try {
      stdout.write(`| ${HEAD.join(' | ')} |\n|${' --- |'.repeat(HEAD.length)}\n`);
      const figures: GpuFigures[] = [];
      for (const id of values.models.split(',')) {
        const one = await compareOn(sides, id, Number(values.rounds));
        figures.push(one);
        stdout.write(row(one));
        const device = await sides.engine.hello();
        // After every model, lest a run that is cut short leaves nothing.
        if (values.out !== undefined)
          await writeFile(values.out, `${JSON.stringify({ device, size: values.size, figures }, null, 2)}\n`);
      }
    } finally {
      await sides.engine.stop();
    }
  } catch (thrown) {
    if (!(thrown instanceof HpbError)) throw thrown;
    stderr.write(`${thrown.code}: ${thrown.message}\n${thrown.remedy}\n`);
    process.exitCode = ERROR_CODES[thrown.code].exit;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

await main();
