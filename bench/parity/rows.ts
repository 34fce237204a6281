import type { ModelId, SegmentOptions } from '../../core/models/catalogue.ts';

/** One line of the parity table: a model with the options of its plain command. */
export interface ParityRow {
  readonly id: string;
  readonly model: ModelId;
  readonly options: SegmentOptions;
  /**
   * The labels that the row is about, as they stand in the mask. The comparison counts only if the plain mask
   * has `LEAST_VOXELS` in each.
   */
  readonly labels: Readonly<Record<number, string>>;
}

/** Voxels of the plain mask that each label of a row needs, lest two empty masks pass for agreement. */
export const LEAST_VOXELS = 500;

const VESSELS_AND_TUMOURS = { 1: 'vessels', 2: 'tumours' } as const;
const LIVER = { 1: 'liver' } as const;
/** One structure or more of each of the five 1.5 mm models, among those that the demo networks know. */
const TOTAL = {
  1: 'spleen',
  2: 'kidney_right',
  3: 'kidney_left',
  5: 'liver',
  31: 'vertebrae_L1',
  52: 'aorta',
  86: 'autochthon_left',
  111: 'rib_right_8',
} as const;

const options = (over: Partial<SegmentOptions> = {}): SegmentOptions => ({
  fast: false,
  folds: [0],
  tta: false,
  ...over,
});

/** All rows, in the order of the table. */
export const PARITY_ROWS: readonly ParityRow[] = [
  { id: 'liver-fast', model: 'liver', options: options({ fast: true }), labels: LIVER },
  { id: 'liver', model: 'liver', options: options(), labels: LIVER },
  { id: 'task008', model: 'task008', options: options(), labels: VESSELS_AND_TUMOURS },
  {
    id: 'task008-folds01',
    model: 'task008',
    options: options({ folds: [0, 1] }),
    labels: VESSELS_AND_TUMOURS,
  },
  { id: 'task008-tta', model: 'task008', options: options({ tta: true }), labels: VESSELS_AND_TUMOURS },
  { id: 'totalseg-fast', model: 'totalseg', options: options({ fast: true }), labels: TOTAL },
  { id: 'totalseg', model: 'totalseg', options: options(), labels: TOTAL },
  { id: 'liver_vessels', model: 'liver_vessels', options: options(), labels: VESSELS_AND_TUMOURS },
];
