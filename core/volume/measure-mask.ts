import { componentsOfRuns, type ComponentFacts } from './components.ts';
import { labelRuns, unionOfLabels, type LabelRuns } from './label-runs.ts';
import { measureRuns, refuseOtherSize, type LabelStatistics } from './statistics.ts';
import { surfaceAreas } from './surface-area.ts';
import type { LabelMap, Volume } from './volume.ts';

/** A mask with its CT, and the labels whose voxels the measures of several masks will need. */
export interface MaskToMeasure {
  readonly ct: Volume;
  readonly mask: LabelMap;
  /** Name -> labels of `mask` that together are that structure. */
  readonly keep: Readonly<Record<string, readonly number[]>>;
}

/** All that is known of a mask on its own. */
export interface MeasuredMask {
  /** Label -> figures, of the labels that occur. */
  readonly statistics: ReadonlyMap<number, LabelStatistics>;
  /** Label -> components by 26 neighbours. */
  readonly components: ReadonlyMap<number, ComponentFacts>;
  /** Label -> mm^2, see `surfaceAreas`. */
  readonly surfaceAreasMm2: ReadonlyMap<number, number>;
  /** All its labels, for whatever is asked of their shapes. */
  readonly runs: LabelRuns;
  /** Voxels of the structures of `keep`. */
  readonly kept: Readonly<Record<string, LabelRuns>>;
}

/**
 * Measures every label of a mask: heavy and pure, for a worker thread.
 *
 * @throws HpbError as `measure`.
 */
export function measureMask({ ct, mask, keep }: MaskToMeasure): MeasuredMask {
  refuseOtherSize(ct, mask);
  const runs = labelRuns(mask);
  const statistics = measureRuns(ct, runs);
  return {
    statistics,
    components: componentsOfRuns(runs, 26),
    surfaceAreasMm2: surfaceAreas(runs, mask.grid.affine),
    runs,
    kept: Object.fromEntries(
      Object.entries(keep).map(([name, labels]) => [name, unionOfLabels(runs, labels)]),
    ),
  };
}
