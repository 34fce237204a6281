import type { Random } from './random.ts';
import {
  ellipsoid,
  intersection,
  offset,
  roughened,
  route,
  smoothUnion,
  tube,
  tubesAlong,
} from './shapes.ts';
import type { Shape, Vec } from './shapes.ts';
import type { Patient, Torso } from './torso.ts';

/** One piece of a vessel: a tapering tube with its geometry kept, to tell what it touches. */
export interface VesselPiece {
  readonly shape: Shape;
  readonly from: Vec;
  readonly to: Vec;
  readonly radius: number;
}

/** A tumour of the liver in body millimetres. */
export interface Tumour {
  readonly shape: Shape;
  readonly centre: Vec;
  readonly radii: Vec;
  readonly touchesVessel: boolean;
}

/** Lobulated liver: right and left lobe, caudate and Riedel-like tip, inside the trunk and under the domes. */
export function makeLiver(patient: Patient, torso: Torso): Shape {
  const random = patient.random.fork('liver');
  const size = random.range(0.93, 1.1);
  const at = (x: number, y: number, z: number): Vec => [
    random.jitter(x, 3),
    random.jitter(y, 3),
    random.jitter(z, 3),
  ];
  const radii = (a: number, b: number, c: number): Vec => [a * size, b * size, random.jitter(c, 3) * size];
  const lobes = smoothUnion(
    [
      ellipsoid(at(80, -2, 12), radii(55, 60, 70), [8, -8, 0]),
      ellipsoid(at(60, 40, 16), radii(46, 38, 58), [0, 0, -20]),
      ellipsoid(at(2, 52, 34), radii(68, random.range(26, 32), 34), [0, random.range(4, 14), 6]),
      ellipsoid(at(32, -4, 44), radii(32, 34, 36)),
      ellipsoid(at(26, 4, 12), radii(17, 17, 24)),
      ellipsoid(at(100, -6, -48), radii(30, 46, random.range(34, 46)), [6, -8, 0]),
    ],
    22,
  );
  const roof = offset(torso.domes, -4);
  return intersection(roughened(lobes, patient.coarse, 6), offset(torso.cavity, -3), roof);
}

const add = (p: Vec, d: Vec, length: number): Vec => [
  p[0] + d[0] * length,
  p[1] + d[1] * length,
  p[2] + d[2] * length,
];

function unit(v: Vec): Vec {
  const length = Math.hypot(...v) || 1;
  return [v[0] / length, v[1] / length, v[2] / length];
}

function randomUnit(random: Random): Vec {
  return unit([random.normal(), random.normal(), random.normal()]);
}

/** `heading` bent by about `degrees` in a random direction. */
function bend(random: Random, heading: Vec, degrees: number): Vec {
  return unit(add(heading, randomUnit(random), Math.tan((degrees * Math.PI) / 180)));
}

function pieces(path: readonly Vec[], radii: readonly number[]): VesselPiece[] {
  const out: VesselPiece[] = [];
  for (let span = 0; span + 1 < path.length; span++) {
    const [from, to] = [path[span]!, path[span + 1]!];
    const [start, end] = [radii[span]!, radii[span + 1]!];
    out.push({ shape: tube(from, to, start, end), from, to, radius: (start + end) / 2 });
  }
  return out;
}

interface Sprout {
  readonly tip: Vec;
  readonly heading: Vec;
  readonly radius: number;
}

/** Grows a bifurcating tree inside `liver` until the branches are thinner than 2.4 mm. */
function branch(random: Random, liver: Shape, sprout: Sprout): VesselPiece[] {
  const { tip, heading, radius } = sprout;
  if (radius < 2.4) return [];
  const length = random.range(6, 8.5) * (radius + 0.5);
  let best = bend(random, heading, 15);
  let depth = Infinity;
  for (let attempt = 0; attempt < 6; attempt++) {
    const trial = bend(random, heading, 14 + 9 * attempt);
    const d = liver.distance(...add(tip, trial, length));
    if (d < depth) [best, depth] = [trial, d];
    if (depth < -9) break;
  }
  if (depth > -4) return [];
  const middle = add(add(tip, best, length / 2), randomUnit(random), length * 0.08);
  const end = add(tip, best, length);
  const thin = radius * random.range(0.82, 0.9);
  const own = pieces([tip, middle, end], [radius, (radius + thin) / 2, thin]);
  const split = random.range(24, 42);
  const across = bend(random, best, split);
  const sum = add(best, best, 1);
  const opposite = unit([sum[0] - across[0], sum[1] - across[1], sum[2] - across[2]]);
  const children = [across, opposite].map((direction) =>
    branch(random, liver, { tip: end, heading: direction, radius: thin * random.range(0.78, 0.95) }),
  );
  return [...own, ...children.flat()];
}

interface Trunk {
  readonly path: readonly Vec[];
  readonly radii: readonly [number, number];
}

