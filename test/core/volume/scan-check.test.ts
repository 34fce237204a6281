import { describe, expect, test } from 'vitest';
import { huPercentile, huStats, shareUpTo } from '../../../core/volume/hu-stats.ts';
import { niftiDatatype } from '../../../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { parseNiftiHeader, type NiftiHeader } from '../../../core/volume/nifti-header.ts';
import { checkScan } from '../../../core/volume/scan-check.ts';
import {
  voxelCount,
  type Affine,
  type Dims,
  type Grid,
  type VoxelArray,
} from '../../../core/volume/volume.ts';
import { patched } from '../../fixtures/bad-nifti.ts';

const DIMS: Dims = [60, 50, 40];
const AFFINE: Affine = [-2.5, 0, 0, 70, 0, 2.5, 0, -60, 0, 0, 3, 0, 0, 0, 0, 1];

function header(
  dims: Dims = DIMS,
  affine: Affine = AFFINE,
  change: (file: Buffer) => void = () => {},
): NiftiHeader {
  const bytes = Buffer.from(encodeNiftiHeader({ dims, affine }, niftiDatatype(4)!));
  return parseNiftiHeader(patched(change, bytes));
}

/** Values of a patient in air: air, fat, muscle, liver, bone. */
const BODY = [-1000, -1000, -1000, -100, 50, 60, 110, 400];

function voxels(value: (i: number) => number): Int16Array {
  return Int16Array.from({ length: voxelCount(DIMS) }, (_, i) => value(i));
}

const ct = (): Int16Array => voxels((i) => BODY[i % 8]! + ((i * 7) % 20));

function codes(data: VoxelArray, slope = 1, intercept = 0): { problems: string[]; warnings: string[] } {
  const stats = huStats({ grid: { dims: DIMS, affine: AFFINE }, data, slope, intercept });
  const { problems, warnings } = checkScan(header(), { stats });
  return { problems: problems.map(({ code }) => code), warnings: warnings.map(({ code }) => code) };
}

describe('HU statistics', () => {
  test('are the same whatever the datatype', () => {
    const values = ct();
    const grid: Grid = { dims: DIMS, affine: AFFINE };
    const of = (data: VoxelArray, intercept = 0): unknown => huStats({ grid, data, slope: 1, intercept });

    const expected = of(values);

    expect(of(Int32Array.from(values))).toEqual(expected);
    expect(of(Float32Array.from(values))).toEqual(expected);
    expect(
      of(
        Uint16Array.from(values, (v) => v + 1024),
        -1024,
      ),
    ).toEqual(expected);
  });

  test('count what lies outside the range, and percentiles by nearest rank', () => {
    const data = Int16Array.from([-3024, -1100, -50, 0, 0, 10, 3100, 3101, 5000]);
    const stats = huStats({ grid: { dims: [9, 1, 1], affine: AFFINE }, data, slope: 1, intercept: 0 });

    expect({ min: stats.min, max: stats.max, below: stats.below, above: stats.above }).toEqual({
      min: -3024,
      max: 5000,
      below: 1,
      above: 2,
    });
    expect([1, 30, 50, 60, 100].map((percent) => huPercentile(stats, percent))).toEqual([
      -1100, -50, 0, 10, 3100,
    ]);
    expect(shareUpTo(stats, -50)).toBeCloseTo(3 / 9);
  });

  test('count the last of an odd number of voxels', () => {
    const data = Int16Array.from([1, 2, 3]);

    expect(huStats({ grid: { dims: [3, 1, 1], affine: AFFINE }, data, slope: 1, intercept: 0 }).max).toBe(3);
  });
});

