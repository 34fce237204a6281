import type { LabelRuns } from './label-runs.ts';
import type { RunBox } from './run-tree.ts';

/** Longest distances within one structure, mm. */
export interface Diameters {
  /** Within one slice (fixed z), the largest of all slices. */
  readonly inSlice: number;
  readonly inSpace: number;
}

/** A point `[x, y]` of a plane, in half voxels. */
type Point = readonly [number, number];

/**
 * Longest diameters of a component, by the largest distance between two points of its surface (IBSI reference manual
 * 3.1.11, "maximum 3D diameter", on the vertices that marching cubes would give: the middles of the voxel faces
 * between inside and outside). In the slice it is that of RECIST 1.1 (Eisenhauer et al. 2009), the longest diameter
 * in the plane of measurement. A single voxel is its longest edge across (in the slice: its longest edge there).
 *
 * @param boxes runs of the component: all of them
 * @param runs the whole set, in which no other component touches this one
 * @param spacingMm voxel edges; the axes are at right angles
 */
export function longestDiameters(
  boxes: readonly RunBox[],
  runs: LabelRuns,
  spacingMm: readonly [number, number, number],
): Diameters {
  const planes = new FacePlanes(runs.dims);
  for (const box of boxes) planes.add(box, runs);
  const [sx, sy, sz] = spacingMm.map((mm) => mm / 2) as [number, number, number];
  const slices: number[] = [];
  const surface: number[][] = [];
  for (const [z, points] of planes.all) {
    const hull = convexHull(points).map(([x, y]) => [x * sx, y * sy, z * sz]);
    if (z % 2 === 0) slices.push(longestDistance(hull));
    surface.push(...hull);
  }
  return { inSlice: slices.reduce((most, mm) => Math.max(most, mm), 0), inSpace: longestDistance(surface) };
}

/** Middles of voxel faces, by plane of z in half voxels: even ones are slices, odd ones lie between two. */
class FacePlanes {
  readonly all = new Map<number, Point[]>();
  readonly #dims: LabelRuns['dims'];

  constructor(dims: LabelRuns['dims']) {
    this.#dims = dims;
  }

  /** Takes the outermost faces of a run in every direction; those between them are on no convex hull. */
  add([from, to, y, , z]: RunBox, runs: LabelRuns): void {
    this.#put(2 * z, [2 * from - 1, 2 * y]);
    this.#put(2 * z, [2 * to + 1, 2 * y]);
    for (const [dy, dz] of [
      [-1, 0],
      [1, 0],
      [0, -1],
      [0, 1],
    ] as const) {
      const row = this.#rowAt(y + dy, z + dz);
      const [first, last] = row === null ? [from, to] : uncovered(runs, row, from, to);
      if (first > last) continue;
      this.#put(2 * z + dz, [2 * first, 2 * y + dy]);
      this.#put(2 * z + dz, [2 * last, 2 * y + dy]);
    }
  }

  #rowAt(y: number, z: number): number | null {
    const [, ny, nz] = this.#dims;
    return y < 0 || y >= ny || z < 0 || z >= nz ? null : y + ny * z;
  }

  #put(z: number, point: Point): void {
    const plane = this.all.get(z);
    if (plane === undefined) this.all.set(z, [point]);
    else plane.push(point);
  }
}

/** First and last x from `low` to `high` that no run of the row holds; first > last when there is none. */
function uncovered(
  { firstOfRow, from, to }: LabelRuns,
  row: number,
  low: number,
  high: number,
): readonly [number, number] {
  let [first, last] = [low, high];
  for (let run = firstOfRow[row]!; run < firstOfRow[row + 1]!; run += 1) {
    if (from[run]! <= first && first <= to[run]!) first = to[run]! + 1;
  }
  for (let run = firstOfRow[row + 1]! - 1; run >= firstOfRow[row]!; run -= 1) {
    if (from[run]! <= last && last <= to[run]!) last = from[run]! - 1;
  }
  return [first, last];
}

/** Corners of the convex hull (monotone chain; exact, for the coordinates are whole numbers). */
function convexHull(points: Point[]): readonly Point[] {
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return [...halfHull(points), ...halfHull(points.toReversed())];
}

function halfHull(points: readonly Point[]): Point[] {
  const hull: Point[] = [];
  for (const point of points) {
    while (hull.length > 1 && turn(hull.at(-2)!, hull.at(-1)!, point) <= 0) hull.pop();
    hull.push(point);
  }
  return hull;
}

const turn = (a: Point, b: Point, c: Point): number =>
  (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/** Largest distance between two points: outermost first, and no further once no pair can be longer. */
function longestDistance(points: readonly (readonly number[])[]): number {
  const centre = [0, 1, 2].map(
    (axis) => points.reduce((sum, point) => sum + point[axis]!, 0) / points.length,
  );
  const apart = (a: readonly number[], b: readonly number[]): number =>
    Math.sqrt((a[0]! - b[0]!) ** 2 + (a[1]! - b[1]!) ** 2 + (a[2]! - b[2]!) ** 2);
  const outermost = points.map((point) => ({ point, radius: apart(point, centre) }));
  outermost.sort((a, b) => b.radius - a.radius);
  let longest = 0;
  for (const [n, { point, radius }] of outermost.entries()) {
    if (2 * radius <= longest && n > 0 && outermost[0]!.radius + radius <= longest) break;
    for (let m = 0; m < n && outermost[m]!.radius + radius > longest; m += 1)
      longest = Math.max(longest, apart(point, outermost[m]!.point));
  }
  return longest;
}