function growTrunk(random: Random, liver: Shape, trunk: Trunk): VesselPiece[] {
  const points = trunk.path.map((p, i): Vec =>
    i === 0 ? p : [random.jitter(p[0], 5), random.jitter(p[1], 5), random.jitter(p[2], 5)],
  );
  const [start, end] = trunk.radii;
  const last = points.length - 1;
  const radii = points.map((_, i) => start + ((end - start) * i) / last);
  const own = pieces(points, radii);
  const sprouts = points.slice(1).flatMap((tip, index): Sprout[] => {
    const before = points[index]!;
    const heading = unit([tip[0] - before[0], tip[1] - before[1], tip[2] - before[2]]);
    if (index + 1 === last) {
      const turn = bend(random, heading, 35);
      return [
        { tip, heading: turn, radius: end * 0.85 },
        { tip, heading: bend(random, heading, 25), radius: end * 0.9 },
      ];
    }
    return [{ tip, heading: bend(random, heading, 60), radius: random.range(3, 4.2) }];
  });
  return [...own, ...sprouts.flatMap((sprout) => branch(random, liver, sprout))];
}

/** Point where the portal vein enters the liver, body millimetres. */
export const HILUM: Vec = [34, 8, -6];
/** Point where the hepatic veins meet the inferior vena cava, body millimetres. */
export const HEPATIC_CONFLUENCE: Vec = [25, -24, 60];

/** Portal and hepatic venous trees inside the liver. */
export function makeVessels(patient: Patient, liver: Shape): VesselPiece[] {
  const random = patient.random.fork('vessels');
  const thick = random.range(0.95, 1.12);
  const trunks: Trunk[] = [
    { path: [HILUM, [60, 2, 0], [82, 14, 10]], radii: [7.6, 5.2] },
    {
      path: route([60, 2, 0, 84, -20, -6, 98, -24, -30]),
      radii: [6, 4.2],
    },
    { path: [HILUM, [16, 28, 12], [-6, 44, 28]], radii: [6.8, 5] },
    { path: [HEPATIC_CONFLUENCE, [58, -16, 48], [92, -2, 20]], radii: [7.2, 4.8] },
    { path: [HEPATIC_CONFLUENCE, [40, 12, 48], [58, 40, 18]], radii: [7, 4.6] },
    { path: [HEPATIC_CONFLUENCE, [16, 20, 48], [-14, 48, 42]], radii: [6.6, 4.4] },
  ];
  return trunks.flatMap((trunk) =>
    growTrunk(random, liver, { path: trunk.path, radii: [trunk.radii[0] * thick, trunk.radii[1] * thick] }),
  );
}

/** The portal vein's stem, the splenic and the superior mesenteric vein, outside the liver. */
export function portalStem(patient: Patient): Shape[] {
  const random = patient.random.fork('portal-stem');
  const confluence: Vec = [random.jitter(6, 3), random.jitter(4, 2), random.jitter(-34, 3)];
  const radius = random.range(6.2, 7.2);
  return [
    ...tubesAlong([confluence, [20, 3, -22], HILUM], [radius, radius, radius]),
    ...tubesAlong([confluence, [-28, 0, -22], [-58, -16, -6], [-84, -26, 8]], [5.2, 5, 4.4, 4]),
    ...tubesAlong([confluence, [2, 10, -70], [-4, 16, -140]], [5.6, 5.4, 5]),
  ];
}

function touches(shape: Shape, vessels: readonly VesselPiece[]): boolean {
  return vessels.some(({ from, to, radius }) =>
    [0, 0.25, 0.5, 0.75, 1].some((t) => {
      const at = (axis: 0 | 1 | 2): number => from[axis] + t * (to[axis] - from[axis]);
      return shape.distance(at(0), at(1), at(2)) < radius;
    }),
  );
}

/** Two to four lobulated tumours wholly inside `room`, the free part of the liver; the first one abuts a vessel. */
export function makeTumours(patient: Patient, room: Shape, vessels: readonly VesselPiece[]): Tumour[] {
  const random = patient.random.fork('tumours');
  const wanted = random.integer(2, 4);
  const tumours: Tumour[] = [];
  const hosts = vessels.filter(({ to, radius }) => radius > 2.8 && room.distance(...to) < -14);
  let nominal = random.range(12, 21);
  for (let attempt = 0; attempt < 1200 && tumours.length < wanted; attempt++) {
    // A size that finds no room gives way slowly, so that large tumours are not sieved out.
    nominal *= 0.997;
    const size = Math.max(9, nominal);
    const host = hosts[random.integer(0, hosts.length - 1)];
    const { min, max } = room.bounds;
    const anywhere: Vec = [
      random.range(min[0], max[0]),
      random.range(min[1], max[1]),
      random.range(min[2], max[2]),
    ];
    const beside = tumours.length === 0 && host !== undefined;
    const centre = beside ? add(host.to, randomUnit(random), size * 0.92 + host.radius * 0.6) : anywhere;
    const depth = -room.distance(...centre);
    const apart = tumours.every(
      (other) => Math.hypot(...add(centre, other.centre, -1)) > size + Math.max(...other.radii) + 8,
    );
    if (depth < size * 1.08 + 1 || !apart) continue;
    const radii: Vec = [
      size * random.range(0.9, 1.1),
      size * random.range(0.9, 1.08),
      size * random.range(0.88, 1.1),
    ];
    const turn: Vec = [random.range(0, 90), random.range(0, 90), random.range(0, 90)];
    const shape = roughened(ellipsoid(centre, radii, turn), patient.fine, size * 0.1);
    const touchesVessel = touches(shape, vessels);
    if (beside && !touchesVessel) continue;
    tumours.push({ shape, centre, radii, touchesVessel });
    nominal = random.range(12, 21);
  }
  return tumours;
}
