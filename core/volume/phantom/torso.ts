import { PHANTOM_LABELS as L } from './labels.ts';
import type { Layer } from './paint.ts';
import { smoothField } from './random.ts';
import type { Field, Random } from './random.ts';
import {
  difference,
  ellipsoid,
  EVERYWHERE,
  intersection,
  offset,
  roughened,
  smoothUnion,
  tube,
  tubesAlong,
  union,
} from './shapes.ts';
import type { Shape, Vec } from './shapes.ts';
import type { Tissue } from './tissue.ts';

/** What every part of the anatomy is drawn from. */
export interface Patient {
  readonly random: Random;
  readonly tissue: Tissue;
  /** Coarse (about 28 mm) and fine (about 7 mm) smooth fields for surfaces and textures. */
  readonly coarse: Field;
  readonly fine: Field;
}

/** The trunk's shells, outermost first, and what bounds the abdomen above. */
export interface Torso {
  readonly skin: Shape;
  readonly muscle: Shape;
  readonly cavity: Shape;
  /** Below the diaphragm. */
  readonly domes: Shape;
  /** Half axes of the middle of the wall, where the ribs run. */
  readonly ring: readonly [number, number];
  readonly layers: readonly Layer[];
}

interface Section {
  readonly centre: readonly [number, number];
  readonly half: readonly [number, number];
}

/** Endless barrel of rounded-square cross-section, widest at `z` = -20 mm. */
function barrel(section: Section): Shape {
  const [cx, cy] = section.centre;
  const [a, b] = section.half;
  return {
    bounds: EVERYWHERE,
    distance: (px, py, pz) => {
      const narrowing = (pz + 20) * (pz + 20) * 3.2e-6;
      const s = 1 - (narrowing > 0.2 ? 0.2 : narrowing);
      const x = px - cx;
      const y = py - cy;
      const u = (x * x) / (a * a * s * s);
      const v = (y * y) / (b * b * s * s);
      const k = Math.sqrt(Math.max(u + v - 0.35 * u * v, 1e-6));
      return k < 0.2 ? -30 : Math.sqrt(x * x + y * y) * (1 - 1 / k);
    },
  };
}

/** The patient's random fields, drawn once. */
export function makePatient(random: Random, tissue: Tissue): Patient {
  return {
    random,
    tissue,
    coarse: smoothField(random.fork('coarse'), random.fork('coarse-cell').range(24, 32)),
    fine: smoothField(random.fork('fine'), 6.5),
  };
}

function drawShells(patient: Patient): Omit<Torso, 'layers'> {
  const random = patient.random.fork('shells');
  const a = random.range(152, 164);
  const b = random.range(104, 113);
  const fat = random.range(9, 17);
  const wall = random.range(11, 14);
  const skin = roughened(barrel({ centre: [2, 0], half: [a, b] }), patient.coarse, 2);
  const muscle = roughened(barrel({ centre: [2, -1], half: [a - fat, b - fat * 0.95] }), patient.coarse, 3);
  const half: [number, number] = [a - fat - wall, b - fat - wall - 8];
  const cavity = roughened(barrel({ centre: [2, 9], half }), patient.coarse, 3);
  const lift = random.range(-4, 5);
  const right = ellipsoid([66, 30, -15], [74, 102, 101 + lift], [0, 4, 0]);
  const left = ellipsoid([-64, 28, -18], [72, 100, 88 + lift], [0, -3, 0]);
  const middle = ellipsoid([0, 44, -40], [80, 108, 108]);
  const belly: Shape = { bounds: EVERYWHERE, distance: (_x, _y, z) => z + 35 };
  const ring = [a - fat - wall / 2, b - fat - wall / 2 - 4] as const;
  const domes = roughened(smoothUnion([right, left, middle, belly], 16), patient.coarse, 3);
  return { skin, muscle, cavity, domes, ring };
}

