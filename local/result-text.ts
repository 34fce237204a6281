import { modelEntry } from '../core/models/catalogue.ts';
import type { Metadata } from '../core/results/metadata-schema.ts';
import { figure, phaseText, VERDICT_WORDS } from '../core/results/report/words.ts';
import type { CaseMetadata } from './read-metadata.ts';
import { printable, tableText } from './text.ts';

/** The measures of a case as text for a terminal. */
export function resultText({ case: name, metadata }: CaseMetadata): string {
  const { quality, notice, demoNotice } = metadata;
  const reasons = quality.reasons.map(
    ({ code, message, value, bound }) => `  ${code}: ${message} Found ${value}, expected ${bound}.`,
  );
  const parts = [
    ...(name === null ? [] : [`== ${printable(name)} ==`]),
    ...(demoNotice === null ? [] : [demoNotice]),
    [`Verdict: ${quality.verdict}. ${VERDICT_WORDS[quality.verdict]}`, ...reasons].join('\n'),
    structuresText(metadata),
    hpbText(metadata.hpb),
    ...lesionsText(metadata.hpb),
    notice,
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Of models with more structures only those that are there are shown. */
const MOST_SHOWN_EMPTY = 8;

function structuresText({ structures }: Metadata): string {
  const shown = structures.filter(
    ({ voxels, model }) => voxels > 0 || Object.keys(modelEntry(model).labels).length <= MOST_SHOWN_EMPTY,
  );
  const rows = shown.map(({ name, model, volumeMl, surfaceAreaMm2, hu, components }) => [
    name,
    model,
    figure(volumeMl, 2),
    figure(surfaceAreaMm2 === null ? null : surfaceAreaMm2 / 100, 1),
    figure(hu?.mean ?? null, 0),
    figure(hu?.std ?? null, 0),
    String(components.count),
  ]);
  const heading = ['structure', 'model', 'ml', 'cm2', 'HU mean', 'HU sd', 'parts'];
  return tableText([heading, ...rows], [2, 3, 4, 5, 6]);
}

const MEASURES = [
  ['liverVolumeMl', 'liver with tumours, ml', 1],
  ['liverVolumeWithoutTumoursMl', 'liver without tumours, ml', 1],
  ['tumourVolumeMl', 'tumours, ml', 2],
  ['tumourBurdenPercent', 'tumour share of the liver, %', 2],
  ['vesselVolumeInLiverMl', 'vessels in the liver, ml', 1],
  ['lesionCount', 'lesions', 0],
  ['lesionsTouchingVessel', 'lesions touching a vessel', 0],
] as const;

function hpbText(hpb: Metadata['hpb']): string {
  const rows = MEASURES.map(([field, title, decimals]) => [
    title,
    figure(hpb[field], decimals),
    hpb.nullReasons[field] ?? '',
  ]);
  const { contrastPhase, nullReasons } = hpb;
  const phase =
    contrastPhase === null
      ? ['contrast phase', '–', nullReasons['contrastPhase'] ?? '']
      : ['contrast phase', contrastPhase.phase, phaseText(contrastPhase)];
  return tableText([['measure', 'value', ''], ...rows, phase], [1]);
}

function lesionsText({ lesions }: Metadata['hpb']): readonly string[] {
  if (lesions === null || lesions.length === 0) return [];
  const rows = lesions.map((lesion, at) => [
    String(at + 1),
    figure(lesion.volumeMl, 2),
    figure(lesion.longestAxialDiameterMm, 1),
    figure(lesion.longestDiameterMm, 1),
    lesion.touchesVessel === true ? 'touches' : figure(lesion.nearestVesselMm, 1),
    figure(lesion.outsideLiverPercent, 0),
  ]);
  const heading = ['lesion', 'ml', 'axial mm', 'longest mm', 'to vessel mm', 'outside liver %'];
  return [tableText([heading, ...rows], [0, 1, 2, 3, 4, 5])];
}
