import { PHANTOM_LABELS as L } from './labels.ts';
import type { Layer } from './paint.ts';
import type { Random } from './random.ts';
import {
  EVERYWHERE,
  intersection,
  near,
  offset,
  roughened,
  route,
  smoothUnion,
  tube,
  tubesAlong,
  union,
} from './shapes.ts';
import type { Shape, Vec } from './shapes.ts';
import type { Patient, Torso } from './torso.ts';

interface Look {
  readonly label: number;
  /** Thickness of the wall in mm. */
  readonly wall: number;
  /** HU of the contents. */
  readonly contents: number;
}

/** A gut segment: wall, and contents of their own HU. */
function gutLayers(patient: Patient, shape: Shape, look: Look): [Layer, Layer] {
  const { label, wall, contents } = look;
  const texture = { field: patient.fine, amplitude: 12 };
  return [
    { shape, hu: patient.tissue.bowelWall, label },
    { shape: offset(shape, -wall), hu: contents, label, texture },
  ];
}

/** Everything in front of the coronal plane `y`: gas collects there in a patient lying on the back. */
function frontOf(y: number): Shape {
  return { bounds: EVERYWHERE, distance: (_x, py) => y - py };
}

function stomach(patient: Patient, torso: Torso): Layer[] {
  const random = patient.random.fork('stomach');
  const path = near(random, route([-60, 2, 44, -70, 30, 8, -42, 54, -28, 4, 56, -34, 28, 42, -26]), 4);
  const radii = [random.range(26, 32), random.range(26, 32), random.range(21, 26), 17, 11];
  const shape = intersection(
    roughened(smoothUnion(tubesAlong(path, radii, 3), 10), patient.coarse, 4),
    offset(torso.cavity, -3),
    offset(torso.domes, -4),
  );
  const look = { label: L.stomach, wall: 4, contents: random.range(30, 90) };
  const gas = intersection(offset(shape, -4.5), frontOf(random.range(48, 66)));
  return [...gutLayers(patient, shape, look), { shape: gas, hu: -960, label: L.stomach }];
}

function colon(patient: Patient, torso: Torso): Layer[] {
  const random = patient.random.fork('colon');
  const right = route([104, -8, -210, 108, -4, -140, 94, 22, -94, 52, 64, -92, 0, 68, -98, -52, 64, -78]);
  const left = route([-98, 32, -40, -108, 2, -34, -112, -22, -90, -110, -20, -150, -100, -10, -210]);
  const path = near(random, [...right, ...left], 5);
  const radii = path.map(() => random.range(16, 23));
  const tubes = tubesAlong(path, radii, 4);
  const inside = [offset(torso.cavity, -3), offset(torso.domes, -5)];
  const walls: Layer[] = [];
  const fillings: Layer[] = [];
  let gassy = false;
  for (let start = 0; start < tubes.length; start += 2) {
    const tube = roughened(union(tubes.slice(start, start + 3)), patient.coarse, 5);
    const shape = intersection(tube, ...inside);
    const look = { label: L.colon, wall: 3.5, contents: random.range(50, 112) };
    const [wall, filling] = gutLayers(patient, shape, look);
    walls.push(wall);
    fillings.push(filling);
    if (random.chance(0.3)) gassy = !gassy;
    const { min, max } = tube.bounds;
    const level = min[1] + (max[1] - min[1]) * random.range(0.5, 0.7);
    if (gassy)
      fillings.push({ shape: intersection(filling.shape, frontOf(level)), hu: -940, label: L.colon });
  }
  return [...walls, ...fillings];
}

function smallBowel(patient: Patient, torso: Torso): Layer[] {
  const random = patient.random.fork('small-bowel');
  const inside = offset(torso.cavity, -4);
  const layers: Layer[] = [];
  for (let loop = 0; loop < 46; loop++) {
    const jejunal = loop < 16;
    let at: Vec = jejunal
      ? [random.range(-98, -30), random.range(-22, 58), random.range(-85, -18)]
      : [random.range(-88, 72), random.range(-8, 70), random.range(-200, -66)];
    const path: Vec[] = [at];
    for (let step = 0; step < 3; step++) {
      const bend = jejunal ? 0.6 : 1;
      at = [
        at[0] + random.jitter(0, 34) * bend,
        at[1] + random.jitter(0, 24) * bend,
        at[2] + random.jitter(0, 14),
      ];
      path.push(at);
    }
    const radius = random.range(11, 16);
    const radii = path.map(() => radius);
    const shape = intersection(roughened(union(tubesAlong(path, radii, 2)), patient.coarse, 3), inside);
    const look = { label: L.small_bowel, wall: 3, contents: random.range(50, 112) };
    layers.push(...gutLayers(patient, shape, look));
    const gas = intersection(offset(shape, -3), frontOf(at[1] + 4));
    if (random.chance(0.1)) layers.push({ shape: gas, hu: -920, label: L.small_bowel });
  }
  return layers;
}

function duodenum(patient: Patient): Layer[] {
  const random = patient.random.fork('duodenum');
  const path = route([30, 42, -28, 50, 28, -34, 56, 8, -56, 50, 0, -86, 16, -2, -96, -24, 4, -84]);
  const shape = union(tubesAlong(near(random, path, 3), [12, 13, 13, 14, 12, 11], 4));
  return gutLayers(patient, shape, { label: L.duodenum, wall: 3, contents: random.range(20, 70) });
}

/** Small vessels that fan out from the mesenteric root through the fat. */
function mesentery(patient: Patient): Layer[] {
  const random: Random = patient.random.fork('mesentery');
  const layers: Layer[] = [];
  for (let vessel = 0; vessel < 60; vessel++) {
    const root: Vec = [random.jitter(-4, 6), random.jitter(12, 6), random.range(-190, -30)];
    const tip: Vec = [random.range(-100, 85), random.range(0, 68), root[2] + random.jitter(-8, 30)];
    const kink: Vec = [
      tip[0] * 0.5 + random.jitter(0, 8),
      (tip[1] + root[1]) / 2 + random.jitter(0, 10),
      root[2],
    ];
    const radius = random.range(1.4, 2.6);
    const hu = patient.tissue.portal;
    layers.push({ shape: tube(root, kink, radius, radius * 0.8), hu, label: null, only: [0] });
    layers.push({ shape: tube(kink, tip, radius * 0.8, 0.8), hu, label: null, only: [0] });
  }
  return layers;
}

/** Mesentery, small bowel and colon: painted before the solid organs that displace them. */
export function makeBowel(patient: Patient, torso: Torso): Layer[] {
  return [...mesentery(patient), ...smallBowel(patient, torso), ...colon(patient, torso)];
}

/** Duodenum and stomach, painted after the pancreas. */
export function makeForegut(patient: Patient, torso: Torso): Layer[] {
  return [...duodenum(patient), ...stomach(patient, torso)];
}
