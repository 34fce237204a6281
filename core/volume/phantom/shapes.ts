import type { Field, Random } from './random.ts';

/** A point or vector in body millimetres, RAS+. */
export type Vec = readonly [number, number, number];

/** Axis-aligned box in body millimetres. */
export interface Box {
  readonly min: Vec;
  readonly max: Vec;
}

/**
 * A solid in body millimetres. `distance` is negative inside and close to the signed distance in mm near
 * the surface; further away it is only a bound good enough to skip blocks of voxels.
 */
export interface Shape {
  readonly bounds: Box;
  readonly distance: (x: number, y: number, z: number) => number;
}

/** The box that reaches further than any field of view; for shapes without ends. */
export const EVERYWHERE: Box = { min: [-1000, -1000, -1000], max: [1000, 1000, 1000] };

/** `box` enlarged by `margin` mm on every side. */
export function grow(box: Box, margin: number): Box {
  const { min, max } = box;
  return {
    min: [min[0] - margin, min[1] - margin, min[2] - margin],
    max: [max[0] + margin, max[1] + margin, max[2] + margin],
  };
}

function hull(boxes: readonly Box[]): Box {
  const low = (axis: 0 | 1 | 2): number => Math.min(...boxes.map((box) => box.min[axis]));
  const high = (axis: 0 | 1 | 2): number => Math.max(...boxes.map((box) => box.max[axis]));
  return { min: [low(0), low(1), low(2)], max: [high(0), high(1), high(2)] };
}

function overlap(a: Box, b: Box): Box {
  const low = (axis: 0 | 1 | 2): number => Math.max(a.min[axis], b.min[axis]);
  const high = (axis: 0 | 1 | 2): number => Math.min(a.max[axis], b.max[axis]);
  return { min: [low(0), low(1), low(2)], max: [high(0), high(1), high(2)] };
}

/** Row-major 3x3 rotation: about x, then y, then z, in degrees, right-handed. */
export function rotation(degrees: Vec): readonly number[] {
  const [a, b, c] = degrees.map((angle) => (angle * Math.PI) / 180) as [number, number, number];
  const [sa, ca, sb, cb, sc, cc] = [
    Math.sin(a),
    Math.cos(a),
    Math.sin(b),
    Math.cos(b),
    Math.sin(c),
    Math.cos(c),
  ];
  const first = [cb * cc, sa * sb * cc - ca * sc, ca * sb * cc + sa * sc];
  const second = [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - sa * cc];
  return [...first, ...second, -sb, sa * cb, ca * cb];
}

/** Ellipsoid of semi-axes `radii` mm, turned by `degrees` about x, y, z. */
export function ellipsoid(centre: Vec, radii: Vec, degrees: Vec = [0, 0, 0]): Shape {
  const [cx, cy, cz] = centre;
  const [a, b, c] = [1 / radii[0], 1 / radii[1], 1 / radii[2]];
  const [r0, r1, r2, r3, r4, r5, r6, r7, r8] = rotation(degrees) as [
    ...[number, number, number],
    ...[number, number, number],
    ...[number, number, number],
  ];
  const thinnest = Math.min(...radii);
  const reach = (x: number, y: number, z: number): number =>
    Math.hypot(x * radii[0], y * radii[1], z * radii[2]);
  const [ex, ey, ez] = [reach(r0, r1, r2), reach(r3, r4, r5), reach(r6, r7, r8)];
  return {
    bounds: { min: [cx - ex, cy - ey, cz - ez], max: [cx + ex, cy + ey, cz + ez] },
    distance: (px, py, pz) => {
      const x = px - cx;
      const y = py - cy;
      const z = pz - cz;
      const u = (r0 * x + r3 * y + r6 * z) * a;
      const v = (r1 * x + r4 * y + r7 * z) * b;
      const w = (r2 * x + r5 * y + r8 * z) * c;
      const k = Math.sqrt(u * u + v * v + w * w);
      // Deep inside the first-order distance loses its meaning; any safely negative value will do.
      if (k < 0.3) return (k - 1) * thinnest;
      const slope = Math.sqrt(u * u * a * a + v * v * b * b + w * w * c * c);
      return (k * (k - 1)) / slope;
    },
  };
}

/** Round-ended cone from `from` (radius `startRadius`) to `to` (radius `endRadius`). */
export function tube(from: Vec, to: Vec, startRadius: number, endRadius: number): Shape {
  const [ax, ay, az] = from;
  const [dx, dy, dz] = [to[0] - ax, to[1] - ay, to[2] - az];
  const inverse = 1 / Math.max(dx * dx + dy * dy + dz * dz, 1e-6);
  const taper = endRadius - startRadius;
  const points = hull([
    { min: from, max: from },
    { min: to, max: to },
  ]);
  return {
    bounds: grow(points, Math.max(startRadius, endRadius)),
    distance: (px, py, pz) => {
      const x = px - ax;
      const y = py - ay;
      const z = pz - az;
      const along = (x * dx + y * dy + z * dz) * inverse;
      const t = along < 0 ? 0 : along > 1 ? 1 : along;
      const u = x - t * dx;
      const v = y - t * dy;
      const w = z - t * dz;
      return Math.sqrt(u * u + v * v + w * w) - startRadius - t * taper;
    },
  };
}

