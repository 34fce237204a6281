import { describe, expect, it } from 'vitest';
import { measureHpb, type HpbMeasures } from '../../../core/results/hpb-measures.ts';
import { chooseHpbSets, hpbLabels } from '../../../core/results/hpb-sets.ts';
import { labelRuns, unionOfLabels } from '../../../core/volume/label-runs.ts';
import { allAxisCodes, reorient } from '../../../core/volume/orientation.ts';
import type { Affine, Dims, LabelMap } from '../../../core/volume/volume.ts';

const DIMS: Dims = [24, 20, 16];
const AFFINE: Affine = [1, 0, 0, -5, 0, 2, 0, 7, 0, 0, 2.5, 100, 0, 0, 0, 1];
const ML = 0.005;
const [LIVER, VESSEL, TUMOUR] = [1, 2, 3];

type Box = readonly [label: number, from: readonly number[], to: readonly number[]];

/** A map with boxes (both ends inclusive), later ones on top. */
function boxes(...given: readonly Box[]): LabelMap {
  const data = new Uint8Array(DIMS[0] * DIMS[1] * DIMS[2]);
  for (const [label, from, to] of given)
    for (let k = from[2]!; k <= to[2]!; k += 1)
      for (let j = from[1]!; j <= to[1]!; j += 1)
        for (let i = from[0]!; i <= to[0]!; i += 1) data[i + DIMS[0] * (j + DIMS[1] * k)] = label;
  return { grid: { dims: DIMS, affine: AFFINE }, data };
}

/** Measures one map; the liver includes vessels and tumours unless told otherwise. */
function measured(map: LabelMap, liver: readonly number[] | null = [LIVER, VESSEL, TUMOUR]): HpbMeasures {
  const runs = labelRuns(map);
  return measureHpb({
    grid: map.grid,
    sets: {
      liver: liver && unionOfLabels(runs, liver),
      vessels: unionOfLabels(runs, [VESSEL]),
      tumours: unionOfLabels(runs, [TUMOUR]),
    },
  });
}

const WHOLE: Box = [LIVER, [2, 2, 2], [21, 17, 13]];

