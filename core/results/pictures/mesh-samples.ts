import type { Rgb } from './raster.ts';

/** Surfaces that hide each other, as the reader sees them: x to the right, y down, both in samples; z away in mm. */
export interface PosedSurfaces {
  readonly points: Float32Array;
  /** Not of unit length; axes as of the points. */
  readonly normals: Float32Array;
  readonly triangles: Uint32Array;
  /** Colour of the triangles up to `end` (exclusive), in ascending order. */
  readonly colours: readonly { readonly end: number; readonly colour: Rgb }[];
}

/** What each sample of a picture shows of some surfaces; row by row. */
export interface NearestTriangles {
  readonly width: number;
  readonly height: number;
  /** Distance from the reader, mm; infinite where nothing is. */
  readonly depth: Float32Array;
  /** First index of the triangle in `triangles`; -1 where nothing is. */
  readonly triangle: Int32Array;
}

/** Finds the nearest triangle of every sample, taken at its middle. Only triangles that face the reader are looked at. */
export function nearestTriangles(
  { points, triangles }: PosedSurfaces,
  { width, height }: { readonly width: number; readonly height: number },
): NearestTriangles {
  const nearest = {
    width,
    height,
    depth: new Float32Array(width * height).fill(Infinity),
    triangle: new Int32Array(width * height).fill(-1),
  };
  for (let at = 0; at < triangles.length; at += 3)
    fillTriangle(nearest, points, at, [3 * triangles[at]!, 3 * triangles[at + 1]!, 3 * triangles[at + 2]!]);
  return nearest;
}

function fillTriangle(
  { width, height, depth, triangle }: NearestTriangles,
  points: Float32Array,
  at: number,
  [a, b, c]: readonly [number, number, number],
): void {
  const ax = points[a]!;
  const ay = points[a + 1]!;
  const bx = points[b]!;
  const by = points[b + 1]!;
  const cx = points[c]!;
  const cy = points[c + 1]!;
  const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
  if (area >= 0) return;
  const firstRow = Math.max(0, Math.ceil(Math.min(ay, by, cy) - 0.5));
  const lastRow = Math.min(height - 1, Math.floor(Math.max(ay, by, cy) - 0.5));
  const firstColumn = Math.max(0, Math.ceil(Math.min(ax, bx, cx) - 0.5));
  const lastColumn = Math.min(width - 1, Math.floor(Math.max(ax, bx, cx) - 0.5));
  const uStep = (by - cy) / area;
  const vStep = (cy - ay) / area;
  const az = points[a + 2]!;
  const bz = points[b + 2]!;
  const cz = points[c + 2]!;
  const x = firstColumn + 0.5;
  for (let row = firstRow; row <= lastRow; row++) {
    const y = row + 0.5;
    let u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area;
    let v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area;
    const end = row * width + lastColumn;
    for (let sample = row * width + firstColumn; sample <= end; sample++, u += uStep, v += vStep) {
      if (u < 0 || v < 0 || u + v > 1) continue;
      const z = u * az + v * bz + (1 - u - v) * cz;
      if (z >= depth[sample]!) continue;
      depth[sample] = z;
      triangle[sample] = at;
    }
  }
}

/** Light and colour of samples of posed surfaces. */
export class Shading {
  /** What `shade` found last. */
  red = 0;
  green = 0;
  blue = 0;
  /** How much the surface faces the reader, 0 to 1. */
  facing = 0;
  readonly #surfaces: PosedSurfaces;
  readonly #width: number;

  constructor(surfaces: PosedSurfaces, width: number) {
    this.#surfaces = surfaces;
    this.#width = width;
  }

  /** Shades a sample that shows the triangle beginning at `at`, by the normals of its corners. */
  shade(at: number, sample: number): void {
    const { points, normals, triangles, colours } = this.#surfaces;
    const a = 3 * triangles[at]!;
    const b = 3 * triangles[at + 1]!;
    const c = 3 * triangles[at + 2]!;
    const row = Math.floor(sample / this.#width);
    const x = sample - row * this.#width + 0.5;
    const y = row + 0.5;
    const bx = points[b]! - x;
    const by = points[b + 1]! - y;
    const cx = points[c]! - x;
    const cy = points[c + 1]! - y;
    const ax = points[a]! - x;
    const ay = points[a + 1]! - y;
    const u = bx * cy - by * cx;
    const v = cx * ay - cy * ax;
    const w = ax * by - ay * bx;
    // Of triangles that face the reader u, v and w are not positive: turned round, the sum is a normal again.
    const nx = -(u * normals[a]! + v * normals[b]! + w * normals[c]!);
    const ny = -(u * normals[a + 1]! + v * normals[b + 1]! + w * normals[c + 1]!);
    const nz = -(u * normals[a + 2]! + v * normals[b + 2]! + w * normals[c + 2]!);
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    const towards = Math.max(0, (nx * LIGHT[0] + ny * LIGHT[1] + nz * LIGHT[2]) / length);
    const shine = SHINE * power24(Math.max(0, (nx * HALF[0] + ny * HALF[1] + nz * HALF[2]) / length));
    const light = AMBIENT + (1 - AMBIENT) * towards;
    const { colour } = colours.find(({ end }) => at < end)!;
    this.red = Math.min(255, colour[0] * light + shine);
    this.green = Math.min(255, colour[1] * light + shine);
    this.blue = Math.min(255, colour[2] * light + shine);
    this.facing = Math.abs(nz) / length;
  }
}

const AMBIENT = 0.28;
const SHINE = 0.25 * 255;
/** Towards the light, over the reader's left shoulder; x to the reader's right, y down, z away from the reader. */
const LIGHT = normalised(-0.45, -0.55, -0.7);
/** Half-way between the light and the reader (Blinn). */
const HALF = normalised(LIGHT[0], LIGHT[1], LIGHT[2] - 1);

function normalised(x: number, y: number, z: number): readonly [number, number, number] {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

/** Cheaper than `**`, a thousand times a row. */
function power24(value: number): number {
  const squared = value * value;
  const fourth = squared * squared;
  const eighth = fourth * fourth;
  return eighth * eighth * eighth;
}
