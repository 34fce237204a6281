import { describe, expect, it } from 'vitest';
import { disagreements, ourFigures, theirFigures } from '../../../bench/peers/peer-figures.ts';
import { labelRuns, unionOfLabels } from '../../../core/volume/label-runs.ts';
import { measureLesions } from '../../../core/volume/lesions.ts';
import { LIVER_ORGAN_LABELS, PHANTOM_LABELS } from '../../../core/volume/phantom/labels.ts';
import { makePhantom, phantomGrid, type PhantomGridOverrides } from '../../../core/volume/phantom.ts';
import { surfaceAreas } from '../../../core/volume/surface-area.ts';
import type { LabelMap } from '../../../core/volume/volume.ts';
import {
  ellipsoid,
  gridAround,
  paint,
  tube,
  voxelAlong,
  type Point,
  type Solid,
} from '../../fixtures/solids.ts';

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

  it('lie as far apart as numpy finds', () => {
    const beside = placements(4).map(({ solids }, n) => [solids, 56 * (n - 1.5)] as const);
    const all = (label: number): Solid => {
      return ([x, y, z]) => beside.some(([solids, by]) => solids[label]!([x - by, y, z]));
    };
    const grid = gridAround(56, spacing, turn, 4);
    const mask = paint(grid, { [TUMOUR]: all(TUMOUR), [VESSEL]: all(VESSEL) });
    const ct = { grid, data: new Int16Array(mask.data.length), slope: 1, intercept: 0 };
    const compared = {
      ct,
      mask,
      labels: {},
      sets: { liver: [VESSEL], vessels: [VESSEL], tumours: [TUMOUR] },
    };
    const ours = ourFigures(compared);

    const apart = Object.entries(ours).filter(([name, mm]) => name.endsWith('vessel mm') && mm > 0);
    expect(apart.length).toBeGreaterThan(1);
    expect(disagreements(ours, theirFigures(compared))).toEqual([]);
  });

  it('have their distance: right on average, mostly within half a voxel, never more than one off', () => {
    const placed = placements(24);
    const errors = placed.map(({ solids, gapMm }) => {
      const map = paint(gridAround(56, spacing, turn), solids);
      return (lesionsOf(map)[0]!.nearestVesselMm! - gapMm) / Math.hypot(...spacing);
    });

    const sizes = errors.map(Math.abs).toSorted((a, b) => a - b);
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    // In diagonals of a voxel. Where between two slices a flat face was, a mask does not tell: see below.
    const [mostly, most] = spacing[2] > 2 ? [0.7, 1] : [0.95, 0.6];
    expect(Math.abs(mean)).toBeLessThan(0.1);
    expect(sizes[Math.floor(mostly * sizes.length)]).toBeLessThan(0.5);
    expect(sizes.at(-1)).toBeLessThan(most);
  });
});

describe('the distance of two flat faces', () => {
  it.each(GRIDS.slice(0, 2))(
    'at %s is unknown to a voxel in one mask, of which ours is the middle',
    (_, spacing) => {
      const [, , dz] = spacing;
      const grid = gridAround(30, spacing);
      const slice = (k: number): number => grid.affine[10]! * k + grid.affine[11]!;
      const [below, above] = [slice(Math.floor(grid.dims[2] / 3)), slice(Math.floor((2 * grid.dims[2]) / 3))];
      const slabs = (cut: number): LabelMap =>
        paint(grid, { [TUMOUR]: (p) => p[2] <= below + cut * dz, [VESSEL]: (p) => p[2] >= above - cut * dz });
      const [nearest, farthest] = [slabs(0.99), slabs(0.01)];

      expect(nearest.data).toEqual(farthest.data);
      const between = above - below;
      expect(lesionsOf(nearest)[0]!.nearestVesselMm).toBeCloseTo(between - dz, 5);
    },
  );
});

describe('the distance of a thin vessel', () => {
  it('of one voxel that runs along an axis is told a quarter of a voxel too far, by what its mask can tell', () => {
    const grid = gridAround(40, [1, 1, 1]);
    const near = (mm: number, plane: number): boolean => Math.abs(mm - plane) < 0.5;
    const [x, z] = [grid.affine[3]! + 20, grid.affine[11]!];
    const map = paint(grid, {
      [TUMOUR]: (p) => p[2] < z + 10.5,
      [VESSEL]: (p) => near(p[0], x) && near(p[2], z + 20),
    });

    const betweenFacesMm = 20 - 10 - 1;
    expect(lesionsOf(map)[0]!.nearestVesselMm).toBeCloseTo(betweenFacesMm + 0.25, 5);
  });

  it('of 1.6 voxels, which leave no gap in a mask, is right on average to a quarter of a voxel, and never a whole one off', () => {
    const placed = placements(30, 0.8);
    const errors = placed.map(
      ({ solids, gapMm }) => lesionsOf(paint(gridAround(56, [1, 1, 1]), solids))[0]!.nearestVesselMm! - gapMm,
    );

    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    expect(Math.abs(mean)).toBeLessThan(0.25);
    expect(Math.max(...errors.map(Math.abs))).toBeLessThan(1);
  });
});

/** Balls with a tube beside them in all directions, along the axes and across, the same in every run. */
function placements(
  count: number,
  tubeRadiusMm?: number,
): readonly { readonly solids: Record<number, Solid>; readonly gapMm: number }[] {
  // A Weyl sequence: even in all numbers, without a random source.
  const part = (n: number, of: number): number => (n * Math.sqrt(of)) % 1;
  return Array.from({ length: count }, (_, n) => {
    const height = 2 * part(n, 2) - 1;
    const about = 2 * Math.PI * part(n, 3);
    const flat = Math.sqrt(1 - height * height);
    const free: Point = [flat * Math.cos(about), flat * Math.sin(about), height];
    const direction = ([[0, 0, 1], [1, 0, 0], free] as const)[n % 3]!;
    const radius = 4 + 5 * part(n, 5);
    const tubeMm = tubeRadiusMm ?? 2 + 2 * part(n, 7);
    const gapMm = 2 + 6 * part(n, 11);
    const side: Point = direction[2] === 1 ? [1, 0, 0] : [-direction[1], direction[0], 0];
    const from: Point = [2 * part(n, 13) - 1, 2 * part(n, 17) - 1, 5 * part(n, 19) - 10];
    const end = (sign: number): Point =>
      from.map(
        (mm, axis) =>
          mm + direction[axis]! * (radius + gapMm + tubeMm) + (sign * 9 * side[axis]!) / Math.hypot(...side),
      ) as unknown as Point;
    const solids = {
      [TUMOUR]: ellipsoid(from, [radius, radius, radius]),
      [VESSEL]: tube(end(-1), end(1), tubeMm),
    };
    return { solids, gapMm };
  });
}

function lesionsOf(map: LabelMap): ReturnType<typeof measureLesions> {
  const runs = labelRuns(map);
  const vessels = unionOfLabels(runs, [VESSEL]);
  return measureLesions(unionOfLabels(runs, [TUMOUR]), { grid: map.grid, liver: null, vessels });
}