function wallMuscles(patient: Patient, muscle: Shape): Layer[] {
  const random = patient.random.fork('muscles');
  const { muscle: hu, fat } = patient.tissue;
  const texture = { field: patient.fine, amplitude: 13 };
  const paint = (shape: Shape, label: number): Layer => ({ shape, hu, label, texture });
  const layers: Layer[] = [];
  for (const side of [1, -1]) {
    const back = ellipsoid([side * 34 + 2, -78, 0], [random.range(25, 29), 17, 400], [0, 0, side * 12]);
    const label = side > 0 ? L.autochthon_right : L.autochthon_left;
    const psoas = tubesAlong(
      [
        [side * 30, -48, -30],
        [side * 40, -44, -80],
        [side * 56, -30, -200],
      ],
      [8, 20, 27],
    );
    const quadratus = ellipsoid([side * 68, -68, -130], [22, 9, 90], [0, side * 6, side * 14]);
    const plane = intersection(offset(back, 2), offset(muscle, -1));
    layers.push({ shape: plane, hu: fat + 25, label: 0 });
    layers.push(paint(intersection(roughened(back, patient.coarse, 2), offset(muscle, -1)), label));
    layers.push(paint(union(psoas), L.body_wall), paint(quadratus, L.body_wall));
  }
  return layers;
}

function spine(patient: Patient): Layer[] {
  const random = patient.random.fork('spine');
  const { spongiosa, compacta, disc, fat } = patient.tissue;
  const texture = { field: patient.fine, amplitude: 40 };
  const layers: Layer[] = [];
  const pitch = random.range(31, 34);
  const start = random.range(-12, 12);
  for (let level = -8; level <= 8; level++) {
    const z = start + level * pitch;
    const x = random.jitter(2, 1);
    const y = -50 + 0.0004 * z * z;
    const body = intersection(ellipsoid([x, y, z], [24, 18, 60]), {
      bounds: EVERYWHERE,
      distance: (_x, _y, pz) => Math.abs(pz - z) - pitch / 2 + 3.5,
    });
    const arch: Shape[] = [
      tube([x + 14, y - 13, z + 3], [x + 17, y - 27, z], 5, 6),
      tube([x - 14, y - 13, z + 3], [x - 17, y - 27, z], 5, 6),
      tube([x + 16, y - 28, z], [x + 40, y - 32, z + 3], 5, 3.5),
      tube([x - 16, y - 28, z], [x - 40, y - 32, z + 2], 5, 3.5),
      tube([x + 14, y - 28, z - 3], [x, y - 36, z - 5], 5, 4.5),
      tube([x - 14, y - 28, z - 3], [x, y - 36, z - 5], 5, 4.5),
      tube([x, y - 36, z - 5], [x, y - 48, z - 14], 4.5, 3.5),
    ];
    const bone = union([body, ...arch]);
    layers.push({ shape: ellipsoid([x, y, z + pitch / 2], [23, 17, 6]), hu: disc, label: L.vertebrae });
    layers.push({ shape: bone, hu: compacta, label: L.vertebrae });
    layers.push({ shape: offset(bone, -2.2), hu: spongiosa, label: L.vertebrae, texture });
  }
  layers.push({ shape: ellipsoid([2, -76, 0], [11, 8.5, 900]), hu: fat + 60, label: 0 });
  layers.push({ shape: ellipsoid([2, -76, 0], [7.5, 6.5, 900]), hu: 32, label: 0 });
  return layers;
}

interface Rib {
  readonly side: number;
  readonly z: number;
  /** How far round the wall it runs: 1 is to the front. */
  readonly reach: number;
  readonly ring: readonly [number, number];
}

/** Path of a rib: from the spine round the wall, falling towards the front. */
function ribPath(rib: Rib): Vec[] {
  const { side, z, reach, ring } = rib;
  const points: Vec[] = [[side * 24 + 2, -62, z]];
  for (let step = 0; step <= 7; step++) {
    const t = (step / 7) * reach;
    const angle = -1.05 + t * 2.3;
    const fall = 18 * t + 92 * t * t - 18 * t ** 4;
    const s = 1 - Math.min(0.2, (z - fall + 20) ** 2 * 3.2e-6);
    const square = 1 + 0.055 * Math.sin(2 * angle) ** 2;
    points.push([
      2 + side * ring[0] * s * square * Math.cos(angle),
      3 + ring[1] * s * square * Math.sin(angle),
      z - fall,
    ]);
  }
  return points;
}

