import { describe, expect, it } from 'vitest';
import { disagreements, ourFigures, theirFigures } from '../../../bench/peers/peer-figures.ts';
import { labelRuns, unionOfLabels } from '../../../core/volume/label-runs.ts';
import { measureLesions } from '../../../core/volume/lesions.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from '../../../core/volume/phantom/labels.ts';
import { makePhantom, phantomGrid, type PhantomGridOverrides } from '../../../core/volume/phantom.ts';
import { surfaceAreas } from '../../../core/volume/surface-area.ts';
import type { LabelMap } from '../../../core/volume/volume.ts';
import { ellipsoid, gridAround, paint, tube, voxelAlong, type Point } from '../../fixtures/solids.ts';

const GRIDS: readonly (readonly [name: string, spacing: Point, turn: readonly [number, number]])[] = [
  ['1 mm', [1, 1, 1], [0, 0]],
  ['0.8 x 0.8 x 5 mm', [0.8, 0.8, 5], [0, 0]],
  ['oblique, 0.8 x 0.8 x 1.5 mm', [0.8, 0.8, 1.5], [17, -11]],
];

const PHANTOMS: readonly (readonly [number, string, PhantomGridOverrides])[] = [
  [1, '2 mm', { spacing: [2, 2, 2], dims: [150, 110, 90] }],
  [2, '0.8 x 0.8 x 5 mm', { spacing: [0.8, 0.8, 5], dims: [300, 250, 36] }],
  [
    3,
    'oblique LPS',
    { spacing: [1.5, 1.5, 2.5], dims: [160, 130, 72], orientation: 'LPS', oblique: [8, -6, 12] },
  ],
];

const TUMOUR = PHANTOM_LABELS.liver_tumor;
const VESSEL = PHANTOM_LABELS.liver_vessels;

describe.each(PHANTOMS)('the truth mask of patient %i at %s', (seed, _, overrides) => {
  const phantom = makePhantom({ seed, grid: phantomGrid('small', overrides) });
  const labels = { liver: 1, liver_vessels: 2, liver_tumor: 3, spleen: 4, kidney_right: 5, aorta: 13 };

  it('gives what numpy, scipy and SimpleITK find', () => {
    const sets = { liver: LIVER_ORGAN_LABELS, vessels: [VESSEL], tumours: [TUMOUR] };
    const compared = { ct: phantom.ct, mask: phantom.truth, labels, sets };

    const theirs = theirFigures(compared);

    expect(Object.keys(theirs).length).toBeGreaterThan(90);
    expect(disagreements(ourFigures(compared), theirs)).toEqual([]);
  });

  it('gives exactly the volumes of its voxels, and its tumours to half a voxel of their surface', () => {
    const sets = { ct: phantom.ct, mask: phantom.truth, labels, sets: null };
    const ours = ourFigures(sets);
    for (const { name, voxelMl } of phantom.structures)
      if (`${name} ml` in ours) expect(ours[`${name} ml`]).toBeCloseTo(voxelMl, 9);

    const { analyticMl } = phantom.structures.find(({ name }) => name === 'liver_tumor')!;
    const halfVoxelMm = voxelAlong(phantom.truth.grid.affine, [1, 1, 1]) / 2;
    const slackMl = (ours['liver_tumor area mm2']! * halfVoxelMm) / 1000;
    expect(Math.abs(ours['liver_tumor ml']! - analyticMl!)).toBeLessThan(slackMl);
  });
});

