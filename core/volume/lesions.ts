import { componentOfRuns } from './components.ts';
import { longestDiameters } from './diameters.ts';
import { overlapOfRuns, touchOfRuns, type LabelRuns } from './label-runs.ts';
import { boxesOfRuns, RunTree, type RunBox } from './run-tree.ts';
import { surfaceDistanceMm } from './surface-distance.ts';
import type { Triple } from './statistics.ts';
import { spacingOf, type Grid } from './volume.ts';

/** What tumours are measured against, on one grid whose slices are axial (z follows the patient's long axis best). */
export interface LesionSurroundings {
  readonly grid: Grid;
  /** The liver, cavities closed; null when no model found one. */
  readonly liver: LabelRuns | null;
  /** Null when no model looked for vessels. */
  readonly vessels: LabelRuns | null;
}

/** One lesion: a component of the tumours by 26 neighbours. */
export interface LesionGeometry {
  readonly voxels: number;
  /** Mean of the voxel centres, mm, RAS+. */
  readonly centroidMm: Triple;
  readonly axialDiameterMm: number;
  readonly diameterMm: number;
  /** Distance of the surfaces (`surfaceDistanceMm`), 0 where they touch; null without a vessel. */
  readonly nearestVesselMm: number | null;
  /** Whether a voxel of it has one of a vessel among its 26 neighbours; null when no model looked for vessels. */
  readonly touchesVessel: boolean | null;
  /** Voxels in the liver; null without a liver. */
  readonly voxelsInLiver: number | null;
  /** Whether it lies in the liver or touches it; null without a liver. */
  readonly atLiver: boolean | null;
}

/** Measures every lesion; largest first, equally large ones as they come in memory. */
export function measureLesions(
  tumours: LabelRuns,
  { grid, liver, vessels }: LesionSurroundings,
): readonly LesionGeometry[] {
  const boxes = boxesOfRuns(tumours);
  const inLiver = liver && overlapOfRuns(tumours, liver);
  const atLiver = liver && touchOfRuns(tumours, liver);
  const atVessel = vessels && touchOfRuns(tumours, vessels);
  const spacingMm = spacingOf(grid.affine);
  const other = vessels && boxesOfRuns(vessels);
  const near = other && other.length > 0 ? { other, tree: new RunTree(other, spacingMm), spacingMm } : null;
  const lesions = runsByComponent(tumours).map((runs): LesionGeometry => {
    const own = runs.map((run) => boxes[run]!);
    const diameters = longestDiameters(own, tumours, spacingMm);
    const touchesVessel = atVessel && runs.some((run) => atVessel[run] === 1);
    return {
      ...sizeAndPlace(own, grid),
      axialDiameterMm: diameters.inSlice,
      diameterMm: diameters.inSpace,
      nearestVesselMm: near && (touchesVessel === true ? 0 : surfaceDistanceMm({ own, ...near })),
      touchesVessel,
      voxelsInLiver: inLiver && runs.reduce((sum, run) => sum + inLiver[run]!, 0),
      atLiver: atLiver && runs.some((run) => atLiver[run] === 1),
    };
  });
  return lesions.sort((a, b) => b.voxels - a.voxels);
}

/** Runs of each component, in memory order. */
function runsByComponent(tumours: LabelRuns): number[][] {
  const { count, ofRun } = componentOfRuns(tumours, 26);
  const runs = Array.from({ length: count }, (): number[] => []);
  ofRun.forEach((component, run) => runs[component]!.push(run));
  return runs;
}

function sizeAndPlace(
  boxes: readonly RunBox[],
  { affine }: Grid,
): Pick<LesionGeometry, 'voxels' | 'centroidMm'> {
  const sums = [0, 0, 0];
  let voxels = 0;
  for (const [from, to, y, , z] of boxes) {
    const length = to - from + 1;
    voxels += length;
    sums[0]! += ((from + to) * length) / 2;
    sums[1]! += y * length;
    sums[2]! += z * length;
  }
  const along = (row: number): number =>
    sums.reduce((mm, sum, axis) => mm + (affine[4 * row + axis]! * sum) / voxels, affine[4 * row + 3]!);
  return { voxels, centroidMm: [along(0), along(1), along(2)] };
}
