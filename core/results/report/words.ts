import type { Metadata } from '../metadata-schema.ts';

/** A number with so many decimals, the same in every language setting; a dash where there is none, no minus before a 0. */
export function figure(value: number | null, decimals: number): string {
  return value === null ? '–' : value.toFixed(decimals).replace(/^-(?=[0.]+$)/, '');
}

/** A structure's name for people: `hepatic_vessels` is "Hepatic vessels". */
export function titleOf(name: string): string {
  const words = name.replaceAll('_', ' ').replace('tumor', 'tumour');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What a verdict means for the reader. */
export const VERDICT_WORDS: Readonly<Record<Metadata['quality']['verdict'], string>> = {
  ok: 'The automatic checks found nothing wrong. Look at the pictures all the same.',
  review: 'Look at this result before using it: the automatic checks found something.',
  reject: 'Do not use this result: the automatic checks say that it is wrong.',
};

const PHASES = {
  native: 'without contrast',
  arterial: 'arterial',
  'portal-venous': 'portal-venous',
  late: 'late',
} as const;

/** The contrast phase in words. */
export function phaseText(phase: NonNullable<Metadata['hpb']['contrastPhase']>): string {
  const { aortaHu, portalVeinHu, liverHu } = phase;
  const hu = `aorta ${figure(aortaHu, 0)} HU, portal vein ${figure(portalVeinHu, 0)} HU, liver ${figure(liverHu, 0)} HU`;
  return `${PHASES[phase.phase]} (${hu})`;
}