describe.each(GRIDS)('solids at %s', (_, spacing, turn) => {
  it('have their volume, to 1 % from 20 ml up, or half a voxel of the surface where slices are thick', () => {
    for (const radii of [
      [17, 17, 17],
      [25, 18, 21],
      [20, 31, 16],
    ] as const) {
      const map = paint(gridAround(70, spacing, turn), { 1: ellipsoid([1.3, -0.7, 2.1], radii) });
      const analytic = (4 / 3) * Math.PI * radii[0] * radii[1] * radii[2];
      const voxels = map.data.reduce((sum, label) => sum + label, 0);
      const measured = voxels * spacing[0] * spacing[1] * spacing[2];
      const area = surfaceAreas(labelRuns(map), map.grid.affine).get(1)!;
      const bound = Math.max(...spacing) <= 1.5 ? analytic / 100 : (area * spacing[2]) / 2;
      expect(Math.abs(measured - analytic)).toBeLessThan(bound);
    }
  });

  it('have the surface of a sphere to 3 %, thick slices to 6 %', () => {
    for (const radius of [10, 16, 24]) {
      const map = paint(gridAround(60, spacing, turn), {
        1: ellipsoid([0.4, 1.1, -0.8], [radius, radius, radius]),
      });

      const area = surfaceAreas(labelRuns(map), map.grid.affine).get(1)!;

      expect(Math.abs(area / (4 * Math.PI * radius ** 2) - 1)).toBeLessThan(spacing[2] > 2 ? 0.06 : 0.03);
    }
  });

  it('have their longest diameters within one voxel (over all, within one slice where slices are thick)', () => {
    const oblique = turn[0] !== 0;
    const thick = spacing[2] > 2;
    for (const [radii, longest, axial] of [
      [
        [14, 9, 9],
        [1, 0, 0],
        [1, 0, 0],
      ],
      [
        [9, 8, 15],
        [0, 0, 1],
        [1, 0, 0],
      ],
      [
        [8, 12.5, 11],
        [0, 1, 0],
        [0, 1, 0],
      ],
    ] as const) {
      const map = paint(gridAround(44, spacing, turn), { [TUMOUR]: ellipsoid([0.3, -0.9, 0.6], radii) });
      const lesion = lesionsOf(map)[0]!;
      const voxel = (direction: Point): number => voxelAlong(map.grid.affine, direction);

      expect(Math.abs(lesion.diameterMm - 2 * Math.max(...radii))).toBeLessThan(
        Math.max(voxel(longest), thick ? spacing[2] : 0),
      );
      // An oblique scan is measured in its own slices: a little other than the patient's axial plane.
      const inPlane = 2 * Math.max(radii[0], radii[1]);
      if (!oblique) expect(Math.abs(lesion.axialDiameterMm - inPlane)).toBeLessThan(voxel(axial));
    }
  });

  it('have their distance within half a voxel; where slices are thick, to little more than one', () => {
    const thick = spacing[2] > 2;
    const errors: number[] = [];
    for (const [radius, gap, direction] of [
      [9, 3, [1, 0, 0]],
      [12, 6, [0.6, 0.8, 0]],
      [8, 11, [0.48, 0.6, 0.64]],
      [10, 7, [0, 0, 1]],
      [11, 12, [-0.36, 0.48, -0.8]],
    ] as const) {
      const far = (mm: number): Point => [direction[0] * mm, direction[1] * mm, direction[2] * mm];
      const centre = far(radius + gap + 3.5);
      // Across the line to the tumour.
      const across: Point = [-direction[1], direction[0], 0];
      const side: Point = Math.hypot(...across) > 0 ? across : [1, 0, 0];
      const end = (sign: number): Point => [
        centre[0] + sign * 12 * side[0],
        centre[1] + sign * 12 * side[1],
        centre[2],
      ];
      const map = paint(gridAround(80, spacing, turn), {
        [TUMOUR]: ellipsoid([0, 0, 0], [radius, radius, radius]),
        [VESSEL]: tube(end(-1), end(1), 3.5),
      });
      const diagonal = Math.hypot(...spacing);
      errors.push(Math.abs(lesionsOf(map)[0]!.nearestVesselMm! - gap) / diagonal);
    }
    expect(Math.max(...errors)).toBeLessThan(thick ? 1.5 : 0.5);
  });
});

function lesionsOf(map: LabelMap): ReturnType<typeof measureLesions> {
  const runs = labelRuns(map);
  const vessels = unionOfLabels(runs, [VESSEL]);
  return measureLesions(unionOfLabels(runs, [TUMOUR]), { grid: map.grid, liver: null, vessels });
}
