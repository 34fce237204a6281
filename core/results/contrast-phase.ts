import type { Metadata, StructureFacts } from './metadata-schema.ts';
import { rounded } from './stable-json.ts';

/** Contrast phase of a scan, with the HU it was told by. */
export type ContrastPhase = NonNullable<Metadata['hpb']['contrastPhase']>;

/** Why there is no phase. */
const NOT_TOLD = 'Needs the median HU of aorta, portal vein and liver: run totalseg.';
const OUT_OF_VIEW = 'Aorta, portal vein or liver was not found in the scan.';

/**
 * Bounds in HU, between the usual values of a contrast-enhanced abdomen at 120 kV: blood has 30 to 60 HU without
 * contrast; in the arterial phase the aorta has 200 to 400 HU and the portal vein lags far behind; in the
 * portal-venous phase both have 120 to 200; after minutes both fall towards the liver's 80 to 110.
 */
export const PHASE_BOUNDS = { enhanced: 80, arterialLead: 50, late: 125 } as const;

/**
 * Guesses the contrast phase from the median HU of aorta, portal vein and liver, where a model found all three; else
 * the reason why there is none.
 */
export function contrastPhase(structures: readonly StructureFacts[]): ContrastPhase | string {
  const named = (name: string): StructureFacts | undefined =>
    structures.find((one) => one.name === name && one.model === 'totalseg');
  const found = ['aorta', 'portal_vein_and_splenic_vein', 'liver'].map(named);
  if (found.includes(undefined)) return NOT_TOLD;
  const medians = found.map((one) => one!.hu?.p50);
  const [aorta, portal, liver] = medians;
  if (aorta === undefined || portal === undefined || liver === undefined) return OUT_OF_VIEW;
  const figures = {
    aortaHu: rounded(aorta, 1),
    portalVeinHu: rounded(portal, 1),
    liverHu: rounded(liver, 1),
  };
  return { phase: phaseOf(aorta, portal), ...figures };
}

function phaseOf(aorta: number, portal: number): ContrastPhase['phase'] {
  if (aorta < PHASE_BOUNDS.enhanced && portal < PHASE_BOUNDS.enhanced) return 'native';
  if (aorta - portal > PHASE_BOUNDS.arterialLead) return 'arterial';
  return Math.max(aorta, portal) < PHASE_BOUNDS.late ? 'late' : 'portal-venous';
}
