/** Three corners: nine numbers. */
export type Triangle = readonly number[];

type Vector = readonly [x: number, y: number, z: number];

const corner = (t: Triangle, at: number): Vector => [t[3 * at]!, t[3 * at + 1]!, t[3 * at + 2]!];
const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const along = (a: Vector, step: Vector, by: number): Vector => [
  a[0] + by * step[0],
  a[1] + by * step[1],
  a[2] + by * step[2],
];
const clamped = (part: number): number => Math.min(1, Math.max(0, part));
const cross = (a: Vector, b: Vector): Vector => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];

/** Squared distance of two triangles that do not cut each other: of a corner and a face, or of two edges. */
export function squaredTriangleDistance(a: Triangle, b: Triangle): number {
  let least = Infinity;
  for (let n = 0; n < 3; n += 1) {
    least = Math.min(least, cornerToFace(corner(a, n), b), cornerToFace(corner(b, n), a));
    for (let m = 0; m < 3; m += 1) least = Math.min(least, edgeToEdge(edgeOf(a, n), edgeOf(b, m)));
  }
  return least;
}

/**
 * What two triangles are at least apart, quickly: their gap along the line of their centres. Where surfaces run beside
 * each other it tells nearly all pairs apart.
 */
export function leastApart(a: Triangle, b: Triangle): number {
  const x = b[0]! + b[3]! + b[6]! - a[0]! - a[3]! - a[6]!;
  const y = b[1]! + b[4]! + b[7]! - a[1]! - a[4]! - a[7]!;
  const z = b[2]! + b[5]! + b[8]! - a[2]! - a[5]! - a[8]!;
  let low = Infinity;
  let high = -Infinity;
  for (let at = 0; at < 9; at += 3) {
    high = Math.max(high, a[at]! * x + a[at + 1]! * y + a[at + 2]! * z);
    low = Math.min(low, b[at]! * x + b[at + 1]! * y + b[at + 2]! * z);
  }
  return (low - high) / Math.sqrt(x * x + y * y + z * z);
}

type Edge = readonly [from: Vector, step: Vector];

function edgeOf(t: Triangle, at: number): Edge {
  const from = corner(t, at);
  return [from, minus(corner(t, (at + 1) % 3), from)];
}

/** Where the corner lies over the face, its distance from the plane; else infinity, for then an edge is as near. */
function cornerToFace(p: Vector, t: Triangle): number {
  const normal = cross(edgeOf(t, 0)[1], edgeOf(t, 1)[1]);
  const area2 = dot(normal, normal);
  if (area2 === 0) return Infinity;
  for (let n = 0; n < 3; n += 1) {
    const [from, step] = edgeOf(t, n);
    if (dot(cross(step, minus(p, from)), normal) < 0) return Infinity;
  }
  return dot(minus(p, corner(t, 0)), normal) ** 2 / area2;
}

/** Two segments: the nearest points of their lines, each moved back onto its segment. */
function edgeToEdge([p, u]: Edge, [q, v]: Edge): number {
  const w = minus(p, q);
  const uu = dot(u, u);
  const uv = dot(u, v);
  const vv = dot(v, v);
  const uw = dot(u, w);
  const vw = dot(v, w);
  const skew = uu * vv - uv * uv;
  let s = skew > 1e-12 * uu * vv ? clamped((uv * vw - vv * uw) / skew) : 0;
  const t = vv === 0 ? 0 : clamped((uv * s + vw) / vv);
  s = uu === 0 ? 0 : clamped((uv * t - uw) / uu);
  const apart = minus(along(p, u, s), along(q, v, t));
  return dot(apart, apart);
}
