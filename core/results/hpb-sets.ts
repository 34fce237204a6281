import { HpbError } from '../errors.ts';
import { modelEntry, type ModelId } from '../models/catalogue.ts';
import type { LabelRuns } from '../volume/label-runs.ts';

/** What the HPB measures are about. */
export type HpbSet = 'liver' | 'vessels' | 'tumours';

/** Names of the structures that make up a set, and the models that are asked for it, best first. */
const SETS: Readonly<Record<HpbSet, { readonly names: RegExp; readonly models: readonly ModelId[] }>> = {
  liver: { names: /^liver(_segment_\d)?$/, models: ['liver', 'totalseg', 'liver_segments'] },
  vessels: { names: /^(hepatic_vessels|liver_vessels)$/, models: ['task008', 'liver_vessels'] },
  tumours: { names: /^(liver_tumors|liver_tumor)$/, models: ['task008', 'liver_vessels'] },
};
const HPB_SETS = Object.keys(SETS) as readonly HpbSet[];

/** Labels of a model's mask that belong to each set: what `measureMask` is to keep. */
export function hpbLabels(model: ModelId): Readonly<Partial<Record<HpbSet, readonly number[]>>> {
  const labels = Object.entries(modelEntry(model).labels);
  const found = HPB_SETS.map((set) => {
    const own = labels.filter(([, name]) => SETS[set].names.test(name)).map(([label]) => Number(label));
    return [set, own] as const;
  });
  return Object.fromEntries(found.filter(([, own]) => own.length > 0));
}

/** The voxels of each set, from the best model that ran; null where none of its models did. */
export type HpbVoxels = Readonly<Record<HpbSet, LabelRuns | null>>;

/**
 * Chooses among what several models found on one grid.
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when the masks are of different size.
 */
export function chooseHpbSets(
  found: ReadonlyMap<ModelId, Readonly<Partial<Record<string, LabelRuns>>>>,
): HpbVoxels {
  const chosen = HPB_SETS.map((set) => {
    const voxels = SETS[set].models.map((model) => found.get(model)?.[set]);
    return [set, voxels.find((runs) => runs !== undefined) ?? null] as const;
  });
  const sizes = new Set(chosen.flatMap(([, runs]) => (runs === null ? [] : [runs.dims.join('x')])));
  if (sizes.size <= 1) return Object.fromEntries(chosen) as unknown as HpbVoxels;
  throw new HpbError('ENGINE_OUTPUT_MISMATCH', `The masks differ in size: ${[...sizes].join(' and ')}.`, {
    remedy: 'Give masks that were made from one CT, on its grid.',
  });
}
