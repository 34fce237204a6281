import type { Metadata } from './results/metadata-schema.ts';
import { makePhantom, phantomGrid, type Phantom } from './volume/phantom.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from './volume/phantom/labels.ts';

/** The synthetic patient of demo and canary; the demo networks were never trained on this seed. */
const SEED = 1;

/** The synthetic CT of demo and canary, small. */
export const canaryPhantom = (): Phantom => makePhantom({ seed: SEED, grid: phantomGrid('small') });

/** What the volume of a structure has to be. */
export interface ExpectedVolume {
  /** As metadata.json names it. */
  readonly structure: string;
  readonly ml: number;
  /** How far the volume may be away, either way. */
  readonly tolerancePercent: number;
}

/** A volume that was found, against what it has to be. */
export interface CheckedVolume extends ExpectedVolume {
  /** 0 when nothing was found, null when it was not looked for. */
  readonly foundMl: number | null;
  readonly ok: boolean;
}

/**
 * How far the demo networks may be off: they are tiny, and vessels and tumours of the small phantom are a few voxels
 * wide. Measured: +8, +54 and +48 %.
 */
const TOLERANCE_PERCENT = { liver: 15, hepatic_vessels: 70, liver_tumors: 70 } as const;

/** The true volumes of a phantom's structures. */
export function phantomVolumes({ structures }: Phantom): readonly ExpectedVolume[] {
  const truth = new Map<number, number>(structures.map(({ label, voxelMl }) => [label, voxelMl]));
  const volume = (structure: keyof typeof TOLERANCE_PERCENT, labels: readonly number[]): ExpectedVolume => ({
    structure,
    ml: labels.reduce((sum, label) => sum + (truth.get(label) ?? 0), 0),
    tolerancePercent: TOLERANCE_PERCENT[structure],
  });
  return [
    volume('liver', LIVER_ORGAN_LABELS),
    volume('hepatic_vessels', [PHANTOM_LABELS.liver_vessels]),
    volume('liver_tumors', [PHANTOM_LABELS.liver_tumor]),
  ];
}

/** The volumes of a result against what they have to be. */
export function checkVolumes(
  { structures }: Pick<Metadata, 'structures'>,
  expected: readonly ExpectedVolume[],
): readonly CheckedVolume[] {
  return expected.map((one) => {
    const foundMl = structures.find(({ name }) => name === one.structure)?.volumeMl ?? null;
    const ok = foundMl !== null && Math.abs(foundMl - one.ml) <= (one.ml * one.tolerancePercent) / 100;
    return { ...one, foundMl, ok };
  });
}