describe('measureHpb', () => {
  it('states liver, tumours and vessels in ml and the burden in percent', () => {
    const map = boxes(WHOLE, [VESSEL, [3, 3, 3], [3, 3, 10]], [TUMOUR, [10, 6, 5], [13, 9, 8]]);

    expect(measured(map)).toMatchObject({
      liverVolumeMl: 20 * 16 * 12 * ML,
      liverVolumeWithoutTumoursMl: (20 * 16 * 12 - 64) * ML,
      tumourVolumeMl: 64 * ML,
      tumourBurdenPercent: 1.67,
      vesselVolumeInLiverMl: 8 * ML,
      lesionCount: 1,
      lesionsTouchingVessel: 0,
      nullReasons: {},
    });
  });

  it('takes a tumour into the liver that the liver mask left out, deep inside or at its rim', () => {
    const map = boxes(WHOLE, [TUMOUR, [10, 6, 5], [13, 9, 8]], [TUMOUR, [22, 5, 5], [22, 5, 5]]);

    const { liverVolumeMl, liverVolumeWithoutTumoursMl, lesions } = measured(map, [LIVER]);

    expect([liverVolumeMl, liverVolumeWithoutTumoursMl]).toEqual([19.205, 18.88]);
    expect(lesions!.map(({ outsideLiverPercent }) => outsideLiverPercent)).toEqual([0, 100]);
  });

  it('keeps a lesion away from the liver out of its volume and burden', () => {
    const map = boxes([LIVER, [2, 2, 2], [10, 10, 10]], [TUMOUR, [14, 14, 12], [15, 15, 13]]);

    expect(measured(map, [LIVER])).toMatchObject({
      liverVolumeMl: 729 * ML,
      tumourVolumeMl: 8 * ML,
      tumourBurdenPercent: 0,
      lesions: [{ outsideLiverPercent: 100 }],
    });
  });

  it('tells lesions apart by 26 neighbours, the largest first', () => {
    const map = boxes(
      WHOLE,
      [TUMOUR, [4, 4, 4], [4, 4, 4]],
      [TUMOUR, [10, 10, 8], [11, 11, 9]],
      [TUMOUR, [12, 12, 10], [12, 12, 10]],
    );

    expect(measured(map).lesions!.map(({ voxels }) => voxels)).toEqual([9, 1]);
  });

  it('measures a single voxel as one voxel', () => {
    const { lesions } = measured(boxes(WHOLE, [TUMOUR, [5, 5, 5], [5, 5, 5]]));

    expect(lesions).toMatchObject([
      {
        voxels: 1,
        volumeMl: ML,
        centroidMm: [0, 17, 112.5],
        longestAxialDiameterMm: 2,
        longestDiameterMm: 2.5,
        nearestVesselMm: null,
        touchesVessel: false,
        nullReasons: { nearestVesselMm: 'No vessel was found.' },
      },
    ]);
  });

  it('measures a lesion of one slice, and one that fills the scan', () => {
    const flat = measured(boxes(WHOLE, [TUMOUR, [5, 5, 5], [14, 5, 5]])).lesions![0]!;
    const full = measured(boxes([TUMOUR, [0, 0, 0], [23, 19, 15]])).lesions![0]!;

    expect([flat.longestAxialDiameterMm, flat.longestDiameterMm]).toEqual([10, 10]);
    // Between middles of faces: 24 x 19 voxels of 1 x 2 mm in the slice, 23 x 19 x 16 over all.
    expect([full.longestAxialDiameterMm, full.longestDiameterMm]).toEqual([
      Math.round(100 * Math.hypot(23, 40)) / 100,
      Math.round(100 * Math.max(Math.hypot(23, 38, 40), Math.hypot(23, 40, 37.5))) / 100,
    ]);
  });

  it.each([
    ['side by side', [6, 4, 4], true, 0],
    ['corner to corner', [6, 6, 6], true, 0],
    // A flat face is half a voxel from its centres; a corner, and a voxel alone, a sixth of one along each axis.
    ['one voxel between', [7, 4, 4], false, 4 / 3],
    ['a slice between', [4, 4, 7], false, 2.5 * (4 / 3)],
    ['apart along all axes', [8, 7, 7], false, Math.hypot(8 / 3, 2 * (5 / 3), 2.5 * (5 / 3))],
  ] as const)('finds the distance to a vessel %s', (_, at, touches, mm) => {
    const map = boxes(WHOLE, [TUMOUR, [3, 3, 3], [5, 5, 5]], [VESSEL, at, at]);

    const lesion = measured(map).lesions![0]!;

    expect(lesion.touchesVessel).toBe(touches);
    expect(lesion.nearestVesselMm).toBeCloseTo(mm, 2);
  });

  it('says 0 lesions and 0 % where none was found', () => {
    expect(measured(boxes(WHOLE))).toMatchObject({
      tumourVolumeMl: 0,
      tumourBurdenPercent: 0,
      lesionCount: 0,
      lesionsTouchingVessel: 0,
      lesions: [],
      nullReasons: {},
    });
  });

  it('says null with the reason for what cannot be measured', () => {
    const tumour = boxes([TUMOUR, [5, 5, 5], [6, 6, 6]]);

    expect(measured(tumour, null).nullReasons).toEqual({
      liverVolumeMl: 'No model that finds the liver ran.',
      liverVolumeWithoutTumoursMl: 'No model that finds the liver ran.',
      tumourBurdenPercent: 'No model that finds the liver ran.',
      vesselVolumeInLiverMl: 'No model that finds the liver ran.',
    });
    expect(measured(tumour, [LIVER]).nullReasons['liverVolumeMl']).toBe('The liver mask is empty.');
    const sets = { liver: unionOfLabels(labelRuns(boxes(WHOLE)), [LIVER]), vessels: null, tumours: null };
    const alone = measureHpb({ grid: tumour.grid, sets });
    expect(alone.liverVolumeMl).toBe(20 * 16 * 12 * ML);
    expect(alone.nullReasons['lesions']).toBe('No model that finds tumours ran.');
    expect(alone.nullReasons['vesselVolumeInLiverMl']).toBe('No model that finds hepatic vessels ran.');
  });

  it('finds the same in all 48 orientations of the scan', () => {
    const map = boxes(
      WHOLE,
      [VESSEL, [3, 3, 3], [3, 3, 10]],
      [TUMOUR, [10, 6, 5], [13, 11, 8]],
      [TUMOUR, [14, 8, 6], [17, 8, 6]],
      [TUMOUR, [5, 14, 11], [5, 15, 11]],
    );
    const straight = measured(map);

    for (const codes of allAxisCodes()) expect(measured(reorient(map, codes))).toEqual(straight);
  });

  it('lists the 100 largest of a thousand specks and counts all', () => {
    const data = boxes(WHOLE).data.map((label, at) => {
      const [i, j, k] = [at % 24, Math.floor(at / 24) % 20, Math.floor(at / 480)];
      return label === LIVER && i % 2 === 0 && j % 2 === 0 && k % 2 === 0 ? TUMOUR : label;
    });
    const found = measured({ grid: { dims: DIMS, affine: AFFINE }, data });

    expect([found.lesionCount, found.lesions!.length]).toEqual([480, 100]);
  });
});

describe('chooseHpbSets', () => {
  const runs = labelRuns(boxes(WHOLE));

  it('takes the liver of the liver model, vessels and tumours of task008', () => {
    const chosen = chooseHpbSets(
      new Map([
        ['totalseg', { liver: labelRuns(boxes()) }],
        ['liver', { liver: runs }],
        ['task008', { vessels: runs, tumours: runs }],
      ]),
    );

    expect(chosen.liver).toBe(runs);
    expect(chosen.tumours).toBe(runs);
  });

  it('leaves out what no model looked for', () => {
    expect(chooseHpbSets(new Map([['liver', { liver: runs }]]))).toMatchObject({
      vessels: null,
      tumours: null,
    });
  });

  it('refuses masks of different size', () => {
    const other = { ...runs, dims: [5, 5, 5] as const };

    expect(() =>
      chooseHpbSets(
        new Map([
          ['liver', { liver: runs }],
          ['task008', { tumours: other }],
        ]),
      ),
    ).toThrow(expect.objectContaining({ code: 'ENGINE_OUTPUT_MISMATCH' }));
  });

  it('knows the labels of every model', () => {
    expect(hpbLabels('task008')).toEqual({ vessels: [1], tumours: [2] });
    expect(hpbLabels('totalseg')).toEqual({ liver: [5] });
    expect(hpbLabels('liver_segments')).toEqual({ liver: [1, 2, 3, 4, 5, 6, 7, 8] });
  });
});
