import { describe, expect, it } from 'vitest';
import { meshPicture, type Surface } from '../../../../core/results/pictures/mesh-picture.ts';
import type { Raster, Rgb } from '../../../../core/results/pictures/raster.ts';
import type { Mesh } from '../../../../core/volume/meshes/mesh.ts';

const RED: Rgb = [255, 0, 0];
const BLUE: Rgb = [0, 0, 255];
const SCENE = { size: 200, leastMmPerPixel: 0.1, demo: false };

/** A cube of mm around a place, each face with corners of its own, turned outwards. */
function cube(half: number, [x, y, z]: readonly [number, number, number] = [0, 0, 0]): Mesh {
  const positions: number[] = [];
  const triangles: number[] = [];
  for (const axis of [0, 1, 2]) {
    for (const side of [-1, 1]) {
      const first = positions.length / 3;
      for (const [u, v] of [
        [-1, -1],
        [1, -1],
        [1, 1],
        [-1, 1],
      ] as const) {
        const corner = [x, y, z];
        corner[axis]! += half * side;
        corner[(axis + 1) % 3]! += half * u;
        corner[(axis + 2) % 3]! += half * v;
        positions.push(...corner);
      }
      const quad = side === 1 ? [0, 1, 2, 0, 2, 3] : [0, 2, 1, 0, 3, 2];
      triangles.push(...quad.map((n) => first + n));
    }
  }
  return { positions: Float32Array.from(positions), triangles: Uint32Array.from(triangles) };
}

function pixel({ width, data }: Raster, x: number, y: number): readonly number[] {
  return [...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
}

function middle(picture: Raster): readonly number[] {
  return pixel(picture, picture.width >> 1, picture.height >> 1);
}

const drawn = (surfaces: readonly Surface[], scene = SCENE): Raster => meshPicture({ surfaces, ...scene })!;

describe('the picture of meshes', () => {
  it('shows the nearer of two, wherever it stands in the list', () => {
    const front: Surface = { mesh: cube(8, [0, 40, 0]), colour: RED, clear: false };
    const back: Surface = { mesh: cube(20), colour: BLUE, clear: false };

    const [one, other] = [drawn([front, back]), drawn([back, front])];

    expect(one.data).toEqual(other.data);
    const reds = Array.from({ length: one.width * one.height }, (_, at) => one.data[3 * at]!);
    expect(reds.filter((red) => red > 100).length).toBeGreaterThan(200);
  });

  it('hides what lies behind, and lets a clear surface be seen through', () => {
    const inner: Surface = { mesh: cube(6), colour: BLUE, clear: false };
    const around = (clear: boolean): Surface => ({ mesh: cube(30), colour: RED, clear });

    const [hidden, seen] = [middle(drawn([inner, around(false)])), middle(drawn([inner, around(true)]))];

    expect(hidden[2]! - hidden[0]!).toBeLessThan(0);
    expect(seen[2]! - seen[0]!).toBeGreaterThan(0);
    expect(seen[0]).toBeGreaterThan(middle(drawn([inner]))[0]!);
  });

  it('is no larger than asked, and small for small things', () => {
    const surfaces: Surface[] = [{ mesh: cube(20), colour: RED, clear: false }];

    const [fine, coarse] = [drawn(surfaces), drawn(surfaces, { ...SCENE, leastMmPerPixel: 1 })];

    expect(Math.max(fine.width, fine.height)).toBe(200);
    expect(Math.max(coarse.width, coarse.height)).toBeLessThan(80);
  });

  it('has its ground at the corners, and none without a triangle', () => {
    const nothing: Mesh = { positions: new Float32Array(0), triangles: new Uint32Array(0) };

    expect(pixel(drawn([{ mesh: cube(20), colour: RED, clear: true }]), 0, 0)).toEqual([24, 28, 34]);
    expect(meshPicture({ surfaces: [{ mesh: nothing, colour: RED, clear: false }], ...SCENE })).toBeNull();
  });
});
