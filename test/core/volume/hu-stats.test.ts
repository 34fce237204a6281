import { describe, expect, it } from 'vitest';
import { HU_RANGE, huPercentile, huStats } from '../../../core/volume/hu-stats.ts';
import type { VoxelArray } from '../../../core/volume/volume.ts';

const GRID = { dims: [1, 1, 1], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] } as const;

/** Stored values that use the whole range of their type, most of them near zero. */
function stored<T extends VoxelArray>(type: new (length: number) => T, voxels: number): T {
  const data = new type(voxels);
  let state = 7;
  for (let at = 0; at < voxels; at++) {
    state = (state * 1103515245 + 12345) % 2147483648;
    data[at] = at % 50 === 0 ? state >> 8 : (state >> 8) % 100;
  }
  return data;
}

describe('the HU of a CT', () => {
  it.each([
    ['int8', Int8Array],
    ['uint8', Uint8Array],
    ['int16', Int16Array],
    ['uint16', Uint16Array],
  ])('of %s are counted alike however few voxels there are', (_, type) => {
    for (const voxels of [1, 2, 255, 257, 70_001]) {
      const data = stored<VoxelArray>(type, voxels);
      const [slope, intercept] = [2, -1000];
      const hu = Array.from(data, (value) => slope * value + intercept);

      const stats = huStats({ grid: GRID, data, slope, intercept });

      const inside = hu.filter((value) => value >= HU_RANGE.first && value <= HU_RANGE.last);
      expect(stats).toMatchObject({
        voxels,
        notFinite: 0,
        integers: true,
        min: hu.reduce((least, value) => Math.min(least, value)),
        max: hu.reduce((most, value) => Math.max(most, value)),
        below: hu.filter((value) => value < HU_RANGE.first).length,
        above: hu.filter((value) => value > HU_RANGE.last).length,
      });
      const counts = new Int32Array(HU_RANGE.last - HU_RANGE.first + 1);
      for (const value of inside) counts[value - HU_RANGE.first]! += 1;
      expect(stats.histogram).toEqual(counts);
      const median = hu.toSorted((a, b) => a - b)[Math.ceil(voxels / 2) - 1]!;
      expect(huPercentile(stats, 50)).toBe(Math.min(HU_RANGE.last, Math.max(HU_RANGE.first, median)));
    }
  });
});
