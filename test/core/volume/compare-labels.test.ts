import { describe, expect, it } from 'vitest';
import { compareLabels } from '../../../core/volume/compare-labels.ts';
import type { LabelMap } from '../../../core/volume/volume.ts';
import { pythonJson } from '../../fixtures/engine-python.ts';

const DIMS = [22, 18, 12] as const;
const SPACING = [0.8, 1.1, 3] as const;

/** An ellipsoid around a voxel, which may leave the volume. */
function ellipsoid(centre: readonly number[], radii: readonly number[], label = 1): LabelMap {
  const [nx, ny, nz] = DIMS;
  const [sx, sy, sz] = SPACING;
  const data = Uint8Array.from({ length: nx * ny * nz }, (_, at) => {
    const voxel = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    const r2 = voxel.reduce((sum, value, axis) => sum + ((value - centre[axis]!) / radii[axis]!) ** 2, 0);
    return r2 <= 1 ? label : 0;
  });
  return { grid: { dims: DIMS, affine: [sx, 0, 0, 0, 0, sy, 0, 0, 0, 0, sz, 0, 0, 0, 0, 1] }, data };
}

/** The same figures by scipy and numpy. */
const SCIPY = `
import json, sys, numpy as np
from scipy import ndimage as nd
raw = np.frombuffer(sys.stdin.buffer.read(), np.uint8)
n = raw.size // 2
a, b = (raw[i*n:(i+1)*n].reshape((12, 18, 22)) > 0 for i in (0, 1))
s = (3, 1.1, 0.8)
edge = lambda m: m & ~nd.binary_erosion(m, border_value=0)
ea, eb = edge(a), edge(b)
d = np.concatenate([nd.distance_transform_edt(~eb, sampling=s)[ea], nd.distance_transform_edt(~ea, sampling=s)[eb]])
print(json.dumps([2*(a&b).sum()/(a.sum()+b.sum()), d.mean(), np.percentile(d, 95), d.max()]))
`;

describe('two masks of a structure', () => {
  it.each([
    ['that overlap', [10, 8, 6], [6, 5, 3], [12, 9, 5], [5, 6, 4]],
    ['far apart', [3, 3, 2], [2, 2, 1], [18, 14, 9], [3, 2, 2]],
    ['cut by the edge of the scan', [0, 8, 0], [7, 5, 4], [2, 8, 1], [7, 6, 4]],
    ['of which one is a voxel', [10, 8, 6], [0.5, 0.5, 0.5], [12, 9, 5], [5, 6, 4]],
  ])('%s differ as scipy says', (_, ...[centreA, radiiA, centreB, radiiB]) => {
    const [a, b] = [ellipsoid(centreA, radiiA), ellipsoid(centreB, radiiB)];

    const { dice, surface } = compareLabels(a, b, [1, 1]);

    const expected = pythonJson(SCIPY, Buffer.concat([a.data, b.data])) as number[];
    [dice, surface!.meanMm, surface!.p95Mm, surface!.mostMm].forEach((value, at) =>
      expect(value).toBeCloseTo(expected[at]!, 9),
    );
  });

  it('that are the same differ in nothing, whatever their labels', () => {
    const [a, b] = [ellipsoid([10, 8, 6], [6, 5, 3]), ellipsoid([10, 8, 6], [6, 5, 3], 7)];

    const { dice, volumesMl, surface } = compareLabels(a, b, [1, 7]);

    expect({ dice, surface }).toEqual({ dice: 1, surface: { meanMm: 0, p95Mm: 0, mostMm: 0 } });
    expect(volumesMl[0]).toBe(volumesMl[1]);
    expect(volumesMl[0]).toBeCloseTo((a.data.filter(Boolean).length * 0.8 * 1.1 * 3) / 1000, 9);
  });

  it('of which one is empty have no distance; two empty ones no Dice', () => {
    const empty = ellipsoid([10, 8, 6], [6, 5, 3], 0);

    expect(compareLabels(ellipsoid([10, 8, 6], [6, 5, 3]), empty, [1, 1])).toMatchObject({
      dice: 0,
      surface: null,
    });
    expect(compareLabels(empty, empty, [1, 1])).toEqual({ dice: null, surface: null, volumesMl: [0, 0] });
  });
});
