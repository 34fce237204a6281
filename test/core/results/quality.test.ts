import { describe, expect, it } from 'vitest';
import { contrastPhase } from '../../../core/results/contrast-phase.ts';
import type { Metadata, StructureFacts } from '../../../core/results/metadata-schema.ts';
import type { QualityFacts } from '../../../core/results/quality-facts.ts';
import { judge, QUALITY_RULES } from '../../../core/results/quality.ts';

const HU = { min: 0, max: 200, mean: 100, std: 10, p5: 80, p25: 90, p50: 100, p75: 110, p95: 120 };

function structure(name: string, changes: Partial<StructureFacts> = {}): StructureFacts {
  return {
    name,
    label: 1,
    model: 'liver',
    voxels: 1_500_000,
    volumeMl: 1500,
    hu: HU,
    components: { connectivity: 26, count: 1, sizes: [1_500_000] },
    boundingBox: null,
    centroidMm: null,
    touchesBorder: {
      left: false,
      right: false,
      posterior: false,
      anterior: false,
      inferior: false,
      superior: false,
    },
    surfaceAreaMm2: null,
    mesh: null,
    nullReasons: {},
    ...changes,
  };
}

const vessels = (changes: Partial<StructureFacts> = {}): StructureFacts =>
  structure('hepatic_vessels', { model: 'task008', hu: { ...HU, p50: 150 }, ...changes });

type Lesion = NonNullable<Metadata['hpb']['lesions']>[number];
const lesion = (changes: Partial<Lesion> = {}): Lesion => ({
  voxels: 1000,
  volumeMl: 1,
  centroidMm: [0, 0, 0],
  longestAxialDiameterMm: 12,
  longestDiameterMm: 14,
  nearestVesselMm: 5,
  touchesVessel: false,
  outsideLiverPercent: 0,
  nullReasons: {},
  ...changes,
});

function facts(changes: Partial<QualityFacts> = {}, hpb: Partial<Metadata['hpb']> = {}): QualityFacts {
  return {
    structures: [structure('liver'), vessels()],
    grid: { dims: [512, 512, 100], affine: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 1] },
    runs: [],
    demoWeights: [],
    hpb: {
      liverVolumeMl: 1500,
      liverVolumeWithoutTumoursMl: 1499,
      tumourVolumeMl: 1,
      tumourBurdenPercent: 0.07,
      vesselVolumeInLiverMl: 40,
      lesionCount: 1,
      lesionsTouchingVessel: 0,
      lesions: [lesion()],
      contrastPhase: null,
      nullReasons: {},
      ...hpb,
    },
    ...changes,
  };
}

const liverWith = (changes: Partial<StructureFacts>): QualityFacts =>
  facts({ structures: [structure('liver', changes), vessels()] });
const phase = (name: NonNullable<Metadata['hpb']['contrastPhase']>['phase']): QualityFacts =>
  facts({}, { contrastPhase: { phase: name, aortaHu: 1, portalVeinHu: 1, liverHu: 1 } });
const grid = (z: number): QualityFacts['grid'] => ({
  dims: [512, 512, 100],
  affine: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, z, 0, 0, 0, 0, 1],
});

