/**
 * The engine host on an NVIDIA card whose memory is nearly taken: another process keeps all but so many gigabytes, as if
 * the card were that small (a T4 has 15.6 GB of use).
 *
 * npm run bench:card-memory -- [--left 15.6,5,2] [--models ID,...] [--slices 160] [--size full|small]
 *   [--device cuda|cuda:N|cpu] [--out FILE]
 *
 * Prints per model first the peak on a CT of few patches (weights and one pass), then for every size: seconds, peak of
 * GPU memory, whether the sums lay in RAM, and voxels that differ from the same model on the whole card; or the error.
 * A fresh host for every figure, since a loaded network stays on the card. `--out` writes the same as JSON. `--size small
 * --device cpu` tries the bench itself on any machine. Exit code 1 when a run ends with another error than
 * GPU_OUT_OF_MEMORY.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { venvPython } from '../../adapters/machine-paths.ts';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { asHpbError, HpbError } from '../../core/errors.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { machineFacts } from '../figures.ts';
import { compareMasks } from '../parity/compare.ts';
import {
  benchMachine,
  TASK008_SPACING,
  warmEngine,
  withFullSizeWeights,
  type BenchMachine,
} from '../warm-engine.ts';
import { commandOptions } from '../../scripts/command-options.ts';
import { bodyGrid, runVariant } from './run-variant.ts';

const SEED = 90_051;

/** One run; `null` for what there is none of. */
interface Figure {
  readonly model: string;
  /** GB that were free when the engine started; null for the whole card. */
  readonly leftGb: number | null;
  readonly ct: 'few patches' | 'whole';
  readonly seconds: number | null;
  readonly peakVramBytes: number | null;
  readonly sumsInRam: boolean | null;
  readonly differing: number | null;
  readonly error: string | null;
}

interface Cts {
  readonly 'few patches': string;
  readonly whole: string;
}

/** Keeps all of the card but `leftGb` while `work` runs. */
async function withLeft<T>(machine: BenchMachine, leftGb: number, work: () => Promise<T>): Promise<T> {
  const script = join(import.meta.dirname, 'fill.py');
  const args = [script, machine.settings.HPB_DEVICE, String(Math.round(leftGb * 1e9))];
  const filler = spawn(venvPython(machine.venv), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(filler, 'close');
  try {
    const lines = createInterface({ input: filler.stdout });
    const [said] = (await Promise.race([once(lines, 'line'), closed])) as [unknown];
    if (typeof said !== 'string')
      throw new HpbError('UNEXPECTED', `The card cannot be filled but for ${leftGb} GB.`, {
        remedy: 'Leave less with --left.',
      });
    return await work();
  } finally {
    filler.stdin.end();
    await closed;
  }
}

async function measure(
  machine: BenchMachine,
  run: { readonly id: string; readonly ct: keyof Cts; readonly leftGb: number | null },
  { cts, scratch }: { readonly cts: Cts; readonly scratch: string },
): Promise<Figure> {
  const reference = join(scratch, `${run.id}-${run.ct}.nii.gz`);
  const output = run.leftGb === null ? reference : join(scratch, `${run.id}-${run.leftGb}.nii.gz`);
  const known = { model: run.id, leftGb: run.leftGb, ct: run.ct };
  const none = { seconds: null, peakVramBytes: null, sumsInRam: null, differing: null };
  const engine = warmEngine(machine, join(scratch, 'engine'));
  try {
    const { seconds, result } = await runVariant(engine, machine, { id: run.id, ct: cts[run.ct], output });
    const differing = run.leftGb === null ? null : (await compareMasks(reference, output, [])).differing;
    const { peakVramBytes, sumsInRam = null } = result;
    return { ...known, seconds, peakVramBytes, sumsInRam, differing, error: null };
  } catch (thrown) {
    return { ...known, ...none, error: asHpbError(thrown).code };
  } finally {
    await engine.stop();
  }
}

const HEAD = ['model', 'CT', 'GB left', 's', 'VRAM GB', 'sums', 'differing', 'error'];

function row(figure: Figure): string {
  const { peakVramBytes, sumsInRam } = figure;
  const cells = [
    figure.model,
    figure.ct,
    figure.leftGb ?? 'all',
    figure.seconds?.toFixed(1) ?? '-',
    peakVramBytes === null ? '-' : (peakVramBytes / 1e9).toFixed(2),
    figure.seconds === null ? '-' : sumsInRam === true ? 'RAM' : 'device',
    figure.differing ?? '-',
    figure.error ?? '',
  ];
  return `| ${cells.join(' | ')} |\n`;
}

async function prepare(
  values: { readonly size: string; readonly device: string; readonly slices: string },
  scratch: string,
): Promise<{ readonly machine: BenchMachine; readonly cts: Cts }> {
  const found = await benchMachine();
  const whole = values.size === 'full';
  const sized = whole ? await withFullSizeWeights(found, join(scratch, 'weights'), TASK008_SPACING) : found;
  const machine = { ...sized, settings: { ...found.settings, HPB_DEVICE: values.device } };
  const small = phantomGrid('small');
  const cts = { 'few patches': join(scratch, 'few.nii.gz'), whole: join(scratch, 'whole.nii.gz') };
  await writeNifti(cts['few patches'], makePhantom({ seed: SEED, grid: small }).ct);
  await writeNifti(
    cts.whole,
    makePhantom({ seed: SEED, grid: whole ? bodyGrid(Number(values.slices)) : small }).ct,
  );
  return { machine, cts };
}

async function main(): Promise<void> {
  const values = commandOptions(import.meta.filename, {
    left: { type: 'string', default: '15.6,5,2' },
    models: { type: 'string', default: 'task008,liver-fast,totalseg' },
    slices: { type: 'string', default: '160' },
    size: { type: 'string', default: 'full' },
    device: { type: 'string', default: 'cuda' },
    out: { type: 'string' },
  });
  const scratch = await mkdtemp(join(tmpdir(), 'hpb-card-'));
  const figures: Figure[] = [];
  try {
    const { machine, cts } = await prepare(values, scratch);
    stdout.write(`${machineFacts()}, ${machine.weightsKind} weights\n\n`);
    stdout.write(`| ${HEAD.join(' | ')} |\n|${' --- |'.repeat(HEAD.length)}\n`);
    const note = (figure: Figure): void => {
      figures.push(figure);
      stdout.write(row(figure));
    };
    for (const id of values.models.split(',')) {
      for (const ct of ['few patches', 'whole'] as const)
        note(await measure(machine, { id, ct, leftGb: null }, { cts, scratch }));
      for (const leftGb of values.left.split(',').map(Number)) {
        const run = { id, ct: 'whole', leftGb } as const;
        note(await withLeft(machine, leftGb, () => measure(machine, run, { cts, scratch })));
      }
      if (values.out !== undefined) await writeFile(values.out, `${JSON.stringify(figures, null, 2)}\n`);
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  if (figures.some(({ error }) => error !== null && error !== 'GPU_OUT_OF_MEMORY')) process.exitCode = 1;
}

await main();