describe('a CT', () => {
  test('of a patient is fit, with facts', () => {
    const stats = huStats({ grid: { dims: DIMS, affine: AFFINE }, data: ct(), slope: 1, intercept: 0 });
    const verdict = checkScan(header(), { stats });

    expect(verdict).toMatchObject({ fit: true, problems: [], warnings: [], canonicalHeaderNeeded: false });
    expect(verdict.facts).toMatchObject({
      dims: DIMS,
      spacingMm: [2.5, 2.5, 3],
      orientation: 'LAS',
      datatype: 'int16',
      scaling: { slope: 1, intercept: 0 },
      intensity: { min: -1000, max: 417, p99: 417, shareAir: 0.375 },
    });
  });

  test('with padding below air and metal above bone is fit', () => {
    const data = ct();
    data.fill(-3024, 0, 20000);
    data.fill(12000, 20000, 20100);

    expect(codes(data)).toEqual({ problems: [], warnings: [] });
  });

  test('stored without its offset is fit when the header says the offset', () => {
    expect(
      codes(
        ct().map((v) => v + 1024),
        1,
        -1024,
      ).problems,
    ).toEqual([]);
  });

  test('clipped at -200 HU is run with a warning', () => {
    expect(codes(ct().map((v) => Math.max(-200, v)))).toEqual({
      problems: [],
      warnings: ['CT_NOT_HOUNSFIELD'],
    });
  });
});

describe('voxels that are no CT', () => {
  test.each<[string, string, VoxelArray]>([
    ['a binary mask', 'CT_IS_LABEL_MAP', voxels((i) => Number(i % 9 === 0))],
    ['a label map of 117 structures', 'CT_IS_LABEL_MAP', Uint8Array.from(voxels((i) => i % 118))],
    ['a label map stored as float', 'CT_IS_LABEL_MAP', Float32Array.from(voxels((i) => i % 5))],
    ['air only', 'CT_ALL_AIR', voxels((i) => -1000 + (i % 40))],
    ['one value of air', 'CT_ALL_AIR', voxels(() => -1024)],
    ['the offset subtracted twice', 'CT_ALL_AIR', ct().map((v) => v - 1024)],
    ['the offset missing', 'CT_NOT_HOUNSFIELD', ct().map((v) => v + 1024)],
    ['an MR', 'CT_NOT_HOUNSFIELD', voxels((i) => (i * 37) % 900)],
    ['an MR resampled with ringing', 'CT_NOT_HOUNSFIELD', voxels((i) => ((i * 37) % 900) - 20)],
    ['an 8-bit picture', 'CT_NOT_HOUNSFIELD', Uint8Array.from(voxels((i) => i % 256))],
    [
      'normalised intensities',
      'CT_NOT_HOUNSFIELD',
      Float32Array.from(
        voxels((i) => i),
        (v) => (v % 1000) / 1000,
      ),
    ],
    [
      'z-scores',
      'CT_NOT_HOUNSFIELD',
      Float32Array.from(
        voxels((i) => i),
        (v) => ((v % 1000) - 500) / 200,
      ),
    ],
    ['an empty mask', 'CT_NOT_HOUNSFIELD', voxels(() => 0)],
    ['NaN in the padding', 'CT_NOT_FINITE', Float32Array.from(ct(), (v, i) => (i === 5 ? NaN : v))],
    ['infinite voxels', 'CT_NOT_FINITE', Float64Array.from(ct(), (v, i) => (i === 5 ? Infinity : v))],
    ['nothing but NaN', 'CT_NOT_FINITE', new Float32Array(voxelCount(DIMS)).fill(NaN)],
  ])('%s is refused as %s', (_, code, data) => {
    expect(codes(data).problems).toEqual([code]);
  });

  test('are described by their numbers', () => {
    const stats = huStats({
      grid: { dims: DIMS, affine: AFFINE },
      data: ct().map((v) => v + 1024),
      slope: 1,
      intercept: 0,
    });
    const [problem] = checkScan(header(), { stats }).problems;

    expect(problem!.message).toContain('24 to 1441');
    expect(problem!.details).toMatchObject({ min: 24, max: 1441, shareAir: 0 });
    expect(problem!.remedy).toContain('-1024');
  });
});

