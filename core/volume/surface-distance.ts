import { surfaceNet } from './meshes/surface-net.ts';
import { hullOf, RunTree, type RunBox } from './run-tree.ts';
import { leastApart, squaredTriangleDistance, type Triangle } from './triangle-distance.ts';
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
    const first = Math.max(from, x0 - 1);
    const last = Math.min(to, x1 + 1);
    if (first <= last) data.fill(1, row + first - x0 + 2, row + last - x0 + 3);
  }
  const { positions, quads } = surfaceNet({ dims, data, origin: [x0 - 2, y0 - 2, z0 - 2] });
  const corners = (...vertices: readonly number[]): Triangle =>
    vertices.flatMap((vertex) => spacingMm.map((mm, axis) => mm * positions[3 * vertex + axis]!));
  return Array.from({ length: quads.length / 4 }, (_, quad) =>
    quads.subarray(4 * quad, 4 * quad + 4),
  ).flatMap(([a, b, c, d]) => [corners(a!, b!, c!), corners(a!, c!, d!)]);
}

/** The distance of the nearest two triangles, `atMost` when none are nearer. */
function leastDistance(a: readonly Triangle[], b: readonly Triangle[], atMost: number): number {
  const triangleOf = new Map(b.map((triangle) => [boxOf(triangle), triangle]));
  const tree = new RunTree([...triangleOf.keys()], [1, 1, 1]);
  let least = atMost;
  for (const one of a) {
    for (const box of tree.within(boxOf(one), least)) {
      const other = triangleOf.get(box)!;
      if (leastApart(one, other) < least)
        least = Math.min(least, Math.sqrt(squaredTriangleDistance(one, other)));
    }
  }
  return least;
}

function boxOf([ax, ay, az, bx, by, bz, cx, cy, cz]: Triangle): RunBox {
  return [
    Math.min(ax!, bx!, cx!),
    Math.max(ax!, bx!, cx!),
    Math.min(ay!, by!, cy!),
    Math.max(ay!, by!, cy!),
    Math.min(az!, bz!, cz!),
    Math.max(az!, bz!, cz!),
  ];
}
