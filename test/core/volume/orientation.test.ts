import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  affinesAgree,
  allAxisCodes,
  axisCodes,
  reorient,
  shearOf,
} from '../../../core/volume/orientation.ts';
import type { Affine, Dims, Grid, Volume } from '../../../core/volume/volume.ts';

const DIMS: Dims = [3, 4, 5];
const c = Math.cos(0.2);
const s = Math.sin(0.2);
/** Oblique: turned by 0.2 rad about the foot-head axis. */
const OBLIQUE: Affine = [0.8 * c, -0.9 * s, 0, 12, 0.8 * s, 0.9 * c, 0, -7, 0, 0, 2, 100, 0, 0, 0, 1];

const volume: Volume<Int16Array> = {
  grid: { dims: DIMS, affine: OBLIQUE },
  data: Int16Array.from({ length: 60 }, (_, i) => 10 * i),
  slope: 2,
  intercept: -1024,
};

/** Value of every voxel by its place in mm (rounded to 1 µm). */
function byPlace({ grid: { dims, affine }, data }: Volume): Map<string, number> {
  const places = new Map<string, number>();
  const [nx, ny, nz] = dims;
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++) {
        const at = [0, 4, 8].map((r) =>
          (affine[r]! * i + affine[r + 1]! * j + affine[r + 2]! * k + affine[r + 3]!).toFixed(3),
        );
        places.set(at.join(), data[i + nx * (j + ny * k)]!);
      }
  return places;
}

test('there are 48 axis codes', () => {
  expect(new Set(allAxisCodes()).size).toBe(48);
});

describe.each(allAxisCodes())('a volume brought to %s', (codes) => {
  const moved = reorient(volume, codes);

  test('has these axis codes', () => {
    expect(axisCodes(moved.grid.affine)).toBe(codes);
  });

  test('keeps every voxel at its place in mm, and the scaling', () => {
    expect(byPlace(moved)).toEqual(byPlace(volume));
    expect([moved.slope, moved.intercept]).toEqual([2, -1024]);
  });

  test('comes back as it was', () => {
    const back = reorient(moved, 'RAS');

    expect(back.data).toEqual(volume.data);
    expect(back.grid.dims).toEqual(DIMS);
    expect(affinesAgree(volume.grid, back.grid.affine, { mm: 1e-9, relative: 1e-12 })).toBe(true);
  });
});

test('going to any order through any other is the same as going there directly', () => {
  const codes = fc.constantFrom(...allAxisCodes());
  fc.assert(
    fc.property(codes, codes, (a, b) => {
      const direct = reorient(volume, b);
      const detour = reorient(reorient(volume, a), b);

      expect(detour.data).toEqual(direct.data);
      expect(affinesAgree(direct.grid, detour.grid.affine, { mm: 1e-9, relative: 1e-12 })).toBe(true);
    }),
  );
});

test('a volume that is already in order is not copied', () => {
  expect(reorient(volume, 'RAS')).toBe(volume);
});

describe('shear', () => {
  test('is nothing for an oblique grid', () => {
    expect(shearOf(OBLIQUE)).toBeLessThan(1e-15);
  });

  test('is the sine of the gantry tilt', () => {
    const tilt = Math.tan(0.1) * 2;

    expect(shearOf([1, 0, 0, 0, 0, 1, tilt, 0, 0, 0, 2, 0, 0, 0, 0, 1])).toBeCloseTo(Math.sin(0.1), 12);
  });
});

describe('two affines', () => {
  const grid: Grid = { dims: [512, 512, 300], affine: OBLIQUE };
  const changed = (index: number, by: number): Affine => OBLIQUE.map((x, i) => (i === index ? x + by : x));

  test.each([
    ['a shift of 0.09 mm', changed(3, 0.09), true],
    ['a shift of 0.11 mm', changed(3, 0.11), false],
    ['slices 0.1 % thicker', changed(10, 0.002 * 1.01), false],
    ['slices a little thicker, 0.15 mm at the far end', changed(10, 0.0005), false],
    ['slices thicker by float32 rounding', changed(10, 1e-7), true],
  ])('with %s agree or not', (_, other, agree) => {
    expect(affinesAgree(grid, other)).toBe(agree);
  });
});
