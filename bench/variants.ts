import type { ModelId, SegmentOptions } from '../core/models/catalogue.ts';

const OPTIONS: SegmentOptions = { fast: false, folds: [0], tta: false };
const FAST: SegmentOptions = { ...OPTIONS, fast: true };

/** Networks that benchmarks compare, by the names that `--models` takes. */
export const VARIANTS: Readonly<
  Record<string, { readonly model: ModelId; readonly options: SegmentOptions }>
> = {
  task008: { model: 'task008', options: OPTIONS },
  'liver-fast': { model: 'liver', options: FAST },
  liver: { model: 'liver', options: OPTIONS },
  'totalseg-fast': { model: 'totalseg', options: FAST },
  totalseg: { model: 'totalseg', options: OPTIONS },
};