describe('the grid', () => {
  const verdict = (
    dims: Dims,
    affine: Affine,
  ): { problems: string[]; message: string; warnings: string[] } => {
    const { problems, warnings } = checkScan(header(dims, affine));
    return {
      problems: problems.map(({ code }) => code),
      message: problems[0]?.message ?? '',
      warnings: warnings.map(({ code }) => code),
    };
  };

  test.each<[Dims, string]>([
    [[512, 512, 1], 'one slice along k (feet to head)'],
    [[512, 512, 9], '9 slices along k (feet to head)'],
    [[9, 512, 512], '9 slices along i (right to left)'],
    [[512, 5, 512], '5 slices along j (back to front)'],
  ])('of %j is refused and the axis named', (dims, words) => {
    expect(verdict(dims, AFFINE)).toMatchObject({ problems: ['CT_TOO_FEW_SLICES'] });
    expect(verdict(dims, AFFINE).message).toContain(words);
  });

  test('of ten slices is taken, with a warning that it is small', () => {
    expect(verdict([60, 60, 10], AFFINE)).toMatchObject({ problems: [], warnings: ['CT_TOO_SMALL'] });
  });

  test.each([0.1, 12])('with slices of %d mm is refused', (mm) => {
    expect(verdict(DIMS, [-2.5, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, mm, 0, 0, 0, 0, 1]).problems).toEqual([
      'NIFTI_BAD_SPACING',
    ]);
  });

  test('with a gantry tilt is refused, with the angle', () => {
    const tilted = [-2.5, 0, 0, 0, 0, 2.5, 3 * Math.tan(0.2), 0, 0, 0, 3, 0, 0, 0, 0, 1];

    expect(verdict(DIMS, tilted)).toMatchObject({ problems: ['CT_SHEARED'] });
    expect(verdict(DIMS, tilted).message).toContain('11.46 degrees');
  });

  test('turned but rectangular is taken', () => {
    const [c, s] = [Math.cos(0.3), Math.sin(0.3)];

    expect(
      verdict(DIMS, [2.5 * c, -2.5 * s, 0, 0, 2.5 * s, 2.5 * c, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]).problems,
    ).toEqual([]);
  });

  test('reports every problem at once', () => {
    expect(verdict([60, 60, 4], [-2.5, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 20, 0, 0, 0, 0, 1]).problems).toEqual([
      'CT_TOO_FEW_SLICES',
      'NIFTI_BAD_SPACING',
    ]);
  });
});

describe('a header of our own is needed', () => {
  const needed = (change: (file: Buffer) => void): { needed: boolean; warnings: string[]; fit: boolean } => {
    const { canonicalHeaderNeeded, warnings, fit } = checkScan(header(DIMS, AFFINE, change));
    return { needed: canonicalHeaderNeeded, warnings: warnings.map(({ code }) => code), fit };
  };

  test.each<[string, (file: Buffer) => void]>([
    ['only the sform is there', (f) => f.writeInt16LE(0, 252)],
    ['only the qform is there', (f) => f.writeInt16LE(0, 254)],
    ['there is free text', (f) => f.write('note', 148)],
    ['there may be an extension', (f) => f.writeFloatLE(368, 108)],
    ['the unit is not mm', (f) => f.writeUInt8(3, 123)],
  ])('when %s, without a warning', (_, change) => {
    expect(needed(change)).toEqual({ needed: true, warnings: [], fit: true });
  });

  test.each<[string, (file: Buffer) => void]>([
    ['by a shift', (f) => f.writeFloatLE(70.2, 268)],
    ['by the spacing', (f) => f.writeFloatLE(2.51, 80)],
    ['by left and right', (f) => f.writeFloatLE(1, 76)],
  ])('when qform and sform disagree %s, with a warning', (_, change) => {
    expect(needed(change)).toEqual({ needed: true, warnings: ['CT_AFFINES_DISAGREE'], fit: true });
  });

  test('not when they differ by rounding', () => {
    expect(needed((f) => f.writeFloatLE(70.00001, 268))).toEqual({ needed: false, warnings: [], fit: true });
  });
});
