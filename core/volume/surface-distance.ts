import { surfaceNet } from './meshes/surface-net.ts';
import { hullOf, type RunBox, type RunTree } from './run-tree.ts';
import { squaredTriangleDistance, type Triangle } from './triangle-distance.ts';
import type { Dims } from './volume.ts';

/** Two bodies on one grid, whose axes are at right angles. */
export interface BodyPair {
  /** Runs of the one: all of them. */
  readonly own: readonly RunBox[];
  /** Runs of the other, which touches the one nowhere, and their tree. */
  readonly other: readonly RunBox[];
  readonly tree: RunTree;
  readonly spacingMm: readonly [number, number, number];
}

/**
 * Distance in mm of the surfaces of two bodies, exact. The surface is the net of the voxels (`surfaceNet`): in every
 * cube of eight voxel centres that it passes it has a corner, at the mean of the middles of the cube's edges between
 * inside and outside. So it lies half-way between the last centre inside and the first outside where voxels make a flat
 * face, and evens their steps out where they make stairs. What a mask cannot tell is where between those centres a flat
 * face was: half a voxel for each of the two.
 */
export function surfaceDistanceMm({ own, other, tree, spacingMm }: BodyPair): number {
  const centresMm = own.reduce((nearest, box) => tree.nearestMm(box, nearest), Infinity);
  // Both surfaces lie within a diagonal of centres of their own: what is farther apart than this decides nothing.
  const reachMm = centresMm + 2 * Math.hypot(...spacingMm);
  const nearOwn = own.filter((box) => tree.nearestMm(box, reachMm) < reachMm);
  const nearOther = [...new Set(nearOwn.flatMap((box) => tree.within(box, reachMm)))];
  const reach = Math.ceil(reachMm / spacingMm[0]);
  const ofOwn = surfaceAround(own, alongX(nearOwn, hullOf(nearOther), reach), spacingMm);
  const ofOther = surfaceAround(other, alongX(nearOther, hullOf(nearOwn), reach), spacingMm);
  return leastDistance(ofOwn, ofOther, centresMm);
}

/** The parts of runs that lie no more than `reach` voxels beside a box along x. */
function alongX(boxes: readonly RunBox[], [low, high]: RunBox, reach: number): readonly RunBox[] {
  const parts = boxes.map(([from, to, ...rest]): RunBox => [
    Math.max(from, low - reach),
    Math.min(to, high + reach),
    ...rest,
  ]);
  return parts.filter(([from, to]) => from <= to);
}

/** The surface of a body where it is near: triangles in mm of the grid. Farther away it may end anywhere. */
function surfaceAround(
  body: readonly RunBox[],
  near: readonly RunBox[],
  spacingMm: BodyPair['spacingMm'],
): readonly Triangle[] {
  const [x0, x1, y0, y1, z0, z1] = hullOf(near);
  // One voxel more, for the cubes at its edge, and an empty one, for the net ends there.
  const dims: Dims = [x1 - x0 + 5, y1 - y0 + 5, z1 - z0 + 5];
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (const [from, to, y, , z] of body) {
    if (y < y0 - 1 || y > y1 + 1 || z < z0 - 1 || z > z1 + 1) continue;
    const row = dims[0] * (y - y0 + 2 + dims[1] * (z - z0 + 2));
    const [first, last] = [Math.max(from, x0 - 1), Math.min(to, x1 + 1)];
    if (first <= last) data.fill(1, row + first - x0 + 2, row + last - x0 + 3);
  }
  const { positions, quads } = surfaceNet({ dims, data, origin: [x0 - 2, y0 - 2, z0 - 2] });
  const corners = (...vertices: readonly number[]): Triangle =>
    vertices.flatMap((vertex) => spacingMm.map((mm, axis) => mm * positions[3 * vertex + axis]!));
  return Array.from({ length: quads.length / 4 }, (_, quad) =>
    quads.subarray(4 * quad, 4 * quad + 4),
  ).flatMap(([a, b, c, d]) => [corners(a!, b!, c!), corners(a!, c!, d!)]);
}

/** Low x, y, z and high x, y, z of each triangle. */
function extentsOf(triangles: readonly Triangle[]): Float64Array {
  const extents = new Float64Array(6 * triangles.length);
  for (const [n, triangle] of triangles.entries()) {
    for (let axis = 0; axis < 3; axis += 1) {
      const [a, b, c] = [triangle[axis]!, triangle[axis + 3]!, triangle[axis + 6]!];
      extents[6 * n + axis] = Math.min(a, b, c);
      extents[6 * n + axis + 3] = Math.max(a, b, c);
    }
  }
  return extents;
}

function squaredGap(a: Float64Array, m: number, b: Float64Array, n: number): number {
  let squared = 0;
  for (let axis = 0; axis < 3; axis += 1) {
    const gap = Math.max(0, a[m + axis]! - b[n + axis + 3]!, b[n + axis]! - a[m + axis + 3]!);
    squared += gap * gap;
  }
  return squared;
}

/** The distance of the nearest two triangles, `atMost` when none are nearer. Most pairs are told apart by their boxes. */
function leastDistance(a: readonly Triangle[], b: readonly Triangle[], atMost: number): number {
  const byX = b.toSorted((p, q) => Math.min(p[0]!, p[3]!, p[6]!) - Math.min(q[0]!, q[3]!, q[6]!));
  const [own, others] = [extentsOf(a), extentsOf(byX)];
  let least = atMost * atMost;
  for (let m = 0; m < a.length; m += 1) {
    const end = own[6 * m + 3]! + Math.sqrt(least);
    for (let n = 0; n < byX.length && others[6 * n]! < end; n += 1) {
      if (squaredGap(own, 6 * m, others, 6 * n) >= least) continue;
      least = Math.min(least, squaredTriangleDistance(a[m]!, byX[n]!));
    }
  }
  return Math.sqrt(least);
}
