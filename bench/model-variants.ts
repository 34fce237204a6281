import { HpbError } from '../core/errors.ts';
import type { ModelId, SegmentOptions } from '../core/models/catalogue.ts';

/** A model as a benchmark runs it. */
export interface ModelVariant {
  readonly model: ModelId;
  readonly options: SegmentOptions;
}

const FULL: SegmentOptions = { fast: false, folds: [0], tta: false };
const FAST: SegmentOptions = { ...FULL, fast: true };

const VARIANTS: ReadonlyMap<string, ModelVariant> = new Map([
  ['task008', { model: 'task008', options: FULL }],
  ['liver-fast', { model: 'liver', options: FAST }],
  ['liver', { model: 'liver', options: FULL }],
  ['totalseg-fast', { model: 'totalseg', options: FAST }],
  ['totalseg', { model: 'totalseg', options: FULL }],
]);

/** The names that `--models` of the benchmarks knows. */
export const MODEL_VARIANTS: readonly string[] = [...VARIANTS.keys()];

/** @throws HpbError BAD_OPTION for a name that is none of `MODEL_VARIANTS`. */
export function modelVariant(id: string): ModelVariant {
  const found = VARIANTS.get(id);
  if (found !== undefined) return found;
  throw new HpbError('BAD_OPTION', `No benchmark runs a model ${JSON.stringify(id)}.`, {
    remedy: `--models takes ${MODEL_VARIANTS.join(', ')}, with commas between them.`,
  });
}
