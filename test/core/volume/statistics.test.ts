import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measure, type LabelStatistics } from '../../../core/volume/statistics.ts';
import type { Dims, LabelMap, Volume, VoxelArray } from '../../../core/volume/volume.ts';
import { pythonJson } from '../../fixtures/engine-python.ts';

// Oblique, left-handed, anisotropic: no axis or sign can be mixed up unseen.
const AFFINE = [-0.7, 0.1, 0, 120, 0.09, 0.8, 0.2, -95.5, 0.02, -0.15, 2.5, 33, 0, 0, 0, 1];
const DIMS: Dims = [23, 17, 11];
const VOXELS = 23 * 17 * 11;

const PERCENTILES = ['p5', 'p25', 'p50', 'p75', 'p95'] as const;

const NUMPY = `
import json, sys, numpy as np
raw = sys.stdin.buffer.read()
head = json.loads(raw[:raw.index(b"\\n")])
body = raw[raw.index(b"\\n") + 1:]
n = int(np.prod(head["dims"]))
mask = np.frombuffer(body, np.uint8, n).reshape(head["dims"], order="F")
affine = np.array(head["affine"]).reshape(4, 4)
ml = abs(np.linalg.det(affine[:3, :3])) / 1000
at, cases = n, []
for case in head["cases"]:
    stored = np.frombuffer(body, case["dtype"], n, at).reshape(head["dims"], order="F")
    at += stored.nbytes
    hu = stored.astype(np.float64) * case["slope"] + case["intercept"]
    labels = {}
    for label in np.unique(mask[mask > 0]):
        where = mask == label
        values, index = hu[where], np.argwhere(where)
        low, high = index.min(0), index.max(0)
        labels[str(label)] = {
            "voxels": int(where.sum()), "volumeMl": where.sum() * ml,
            "hu": [values.min(), values.max(), values.mean(), values.std(), *np.percentile(values, [5, 25, 50, 75, 95])],
            "box": [low.tolist(), high.tolist()],
            "centroid": (affine @ np.append(index.mean(0), 1))[:3].tolist(),
            "faces": [bool(f) for f in np.stack([low == 0, high == np.array(head["dims"]) - 1], 1).ravel()],
        }
    cases.append(labels)
print(json.dumps(cases))
`;

interface NumpyFacts {
  readonly voxels: number;
  readonly volumeMl: number;
  readonly hu: readonly number[];
  readonly box: unknown;
  readonly centroid: readonly number[];
  readonly faces: readonly boolean[];
}

/** Values that hit both ends of the type, and the usual HU in between. */
function spread<T extends VoxelArray>(data: T, low: number, high: number): T {
  let state = 7;
  for (let p = 0; p < data.length; p += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[p] = low + ((state >>> 8) / 2 ** 24) * (high - low);
  }
  data[VOXELS - 40] = low;
  data[VOXELS - 41] = high;
  return data;
}

/** Two blobs, one at three faces of the grid, and one single voxel. */
function blobs(): Uint8Array {
  const data = new Uint8Array(VOXELS);
  for (let p = 0; p < VOXELS; p += 1) {
    const [x, y, z] = [p % 23, Math.floor(p / 23) % 17, Math.floor(p / (23 * 17))];
    if (Math.hypot(x - 9, y - 7, 2 * (z - 5)) < 5.5) data[p] = 3;
    if (x > 16 && y > 10 && z > 6) data[p] = 200;
  }
  data[23 * 17 + 23 + 1] = 9;
  return data;
}

const STORED: readonly { readonly dtype: string; readonly ct: Omit<Volume, 'grid'> }[] = [
  { dtype: '<i2', ct: { data: spread(new Int16Array(VOXELS), -32768, 32767), slope: 1, intercept: 0 } },
  { dtype: '<i2', ct: { data: spread(new Int16Array(VOXELS), -1024, 400), slope: 0.4883, intercept: -7.25 } },
  { dtype: '<i2', ct: { data: spread(new Int16Array(VOXELS), -300, 300), slope: -2, intercept: 5 } },
  { dtype: '<u2', ct: { data: spread(new Uint16Array(VOXELS), 0, 65535), slope: 1, intercept: -1024 } },
  { dtype: '|u1', ct: { data: spread(new Uint8Array(VOXELS), 0, 255), slope: 4, intercept: -200 } },
  { dtype: '|i1', ct: { data: spread(new Int8Array(VOXELS), -128, 127), slope: 1, intercept: 0 } },
  { dtype: '<i4', ct: { data: spread(new Int32Array(VOXELS), -1024, 3071), slope: 1, intercept: 0 } },
  {
    dtype: '<i4',
    ct: { data: spread(new Int32Array(VOXELS), -2147483648, 2147483647), slope: 1, intercept: 0 },
  },
  { dtype: '<u4', ct: { data: spread(new Uint32Array(VOXELS), 0, 4095), slope: 1, intercept: -1024 } },
  { dtype: '<f4', ct: { data: spread(new Float32Array(VOXELS), -1024, 3071), slope: 1, intercept: 0 } },
  { dtype: '<f8', ct: { data: spread(new Float64Array(VOXELS), -1024.5, 9e5), slope: 1.5, intercept: 2 } },
  {
    dtype: '<f8',
    ct: { data: spread(new Float64Array(VOXELS), -1024, 3071).map(Math.round), slope: 1, intercept: 0 },
  },
];

