import { withoutCavities } from '../volume/cavities.ts';
import { labelRuns, overlapOfRuns, runVoxels, type LabelRuns } from '../volume/label-runs.ts';
import { measureLesions, type LesionGeometry } from '../volume/lesions.ts';
import { closestAxes, reorient } from '../volume/orientation.ts';
import { voxelCount, voxelMl, type Grid } from '../volume/volume.ts';
import type { HpbVoxels } from './hpb-sets.ts';
import type { Metadata } from './metadata-schema.ts';
import { rounded, roundedTriple } from './stable-json.ts';

/** The HPB part of metadata.json that needs voxels; the contrast phase needs grey values only. */
export type HpbMeasures = Omit<Metadata['hpb'], 'contrastPhase'>;

type Lesion = NonNullable<HpbMeasures['lesions']>[number];

/** Lesions that are listed one by one, the largest; more of them are noise. */
const LESIONS_LISTED = 100;

const NO_LIVER_MODEL = 'No model that finds the liver ran.';
const LIVER_EMPTY = 'The liver mask is empty.';
const NO_TUMOUR_MODEL = 'No model that finds tumours ran.';
const NO_VESSEL_MODEL = 'No model that finds hepatic vessels ran.';
const NO_VESSEL = 'No vessel was found.';

/**
 * Measures liver, vessels and tumours of several masks on one grid: heavy and pure, for a worker thread.
 *
 * The liver with its tumours is the liver mask and every lesion that lies in it or touches it, for models differ in
 * whether a tumour is part of the liver. A lesion's part in the liver, and the vessels', count the cavities of the
 * liver mask as liver, so that a tumour that was left out of it is not outside.
 */
export function measureHpb({ grid, sets }: { readonly grid: Grid; readonly sets: HpbVoxels }): HpbMeasures {
  const axial = withAxialSlices(grid, sets);
  const { liver, tumours, vessels } = axial.sets;
  const whole = liver !== null && liver.count > 0 ? liver : null;
  const closed = whole && withoutCavities(whole);
  const lesions = tumours && measureLesions(tumours, { grid: axial.grid, liver: closed, vessels });
  const ml = voxelMl(grid.affine);
  const noLiver = liver === null ? NO_LIVER_MODEL : LIVER_EMPTY;
  const ofLiver = whole ? liverMeasures(whole, { lesions, tumours, ml }) : NO_LIVER_MEASURES;
  return withReasons(
    {
      ...ofLiver,
      vesselVolumeInLiverMl: closed && vessels && rounded(sumOf(overlapOfRuns(vessels, closed)) * ml, 3),
      ...(tumours && lesions
        ? tumourMeasures(tumours, lesions, { ml, noLiver, vessels })
        : NO_TUMOUR_MEASURES),
    },
    reasonsOf(noLiver, { whole, tumours, vessels }),
  );
}

/** Why each measure would be null. */
function reasonsOf(
  noLiver: string,
  { whole, tumours, vessels }: Readonly<Record<'whole' | 'tumours' | 'vessels', LabelRuns | null>>,
): Readonly<Record<Exclude<keyof HpbMeasures, 'nullReasons'>, string>> {
  const noBurden = whole ? NO_TUMOUR_MODEL : noLiver;
  return {
    liverVolumeMl: noLiver,
    liverVolumeWithoutTumoursMl: noBurden,
    tumourVolumeMl: NO_TUMOUR_MODEL,
    tumourBurdenPercent: noBurden,
    vesselVolumeInLiverMl: vessels ? noLiver : NO_VESSEL_MODEL,
    lesionCount: NO_TUMOUR_MODEL,
    lesionsTouchingVessel: tumours ? NO_VESSEL_MODEL : NO_TUMOUR_MODEL,
    lesions: NO_TUMOUR_MODEL,
  };
}

type LiverMeasures = Pick<
  HpbMeasures,
  'liverVolumeMl' | 'liverVolumeWithoutTumoursMl' | 'tumourBurdenPercent'
>;

const NO_LIVER_MEASURES: LiverMeasures = {
  liverVolumeMl: null,
  liverVolumeWithoutTumoursMl: null,
  tumourBurdenPercent: null,
};

function liverMeasures(
  liver: LabelRuns,
  found: {
    readonly lesions: readonly LesionGeometry[] | null;
    readonly tumours: LabelRuns | null;
    readonly ml: number;
  },
): LiverMeasures {
  const { lesions, tumours, ml } = found;
  const volumes = volumesOf(liver, lesions, tumours);
  return {
    liverVolumeMl: rounded(volumes.liver * ml, 3),
    liverVolumeWithoutTumoursMl: lesions && rounded((volumes.liver - volumes.tumours) * ml, 3),
    tumourBurdenPercent: lesions && rounded((100 * volumes.tumours) / volumes.liver, 2),
  };
}