function ribs(patient: Patient, ring: readonly [number, number]): Layer[] {
  const random = patient.random.fork('ribs');
  const { spongiosa, compacta } = patient.tissue;
  const layers: Layer[] = [];
  const radii = Array<number>(9).fill(5.8);
  for (const side of [1, -1]) {
    const label = side > 0 ? L.ribs_right : L.ribs_left;
    for (let level = 0; level < 10; level++) {
      const z = -32 + level * 27 + random.jitter(side * 3, 2);
      const reach = [0.35, 0.6, 0.78, 0.85][level] ?? 0.9;
      const path = ribPath({ side, z, reach, ring });
      for (const shape of tubesAlong(path, radii, 3)) layers.push({ shape, hu: compacta, label });
      for (const shape of tubesAlong(path, radii, 3)) {
        layers.push({ shape: offset(shape, -2.2), hu: spongiosa, label });
      }
      if (reach <= 0.8) continue;
      const end = path.at(-1)!;
      const front: Vec = [side * Math.max(12, Math.abs(end[0]) - 34), ring[1] - 2, end[2] + 22];
      layers.push({ shape: tube(end, front, 6, 5), hu: patient.tissue.disc + 18, label: L.body_wall });
    }
  }
  return layers;
}

function chest(patient: Patient, cavity: Shape, domes: Shape): Layer[] {
  const { lung, muscle, fat, heart } = patient.tissue;
  const random = patient.random.fork('chest');
  const centre = ellipsoid([-4, 8, 130], [34, 62, 110]);
  const upper: Shape = {
    bounds: { min: [-200, -150, -48], max: [200, 150, 900] },
    distance: (_x, _y, z) => -48 - z,
  };
  const above = intersection(upper, difference(offset(cavity, -1), domes));
  const lungs = difference(above, centre);
  const layers: Layer[] = [
    { shape: intersection(upper, difference(cavity, offset(domes, -2.6))), hu: muscle, label: L.body_wall },
    { shape: above, hu: fat, label: 0 },
  ];
  const texture = { field: patient.fine, amplitude: 45 };
  for (const side of [1, -1]) {
    const label = side > 0 ? L.lung_lower_lobe_right : L.lung_lower_lobe_left;
    const half: Shape = {
      bounds: side > 0 ? { ...EVERYWHERE, min: [0, -1000, -1000] } : { ...EVERYWHERE, max: [4, 1000, 1000] },
      distance: (x) => -side * (x - 2),
    };
    layers.push({ shape: intersection(lungs, half), hu: lung, label, texture });
    for (let vessel = 0; vessel < 70; vessel++) {
      const from: Vec = [side * random.range(25, 115), random.range(-55, 70), random.range(40, 150)];
      const to: Vec = [from[0] + side * random.range(0, 22), from[1] + random.jitter(-4, 16), from[2] - 18];
      const radius = random.range(1.5, 3.6);
      layers.push({ shape: tube(from, to, radius, 1), hu: 40, label: null, only: [label] });
    }
  }
  const chambers = ellipsoid([-24, 36, 110], [58, 46, 48], [0, -20, 25]);
  const wall = { shape: intersection(chambers, above), hu: muscle + 25, label: L.heart };
  const blood = { shape: intersection(offset(chambers, -11), above), hu: heart, label: L.heart };
  return [...layers, wall, blood];
}

/** Trunk wall, spine, ribs, muscles and chest, in painting order. */
export function makeTorso(patient: Patient): Torso {
  const { tissue, fine, coarse } = patient;
  const shells = drawShells(patient);
  const { skin, muscle, cavity, domes } = shells;
  const table = intersection(
    difference(ellipsoid([0, 60, 0], [320, 196, 9000]), ellipsoid([0, 60, 0], [318, 188, 9000])),
    {
      bounds: { min: [-190, -140, -900], max: [190, -60, 900] },
      distance: (x, y) => Math.max(Math.abs(x) - 185, y + 60),
    },
  );
  const streaks: Field = (x, y, z) => fine(x, y, z) + coarse(z, x, y);
  const layers: Layer[] = [
    { shape: table, hu: -120, label: 0 },
    { shape: skin, hu: 25, label: 0 },
    {
      shape: difference(offset(skin, -2), offset(muscle, -5)),
      hu: tissue.fat,
      label: 0,
      texture: { field: fine, amplitude: 7 },
    },
    {
      shape: difference(muscle, offset(cavity, -5)),
      hu: tissue.muscle,
      label: L.body_wall,
      texture: { field: streaks, amplitude: 10 },
    },
    { shape: cavity, hu: tissue.fat, label: 0, texture: { field: fine, amplitude: 12 } },
    ...wallMuscles(patient, muscle),
    ...chest(patient, cavity, domes),
    ...spine(patient),
    ...ribs(patient, shells.ring),
  ];
  return { ...shells, layers };
}