describe('judge', () => {
  it('finds nothing in a plain case', () => {
    expect(judge(facts())).toEqual({ verdict: 'ok', reasons: [] });
    expect(judge(phase('portal-venous')).verdict).toBe('ok');
    expect(judge(facts({ grid: grid(5) })).verdict).toBe('ok');
    expect(judge(liverWith({ volumeMl: 500 })).verdict).toBe('ok');
  });

  it.each([
    ['DEMO_WEIGHTS', 'review', facts({ demoWeights: ['ts297'] }), 'ts297'],
    ['EMPTY_CROP', 'reject', facts({ runs: [{ model: 'liver', cropEmpty: true }] }), 'liver'],
    ['LIVER_EMPTY', 'reject', liverWith({ voxels: 0, volumeMl: 0, hu: null }), 0],
    ['FILLS_SCAN', 'reject', facts({ structures: [structure('spleen', { voxels: 512 * 512 * 61 })] }), 61],
    [
      'LIVER_TOUCHES_BORDER',
      'review',
      liverWith({ touchesBorder: { ...structure('liver').touchesBorder, superior: true } }),
      'superior',
    ],
    ['LIVER_VOLUME_IMPLAUSIBLE', 'review', liverWith({ volumeMl: 499 }), 499],
    ['LIVER_VOLUME_IMPLAUSIBLE', 'review', liverWith({ volumeMl: 4001 }), 4001],
    ['LIVER_NOT_HOUNSFIELD', 'review', liverWith({ hu: { ...HU, p50: -400 } }), -400],
    [
      'LIVER_FRAGMENTED',
      'review',
      liverWith({ components: { connectivity: 26, count: 2, sizes: [1_200_000, 300_000] } }),
      80,
    ],
    [
      'VESSELS_EMPTY',
      'review',
      facts({ structures: [structure('liver'), vessels({ voxels: 0, volumeMl: 0, hu: null })] }),
      0,
    ],
    ['MANY_LESIONS', 'review', facts({}, { lesionCount: 51 }), 51],
    [
      'TINY_LESIONS',
      'review',
      facts({}, { lesions: [lesion(), lesion({ voxels: 1 })] }),
      'lesion 2: 1 voxel',
    ],
    [
      'TUMOUR_OUTSIDE_LIVER',
      'review',
      facts({}, { lesions: [lesion({ outsideLiverPercent: 51 })] }),
      'lesion 1: 51 %',
    ],
    ['THICK_SLICES', 'review', facts({ grid: grid(5.5) }), 5.5],
    ['WRONG_PHASE', 'review', phase('arterial'), 'arterial'],
    [
      'VESSELS_NOT_ENHANCED',
      'review',
      facts({ structures: [structure('liver'), vessels({ hu: { ...HU, p50: 104 } })] }),
      4,
    ],
  ] as const)('says %s (%s)', (code, verdict, given, value) => {
    const found = judge(given);

    expect(found.verdict).toBe(verdict);
    expect(found.reasons).toMatchObject([{ code, verdict, value }]);
  });

  it('names every lesion that lies outside the liver, in one finding', () => {
    const lesions = [10, 60, 50, 100].map((outsideLiverPercent) => lesion({ outsideLiverPercent }));

    const { reasons } = judge(facts({}, { lesions, lesionCount: 4 }));

    expect(reasons.map(({ code, value }) => [code, value])).toEqual([
      ['TUMOUR_OUTSIDE_LIVER', 'lesion 2: 60 %, lesion 4: 100 %'],
    ]);
  });

  it('names ten lesions and counts the others, and has a finding of each rule no more than once', () => {
    const lesions = Array.from({ length: 40 }, () => lesion({ outsideLiverPercent: 100, voxels: 2 }));

    const { reasons } = judge(facts({}, { lesions, lesionCount: 40 }));

    expect(reasons.map(({ code }) => code)).toEqual(['TINY_LESIONS', 'TUMOUR_OUTSIDE_LIVER']);
    expect(reasons[1]!.value).toMatch(/^lesion 1: 100 %, .*, lesion 10: 100 % and 30 more$/);
  });

  it('takes the worst finding as the verdict', () => {
    const { verdict, reasons } = judge({ ...liverWith({ voxels: 0, hu: null }), demoWeights: ['ts297'] });

    expect([verdict, reasons.map(({ code }) => code)]).toEqual(['reject', ['DEMO_WEIGHTS', 'LIVER_EMPTY']]);
  });

  it('has a source for every rule, and no code twice', () => {
    expect(new Set(QUALITY_RULES.map(({ code }) => code)).size).toBe(QUALITY_RULES.length);
    for (const { source } of QUALITY_RULES) expect(source).toMatch(/\w{3}.*\.$/);
  });
});

describe('contrastPhase', () => {
  const scan = (aorta: number, portal: number, liver: number): StructureFacts[] =>
    [
      ['aorta', aorta],
      ['portal_vein_and_splenic_vein', portal],
      ['liver', liver],
    ].map(([name, p50]) =>
      structure(name as string, { model: 'totalseg', hu: { ...HU, p50: p50 as number } }),
    );

  it.each([
    ['native', 40, 39, 56],
    ['arterial', 310, 110, 70],
    ['portal-venous', 158, 160, 94],
    ['late', 118, 112, 84],
  ] as const)('tells the %s phase', (expected, aorta, portal, liver) => {
    expect(contrastPhase(scan(aorta, portal, liver))).toEqual({
      phase: expected,
      aortaHu: aorta,
      portalVeinHu: portal,
      liverHu: liver,
    });
  });

  it('says why when it cannot tell', () => {
    expect(contrastPhase([structure('liver')])).toContain('run totalseg');
    const [aorta, portal, liver] = scan(158, 160, 94);
    expect(contrastPhase([aorta!, { ...portal!, hu: null }, liver!])).toContain('not found');
  });
});
