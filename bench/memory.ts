/**
 * Peak memory of the engine host per request and grid against `memoryNeeded` and, for `both`, what stays loaded of the
 * models before (`engineMemoryNeeded`); it calibrates their coefficients.
 *
 * npm run bench:memory -- [--full-size] [--forward-once | --beside-forward] [--models ID,...] [--grids ID,...] [--json]
 *
 * `--forward-once` computes one patch per network and repeats what it took (bench/forward): grids of real size, and
 * Task008 at its real spacing, in minutes on a CPU. `--beside-forward` leaves out what the network itself takes: with it
 * the figures of the other steps are calibrated, and no estimate is judged.
 *
 * A fresh host for every figure, since a peak never falls. `--full-size` uses random weights of the real networks'
 * size: only then must the estimate be at most `MOST` times the measured peak, because the formula's base stands
 * for the real networks (their float32 weights and the activations of one patch), not for the small demo ones.
 * Exit code 1 when an estimate is below what was measured, or too far above it.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { writeNifti } from '../adapters/nifti-file.ts';
import { asHpbError } from '../core/errors.ts';
import { engineMemoryNeeded } from '../core/models/case-memory.ts';
import {
  engineCallOf,
  MODEL_IDS,
  REQUEST_MODELS,
  type ModelId,
  type SegmentOptions,
} from '../core/models/catalogue.ts';
import { makePhantom, phantomGrid } from '../core/volume/phantom.ts';
import { voxelCount, type Grid, type Volume } from '../core/volume/volume.ts';
import { gib, machineFacts } from './figures.ts';
import { FORWARD_HOOK } from './plain-tools.ts';
import { venvWith } from './python-with.ts';
import {
  benchMachine,
  TASK008_SPACING,
  warmEngine,
  withFullSizeWeights,
  type BenchMachine,
} from './warm-engine.ts';
import { commandOptions } from '../scripts/command-options.ts';

const MOST = 1.25;
const SEED = 90_003;

const GRIDS: Readonly<Record<string, Grid>> = {
  tiny: phantomGrid('small', { dims: [64, 56, 48] }),
  small: phantomGrid('small'),
  medium: phantomGrid('small', { spacing: [1.2, 1.2, 2] }),
  large: phantomGrid('full'),
  low: phantomGrid('full', { dims: [256, 256, 100], spacing: [1.4, 1.4, 3] }),
  thick: phantomGrid('full', { dims: [512, 512, 80], spacing: [0.75, 0.75, 5] }),
  sparse: phantomGrid('full', { dims: [400, 400, 90], spacing: [0.9, 0.9, 4] }),
  coarse: phantomGrid('full', { dims: [320, 320, 160], spacing: [1.2, 1.2, 2.5] }),
  usual: phantomGrid('full', { dims: [512, 512, 200], spacing: [0.75, 0.75, 2] }),
  fine: phantomGrid('full', { dims: [512, 512, 300], spacing: [0.7, 0.7, 1.25] }),
  oblong: phantomGrid('full', { dims: [400, 300, 250], spacing: [0.9, 0.9, 1.5] }),
};

interface Variant {
  readonly id: string;
  readonly models: readonly ModelId[];
  readonly options: SegmentOptions;
}

const OPTIONS: SegmentOptions = { fast: false, folds: [0], tta: false };

const VARIANTS: readonly Variant[] = [
  ...MODEL_IDS.flatMap((model): Variant[] => {
    const plain = { id: model, models: [model], options: OPTIONS };
    if (model === 'task008') {
      return [plain, { ...plain, id: 'task008-folds01', options: { ...OPTIONS, folds: [0, 1] } }];
    }
    const hasFast = model === 'liver' || model === 'totalseg';
    return hasFast
      ? [plain, { ...plain, id: `${model}-fast`, options: { ...OPTIONS, fast: true } }]
      : [plain];
  }),
  { id: 'both', models: REQUEST_MODELS['both']!, options: { ...OPTIONS, fast: true } },
];

interface Figure {
  readonly variant: string;
  readonly grid: string;
  readonly voxels: number;
  readonly measuredBytes: number;
  readonly estimatedBytes: number;
}

/** The small phantom on a larger grid, voxels repeated: making a real one takes minutes, and memory is the same. */
function stretchedPhantom(grid: Grid): Volume {
  const small = makePhantom({ seed: SEED, grid: phantomGrid('small') }).ct;
  const [nx, ny, nz] = grid.dims;
  const [sx, sy, sz] = small.grid.dims;
  const data = new Int16Array(nx * ny * nz);
  const columns = Array.from({ length: nx }, (_, x) => Math.floor((x * sx) / nx));
  for (let z = 0, at = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const row = (Math.floor((z * sz) / nz) * sy + Math.floor((y * sy) / ny)) * sx;
      for (let x = 0; x < nx; x++) data[at++] = small.data[row + columns[x]!]!;
    }
  }
  return { grid, data, slope: 1, intercept: 0 };
}