const grid = { dims: DIMS, affine: AFFINE };
const maskOf = (data: Uint8Array, dims = DIMS): LabelMap => ({ grid: { dims, affine: AFFINE }, data });

describe('measure', () => {
  it('equals numpy for every stored type and any scaling, far outside the usual HU range too', () => {
    const mask = blobs();
    const head = JSON.stringify({
      dims: DIMS,
      affine: AFFINE,
      cases: STORED.map(({ dtype, ct: { slope, intercept } }) => ({ dtype, slope, intercept })),
    });
    const bytes = STORED.map(({ ct: { data } }) => Buffer.from(data.buffer));

    const theirs = pythonJson(NUMPY, Buffer.concat([Buffer.from(`${head}\n`), mask, ...bytes])) as Record<
      string,
      NumpyFacts
    >[];

    expect(theirs.map((labels) => Object.keys(labels))).toEqual(STORED.map(() => ['3', '9', '200']));
    STORED.forEach(({ ct }, n) => {
      const ours = measure({ grid, ...ct }, maskOf(mask));
      expect([...ours.keys()]).toEqual([3, 9, 200]);
      for (const [label, facts] of ours) expectSame(facts, theirs[n]![label]!);
    });
  });

  it('finds what was put in, for any label map: counts add up, boxes hold', () => {
    const side = fc.integer({ min: 1, max: 9 });
    const arbitrary = fc.tuple(side, side, side).chain(([nx, ny, nz]) => {
      const n = { minLength: nx * ny * nz, maxLength: nx * ny * nz };
      return fc.record({
        dims: fc.constant<Dims>([nx, ny, nz]),
        labels: fc.array(fc.constantFrom(0, 0, 1, 2, 254), n),
        hu: fc.array(fc.integer({ min: -32768, max: 32767 }), n),
      });
    });

    fc.assert(
      fc.property(arbitrary, ({ dims, labels, hu }) => {
        const ct = { grid: { dims, affine: AFFINE }, data: Int16Array.from(hu), slope: 1, intercept: 0 };
        const found = measure(ct, maskOf(Uint8Array.from(labels), dims));

        expect([...found.keys()]).toEqual([...new Set(labels)].filter((l) => l > 0).sort((a, b) => a - b));
        for (const [label, facts] of found) {
          const own = hu.filter((_, p) => labels[p] === label).sort((a, b) => a - b);
          expect(facts.voxels).toBe(own.length);
          expect([facts.hu.min, facts.hu.max]).toEqual([own[0], own.at(-1)]);
          expect(facts.hu.mean).toBeCloseTo(own.reduce((sum, value) => sum + value, 0) / own.length, 6);
          expect(facts.hu.p50).toBeCloseTo((own[(own.length - 1) >> 1]! + own[own.length >> 1]!) / 2, 6);
          expect(boxOf(labels, label, dims)).toEqual(facts.boundingBox);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('refuses a mask on another grid', () => {
    const ct = { grid, data: new Int16Array(VOXELS), slope: 1, intercept: 0 };

    expect(() => measure(ct, maskOf(new Uint8Array(VOXELS), [17, 23, 11]))).toThrow(
      expect.objectContaining({
        code: 'ENGINE_OUTPUT_MISMATCH',
        message: expect.stringContaining('17x23x11'),
      }),
    );
  });

  it('refuses NaN inside a structure and ignores it outside', () => {
    const data = new Float32Array(VOXELS);
    const ct = { grid, data, slope: 1, intercept: 0 };
    const mask = maskOf(blobs());
    data[0] = NaN;

    expect(measure(ct, mask).get(3)!.hu.mean).toBe(0);
    data[mask.data.indexOf(3)] = NaN;
    expect(() => measure(ct, mask)).toThrow(expect.objectContaining({ code: 'CT_NOT_FINITE' }));
  });
});

function expectSame(ours: LabelStatistics, theirs: NumpyFacts): void {
  const { min, max, mean, std } = ours.hu;
  const hu = [min, max, mean, std, ...PERCENTILES.map((name) => ours.hu[name])];
  const scale = Math.max(1, ...theirs.hu.map(Math.abs));
  expect(ours.voxels).toBe(theirs.voxels);
  expect(ours.volumeMl).toBeCloseTo(theirs.volumeMl, 9);
  hu.forEach((value, n) => expect(Math.abs(value - theirs.hu[n]!) / scale).toBeLessThan(1e-12));
  expect([ours.boundingBox.min, ours.boundingBox.max]).toEqual(theirs.box);
  ours.centroidMm.forEach((value, n) => expect(value).toBeCloseTo(theirs.centroid[n]!, 9));
  expect(Object.values(ours.touchesBorder)).toEqual(theirs.faces);
}

function boxOf(labels: readonly number[], label: number, [nx, ny]: Dims): { min: number[]; max: number[] } {
  const places = labels.flatMap((own, p) =>
    own === label ? [[p % nx, Math.floor(p / nx) % ny, Math.floor(p / (nx * ny))]] : [],
  );
  const axis = (n: number): number[] => places.map((place) => place[n]!);
  return {
    min: [0, 1, 2].map((n) => Math.min(...axis(n))),
    max: [0, 1, 2].map((n) => Math.max(...axis(n))),
  };
}