/** Points of a centripetal-like (Catmull-Rom) curve through `points`, `steps` per span. */
export function curve(points: readonly Vec[], steps: number): Vec[] {
  const at = (index: number): Vec => points[Math.max(0, Math.min(points.length - 1, index))]!;
  const out: Vec[] = [];
  for (let span = 0; span + 1 < points.length; span++) {
    const [p0, p1, p2, p3] = [at(span - 1), at(span), at(span + 1), at(span + 2)];
    for (let step = 0; step < steps; step++) {
      const t = step / steps;
      const blend = (axis: 0 | 1 | 2): number => {
        const slopeIn = (p2[axis] - p0[axis]) / 2;
        const slopeOut = (p3[axis] - p1[axis]) / 2;
        const gap = p2[axis] - p1[axis];
        return (
          p1[axis] +
          t * (slopeIn + t * (3 * gap - 2 * slopeIn - slopeOut + t * (slopeIn + slopeOut - 2 * gap)))
        );
      };
      out.push([blend(0), blend(1), blend(2)]);
    }
  }
  out.push(at(points.length - 1));
  return out;
}

/** The points of a flat list x, y, z, x, y, z, ... */
export function route(flat: readonly number[]): Vec[] {
  const out: Vec[] = [];
  for (let at = 0; at + 2 < flat.length; at += 3) out.push([flat[at]!, flat[at + 1]!, flat[at + 2]!]);
  return out;
}

/** `p` moved by at most `spread` mm along each axis. */
export function nearPoint(random: Random, p: Vec, spread: number): Vec {
  return [random.jitter(p[0], spread), random.jitter(p[1], spread), random.jitter(p[2], spread)];
}

/** Every point moved by at most `spread` mm along each axis. */
export function near(random: Random, points: readonly Vec[], spread: number): Vec[] {
  return points.map((p) => nearPoint(random, p, spread));
}

/** Chain of tubes along a curve through `points`; `radii` (one per point) are interpolated between them. */
export function tubesAlong(points: readonly Vec[], radii: readonly number[], steps = 5): Shape[] {
  const path = curve(points, steps);
  const radiusAt = (index: number): number => {
    const span = Math.min(Math.floor(index / steps), radii.length - 2);
    return radii[span]! + (radii[span + 1]! - radii[span]!) * (index / steps - span);
  };
  return path.slice(1).map((to, index) => tube(path[index]!, to, radiusAt(index), radiusAt(index + 1)));
}

/** Union of shapes, each tested only near its own box. */
export function union(shapes: readonly Shape[]): Shape {
  const count = shapes.length;
  const functions = shapes.map((shape) => shape.distance);
  return {
    bounds: hull(shapes.map((shape) => shape.bounds)),
    distance: (x, y, z) => {
      let nearest = Infinity;
      for (let i = 0; i < count; i++) {
        const d = functions[i]!(x, y, z);
        if (d < nearest) nearest = d;
      }
      return nearest;
    },
  };
}

/** Union whose seams are rounded over about `blendMm` (polynomial smooth minimum). */
export function smoothUnion(shapes: readonly Shape[], blendMm: number): Shape {
  const functions = shapes.map((shape) => shape.distance);
  const count = functions.length;
  return {
    bounds: grow(hull(shapes.map((shape) => shape.bounds)), blendMm / 4),
    distance: (x, y, z) => {
      let nearest = functions[0]!(x, y, z);
      for (let i = 1; i < count; i++) {
        const d = functions[i]!(x, y, z);
        const h = blendMm - Math.abs(d - nearest);
        nearest = Math.min(d, nearest) - (h > 0 ? (h * h) / (4 * blendMm) : 0);
      }
      return nearest;
    },
  };
}

/** Points inside every one of the shapes. */
export function intersection(...shapes: readonly Shape[]): Shape {
  const functions = shapes.map((shape) => shape.distance);
  return {
    bounds: shapes.map((shape) => shape.bounds).reduce(overlap),
    distance: (x, y, z) => {
      let furthest = -Infinity;
      for (const distance of functions) {
        const d = distance(x, y, z);
        if (d > furthest) furthest = d;
      }
      return furthest;
    },
  };
}

/** Points of `shape` outside `removed`. */
export function difference(shape: Shape, removed: Shape): Shape {
  const [keep, cut] = [shape.distance, removed.distance];
  return { bounds: shape.bounds, distance: (x, y, z) => Math.max(keep(x, y, z), -cut(x, y, z)) };
}

/** `shape` with its surface moved outwards by `mm` (inwards when negative). */
export function offset(shape: Shape, mm: number): Shape {
  const { distance } = shape;
  return { bounds: grow(shape.bounds, mm), distance: (x, y, z) => distance(x, y, z) - mm };
}

/** `shape` with its surface displaced by up to `amplitudeMm` along a smooth field. */
export function roughened(shape: Shape, field: Field, amplitudeMm: number): Shape {
  const { distance } = shape;
  const reach = 3 * amplitudeMm + 8;
  return {
    bounds: grow(shape.bounds, amplitudeMm),
    distance: (x, y, z) => {
      const d = distance(x, y, z);
      // Far from the surface the field cannot change the side, and it is the costly part.
      return Math.abs(d) > reach ? d : d + amplitudeMm * field(x, y, z);
    },
  };
}