/** Voxels of the liver with the tumours that belong to it, and of those tumours. */
function volumesOf(
  liver: LabelRuns,
  lesions: readonly LesionGeometry[] | null,
  tumours: LabelRuns | null,
): { readonly liver: number; readonly tumours: number } {
  const own = (lesions ?? []).filter(({ atLiver }) => atLiver === true);
  const tumourVoxels = own.reduce((sum, { voxels }) => sum + voxels, 0);
  // A lesion that does not touch the liver shares no voxel with it.
  const shared = tumours === null ? 0 : sumOf(overlapOfRuns(tumours, liver));
  return { liver: runVoxels(liver) + tumourVoxels - shared, tumours: tumourVoxels };
}

type TumourMeasures = Pick<
  HpbMeasures,
  'tumourVolumeMl' | 'lesionCount' | 'lesionsTouchingVessel' | 'lesions'
>;

const NO_TUMOUR_MEASURES: TumourMeasures = {
  tumourVolumeMl: null,
  lesionCount: null,
  lesionsTouchingVessel: null,
  lesions: null,
};

function tumourMeasures(
  tumours: LabelRuns,
  lesions: readonly LesionGeometry[],
  units: LesionUnits,
): TumourMeasures {
  return {
    tumourVolumeMl: rounded(runVoxels(tumours) * units.ml, 3),
    lesionCount: lesions.length,
    lesionsTouchingVessel:
      units.vessels && lesions.filter(({ touchesVessel }) => touchesVessel === true).length,
    lesions: lesions.slice(0, LESIONS_LISTED).map((lesion) => lesionFacts(lesion, units)),
  };
}

interface LesionUnits {
  readonly ml: number;
  /** Why a part in the liver cannot be told. */
  readonly noLiver: string;
  readonly vessels: LabelRuns | null;
}

function lesionFacts(lesion: LesionGeometry, { ml, noLiver, vessels }: LesionUnits): Lesion {
  const { voxels, centroidMm, nearestVesselMm, touchesVessel, voxelsInLiver } = lesion;
  return withReasons(
    {
      voxels,
      volumeMl: rounded(voxels * ml, 3),
      centroidMm: roundedTriple(centroidMm, 2),
      longestAxialDiameterMm: rounded(lesion.axialDiameterMm, 2),
      longestDiameterMm: rounded(lesion.diameterMm, 2),
      nearestVesselMm: nearestVesselMm === null ? null : rounded(nearestVesselMm, 2),
      touchesVessel,
      outsideLiverPercent:
        voxelsInLiver === null ? null : rounded((100 * (voxels - voxelsInLiver)) / voxels, 2),
    },
    {
      nearestVesselMm: vessels === null ? NO_VESSEL_MODEL : NO_VESSEL,
      touchesVessel: NO_VESSEL_MODEL,
      outsideLiverPercent: noLiver,
    },
  );
}

/** The measures with the reasons of those that are null. */
function withReasons<T extends object>(
  measures: T,
  reasons: Partial<Record<keyof T, string>>,
): T & { nullReasons: Record<string, string> } {
  const nulls = Object.entries(measures).filter(([, value]) => value === null);
  const nullReasons = nulls.map(([field]) => [field, reasons[field as keyof T]!] as const);
  return { ...measures, nullReasons: Object.fromEntries(nullReasons) };
}

/**
 * The same voxels on a grid whose third axis follows the patient's long axis best, so that its slices are axial: a
 * coronal or sagittal scan is turned round, an oblique one is measured in its own slices, as a reader would.
 */
function withAxialSlices(grid: Grid, sets: HpbVoxels): { readonly grid: Grid; readonly sets: HpbVoxels } {
  if (closestAxes(grid.affine)[2]!.world === 2) return { grid, sets };
  const turned = (runs: LabelRuns | null): LabelRuns | null =>
    runs && labelRuns(reorient({ grid, data: paintedRuns(runs) }, 'RAS'));
  const { liver, vessels, tumours } = sets;
  return {
    grid: reorient({ grid, data: new Uint8Array(voxelCount(grid.dims)) }, 'RAS').grid,
    sets: { liver: turned(liver), vessels: turned(vessels), tumours: turned(tumours) },
  };
}

function paintedRuns({ dims, count, from, to, firstOfRow }: LabelRuns): Uint8Array {
  const data = new Uint8Array(voxelCount(dims));
  let row = 0;
  for (let run = 0; run < count; run += 1) {
    while (firstOfRow[row + 1]! <= run) row += 1;
    data.fill(1, row * dims[0] + from[run]!, row * dims[0] + to[run]! + 1);
  }
  return data;
}

function sumOf(counts: Int32Array): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
