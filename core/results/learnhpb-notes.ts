import { displayName, isMeshed } from './meshed-structures.ts';
import type { Metadata } from './metadata-schema.ts';

/** The measurements of a case in sentences for a reader, the most telling ones first; at least one. */
export function measuresInWords({ structures, hpb, quality }: Metadata): string[] {
  const shown = structures.filter(({ name }) => isMeshed(name));
  const found = shown.filter(({ voxels }) => voxels > 0);
  const volumes = found.map(({ name, volumeMl }) => `${displayName(name)} ${ml(volumeMl)}`);
  const absent = shown.filter(({ voxels }) => voxels === 0).map(({ name }) => displayName(name));
  return [
    volumes.length > 0 ? `Volumes: ${volumes.join(', ')}.` : 'No structure was found.',
    ...(absent.length > 0 ? [`Not found: ${absent.join(', ')}.`] : []),
    ...lesionSentences(hpb),
    ...(hpb.vesselVolumeInLiverMl === null
      ? []
      : [`Vessels inside the liver: ${ml(hpb.vesselVolumeInLiverMl)}.`]),
    ...qualitySentences(quality),
  ];
}

function lesionSentences({
  lesionCount,
  tumourBurdenPercent,
  lesions,
  lesionsTouchingVessel,
}: Metadata['hpb']): string[] {
  if (lesionCount === null) return [];
  if (lesionCount === 0) return ['No lesion was found.'];
  const diameters = (lesions ?? []).flatMap(({ longestDiameterMm }) => longestDiameterMm ?? []);
  const distances = (lesions ?? []).flatMap(({ nearestVesselMm }) => nearestVesselMm ?? []);
  const parts = [
    `${lesionCount} ${lesionCount === 1 ? 'lesion' : 'lesions'}`,
    ...(tumourBurdenPercent === null ? [] : [`${number(tumourBurdenPercent)} % of the liver`]),
    ...(diameters.length === 0 ? [] : [`the longest ${number(Math.max(...diameters))} mm across`]),
    ...(distances.length === 0 ? [] : [`the nearest ${number(Math.min(...distances))} mm from a vessel`]),
    ...(lesionsTouchingVessel === null || lesionsTouchingVessel === 0
      ? []
      : [`${lesionsTouchingVessel} touching a vessel`]),
  ];
  return [`Lesions: ${parts.join(', ')}.`];
}

function qualitySentences({ verdict, reasons }: Metadata['quality']): string[] {
  if (verdict === 'ok') return ['Automatic checks found nothing unusual.'];
  const said = reasons.map(({ message }) => message.replace(/\.$/, ''));
  return [`Automatic checks say ${verdict}: ${said.join('; ')}.`];
}

const ml = (volume: number): string => `${number(volume)} ml`;

/** Whole from 100 on, else with one decimal. */
const number = (value: number): string => (value >= 100 ? String(Math.round(value)) : value.toFixed(1));
