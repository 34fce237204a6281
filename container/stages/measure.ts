import { rmSync } from 'node:fs';
import { collectGarbage, WORTH_COLLECTING_BYTES } from '../../adapters/collect-garbage.ts';
import { readNifti } from '../../adapters/nifti-file.ts';
import { HpbError, type ErrorDetails } from '../../core/errors.ts';
import { modelEntry, type ModelId } from '../../core/models/catalogue.ts';
import type { HpbMeasures } from '../../core/results/hpb-measures.ts';
import { chooseHpbSets, hpbLabels } from '../../core/results/hpb-sets.ts';
import type { ModelRun } from '../../core/results/metadata.ts';
import type { CaseRuns } from '../../core/results/pictures/layers.ts';
import type { LabelRuns } from '../../core/volume/label-runs.ts';
import type { MeasuredMask } from '../../core/volume/measure-mask.ts';
import { affinesAgree } from '../../core/volume/orientation.ts';
import { voxelCount, type Grid, type LabelMap, type Volume } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';
import type { RawMask } from './segment.ts';
import { writtenVolume, type PackagedFile } from './written.ts';

/** Masks as they are published, with what was measured on them. */
export interface MeasuredCase {
  readonly runs: readonly ModelRun[];
  /** Of all masks together. */
  readonly hpb: HpbMeasures;
  /** The labels of each mask. */
  readonly masks: readonly CaseRuns[];
  readonly files: readonly PackagedFile[];
}

/**
 * Checks every mask against the CT, writes it anew (uint8, the CT's own affine, no text of any tool) and measures
 * it, then all of them together. One mask is in memory at a time; its voxels are counted in a worker thread.
 */
export async function measureMasks(
  context: CaseContext,
  ct: Volume,
  masks: readonly RawMask[],
): Promise<MeasuredCase> {
  const measured: OneMeasured[] = [];
  for (const raw of masks) {
    measured.push(await measureOne(context, ct, raw));
    if (voxelCount(ct.grid.dims) >= WORTH_COLLECTING_BYTES) collectGarbage();
  }
  const sets = chooseHpbSets(new Map(measured.map(({ run, kept }) => [run.model, kept])));
  const hpb = await context.ports.compute.run('measureHpb', { grid: ct.grid, sets }, context.cancel);
  return {
    runs: measured.map(({ run }) => run),
    hpb,
    masks: measured.map(({ run, labels }) => ({ model: run.model, runs: labels })),
    files: measured.map(({ file }) => file),
  };
}

interface OneMeasured {
  readonly run: ModelRun;
  readonly file: PackagedFile;
  readonly kept: MeasuredMask['kept'];
  readonly labels: LabelRuns;
}

async function measureOne(
  { scratch, task, ports, cancel }: CaseContext,
  ct: Volume,
  raw: RawMask,
): Promise<OneMeasured> {
  const { model, call, run, weights } = raw;
  const mask = await readMask(raw, ct.grid);
  const input = { ct, mask, keep: hpbLabels(model) };
  const [{ kept, runs: labels, ...facts }, file] = await Promise.all([
    ports.compute.run('measureMask', input, cancel),
    writtenVolume(scratch.out, modelEntry(model).output, mask),
  ]);
  assertCounts(model, run.labelVoxels, facts.statistics);
  if (!ports.keepIntermediate) rmSync(raw.path);
  const { options } = task;
  const { cropEmpty } = run;
  return {
    run: { model, options, call, cropEmpty, weights: weights.used, ...facts },
    file,
    kept,
    labels,
  };
}

/**
 * The mask of an engine on the CT's grid.
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when it is unreadable, lies on another grid, or holds other values than
 * labels.
 */
async function readMask({ model, path }: RawMask, grid: Grid): Promise<LabelMap> {
  const mask = await readNifti(path, { shared: true }).catch((error: unknown) => {
    if (!(error instanceof HpbError)) throw error;
    throw mismatch(model, `cannot be read back (${error.code})`, { code: error.code });
  });
  const [got, expected] = [mask.grid.dims.join(' x '), grid.dims.join(' x ')];
  if (got !== expected)
    throw mismatch(model, `has ${got} voxels, the CT ${expected}`, { dims: mask.grid.dims });
  if (!affinesAgree(grid, mask.grid.affine))
    throw mismatch(model, 'lies elsewhere in space than the CT', { affine: mask.grid.affine });
  return { grid, data: labelsOf(mask, model) };
}

function labelsOf({ data, slope, intercept }: Volume, model: ModelId): Uint8Array {
  const plain = slope === 1 && intercept === 0;
  if (plain && data instanceof Uint8Array) return data;
  const labels = new Uint8Array(data.length);
  for (let at = 0; at < data.length; at++) {
    const value = slope * data[at]! + intercept;
    if (!(value >= 0 && value <= 255 && Number.isInteger(value)))
      throw mismatch(model, `holds the value ${value}, which is no label`, {});
    labels[at] = value;
  }
  return labels;
}

/** What the engine says it wrote and what we read must be the same. */
function assertCounts(
  model: ModelId,
  said: Readonly<Record<string, number>>,
  found: ReadonlyMap<number, { readonly voxels: number }>,
): void {
  const labels = new Set([...Object.keys(said).map(Number), ...found.keys()]);
  for (const label of labels) {
    const [a, b] = [said[String(label)] ?? 0, found.get(label)?.voxels ?? 0];
    if (a === b) continue;
    throw mismatch(model, `holds ${b} voxels of label ${label}, the engine counted ${a}`, { label });
  }
}

function mismatch(model: ModelId, what: string, details: ErrorDetails): HpbError {
  return new HpbError('ENGINE_OUTPUT_MISMATCH', `The mask of ${model} ${what}.`, {
    remedy:
      'This is a fault of the engine or of this program: report it with the header facts of `hpb check`.',
    details: { model, ...details },
  });
}