/** Peak of a fresh host, bytes; null where weights are missing. */
async function measure(
  machine: BenchMachine,
  variant: Variant,
  ct: string,
  scratch: string,
): Promise<number | null> {
  const engine = warmEngine(machine, join(scratch, 'engine'));
  try {
    const opened = await engine.open(ct);
    const output = join(scratch, 'mask.nii.gz');
    let peak = 0;
    for (const model of variant.models) {
      const call = engineCallOf(model, variant.options, machine.weights);
      peak = (await opened.run({ call, output, onProgress: () => undefined })).peakRssBytes;
    }
    return peak;
  } catch (thrown) {
    if (asHpbError(thrown).code === 'WEIGHTS_MISSING') return null;
    throw thrown;
  } finally {
    await engine.stop();
  }
}

function line({ variant, grid, voxels, measuredBytes, estimatedBytes }: Figure): string {
  const ratio = estimatedBytes / measuredBytes;
  return (
    `${variant.padEnd(16)} ${grid.padEnd(8)} ${String(voxels).padStart(10)} voxels  measured ` +
    `${gib(measuredBytes)}  estimated ${gib(estimatedBytes)}  estimated / measured ${ratio.toFixed(2)}`
  );
}

interface Way {
  readonly fullSize: boolean;
  readonly forward: 'whole' | 'once' | 'beside';
}

/** The machine with the weights and the way of computing that are asked for; what it needs is written to `scratch`. */
async function machineFor({ fullSize, forward }: Way, scratch: string): Promise<BenchMachine> {
  const found = await benchMachine();
  const spacing = forward === 'whole' ? undefined : TASK008_SPACING;
  const machine = fullSize ? await withFullSizeWeights(found, join(scratch, 'weights'), spacing) : found;
  if (forward === 'whole') return machine;
  const environment = { PYTHONPATH: FORWARD_HOOK, HPB_FORWARD_ONCE: forward };
  return { ...machine, venv: await venvWith(found.venv, join(scratch, 'venv'), environment) };
}

/** Figures of one grid, as they are measured; of variants without weights there are none. */
async function* figuresOf(
  machine: BenchMachine,
  variants: readonly Variant[],
  gridName: string,
  scratch: string,
): AsyncGenerator<Figure> {
  const grid = GRIDS[gridName]!;
  const ct = join(scratch, `${gridName}.nii.gz`);
  await writeNifti(ct, stretchedPhantom(grid));
  for (const variant of variants) {
    const measuredBytes = await measure(machine, variant, ct, scratch);
    if (measuredBytes === null) {
      stdout.write(
        `${variant.id.padEnd(16)} ${gridName.padEnd(8)} skipped: no ${machine.weightsKind} weights\n`,
      );
      continue;
    }
    const estimatedBytes = engineMemoryNeeded(grid, variant.models, variant.options);
    yield {
      variant: variant.id,
      grid: gridName,
      voxels: voxelCount(grid.dims),
      measuredBytes,
      estimatedBytes,
    };
  }
}

async function main(): Promise<number> {
  const values = commandOptions(import.meta.filename, {
    'full-size': { type: 'boolean', default: false },
    'forward-once': { type: 'boolean', default: false },
    'beside-forward': { type: 'boolean', default: false },
    models: { type: 'string', default: VARIANTS.map(({ id }) => id).join(',') },
    grids: { type: 'string', default: 'tiny,small,medium' },
    json: { type: 'boolean', default: false },
  });
  const forward = values['beside-forward'] ? 'beside' : values['forward-once'] ? 'once' : 'whole';
  const fullSize = values['full-size'];
  const isBad = ({ estimatedBytes, measuredBytes }: Figure): boolean =>
    estimatedBytes < measuredBytes || (fullSize && estimatedBytes > MOST * measuredBytes);
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-memory-'));
  let bad = 0;
  try {
    const machine = await machineFor({ fullSize, forward }, scratch);
    const variants = VARIANTS.filter(({ id }) => values.models.split(',').includes(id));
    stdout.write(`${machineFacts()}, ${machine.threads} threads, ${machine.weightsKind} weights\n`);
    for (const name of values.grids.split(',')) {
      for await (const figure of figuresOf(machine, variants, name, scratch)) {
        stdout.write(`${values.json ? JSON.stringify(figure) : line(figure)}\n`);
        if (isBad(figure)) bad++;
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return bad === 0 || forward === 'beside' ? 0 : 1;
}

process.exitCode = await main();
