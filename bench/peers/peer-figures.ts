import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { HpbError } from '../../core/errors.ts';
import { measureHpb } from '../../core/results/hpb-measures.ts';
import { measureMask, type MeasuredMask } from '../../core/volume/measure-mask.ts';
import type { LabelMap, Volume } from '../../core/volume/volume.ts';

const PYTHON = join(import.meta.dirname, '../../.venv/bin/python');
const REFERENCE = join(import.meta.dirname, 'reference.py');

/** A label map to be measured by us and by numpy, scipy and SimpleITK. */
export interface PeerCase {
  readonly ct: Volume;
  readonly mask: LabelMap;
  /** Name -> label, of the structures to compare. */
  readonly labels: Readonly<Record<string, number>>;
  /** Labels that are liver (with all that lies in it), vessels and tumours; null to leave lesions out. */
  readonly sets: Readonly<Record<'liver' | 'vessels' | 'tumours', readonly number[]>> | null;
}

/** Figures by name, such as `spleen ml` or `lesion 1 axial mm`. */
export type Figures = Readonly<Record<string, number>>;

/** What the libraries of the engine environment find. Throws UNEXPECTED when Python fails. */
export function theirFigures({ ct, mask, labels, sets }: PeerCase): Figures {
  const { data, slope, intercept, grid } = ct;
  const hu = Float64Array.from(data, (stored) => slope * stored + intercept);
  const head = `${JSON.stringify({ ...grid, labels, sets })}\n`;
  const input = Buffer.concat([Buffer.from(head), mask.data, new Uint8Array(hu.buffer)]);
  const { stdout, stderr, status } = spawnSync(PYTHON, [REFERENCE], {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (status === 0) return JSON.parse(stdout) as Figures;
  throw new HpbError('UNEXPECTED', `The reference failed: ${stderr}`, {
    remedy: 'Set the engine environment up with `hpb setup`.',
  });
}

/** What we find, under the same names. */
export function ourFigures({ ct, mask, labels, sets }: PeerCase): Figures {
  const measured = measureMask({ ct, mask, keep: sets ?? {} });
  const found = Object.entries(labels).map(([name, label]) => structureFigures(name, label, measured));
  const lesions = sets === null ? {} : lesionFigures(mask, measured);
  return Object.assign({}, ...found, lesions) as Figures;
}

function structureFigures(name: string, label: number, measured: MeasuredMask): Figures {
  const facts = measured.statistics.get(label);
  if (facts === undefined) return {};
  const { hu, centroidMm } = facts;
  const { count, sizes } = measured.components.get(label)!;
  const area = measured.surfaceAreasMm2.get(label)!;
  return {
    [`${name} ml`]: facts.volumeMl,
    [`${name} HU mean`]: hu.mean,
    [`${name} HU std`]: hu.std,
    [`${name} HU p5`]: hu.p5,
    [`${name} HU p25`]: hu.p25,
    [`${name} HU p50`]: hu.p50,
    [`${name} HU p75`]: hu.p75,
    [`${name} HU p95`]: hu.p95,
    [`${name} centroid x`]: centroidMm[0],
    [`${name} centroid y`]: centroidMm[1],
    [`${name} centroid z`]: centroidMm[2],
    [`${name} components`]: count,
    [`${name} largest component`]: sizes[0]!,
    [`${name} area mm2`]: area,
    [`${name} area mm2 (ITK)`]: area,
  };
}

function lesionFigures({ grid }: LabelMap, { kept }: MeasuredMask): Figures {
  const { liver, vessels, tumours } = kept;
  const sets = { liver: liver!, vessels: vessels!, tumours: tumours! };
  const { lesions, lesionCount, lesionsTouchingVessel } = measureHpb({ grid, sets });
  const found = lesions!.map((lesion, n): Figures => {
    const name = `lesion ${n + 1}`;
    const near = lesion.nearestVesselMm === null ? {} : { [`${name} to vessel mm`]: lesion.nearestVesselMm };
    return {
      [`${name} ml`]: lesion.volumeMl,
      [`${name} axial mm`]: lesion.longestAxialDiameterMm!,
      [`${name} longest mm`]: lesion.longestDiameterMm!,
      ...near,
      [`${name} outside %`]: lesion.outsideLiverPercent!,
    };
  });
  return Object.assign({ lesions: lesionCount!, touching: lesionsTouchingVessel! }, ...found) as Figures;
}

/** Most that a figure may differ from its peer: rounding, and for areas how finely the sphere is divided. */
export function toleranceOf(name: string, theirs: number): number {
  if (name.endsWith('(ITK)')) return 0.01 * theirs;
  if (name.endsWith('mm2')) return 0.002 * theirs;
  if (name.endsWith('mm') || name.endsWith('%')) return 0.0051;
  if (name.startsWith('lesion ') && name.endsWith('ml')) return 0.00051;
  return 1e-9 * (1 + Math.abs(theirs));
}

/** Figures that one side lacks or that differ by more than they may. */
export function disagreements(ours: Figures, theirs: Figures): readonly string[] {
  const missing = Object.keys(ours).filter((name) => !(name in theirs) && !name.endsWith('(ITK)'));
  const apart = Object.entries(theirs).filter(
    ([name, value]) => !(Math.abs((ours[name] ?? NaN) - value) <= toleranceOf(name, value)),
  );
  return [
    ...missing.map((name) => `${name}: only ours`),
    ...apart.map(([name, value]) => `${name}: ours ${ours[name]}, theirs ${value}`),
  ];
}
