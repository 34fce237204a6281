import { PHANTOM_LABELS as L } from './labels.ts';
import { makeBowel, makeForegut } from './gut.ts';
import { HEPATIC_CONFLUENCE } from './liver.ts';
import type { Layer } from './paint.ts';
import {
  difference,
  ellipsoid,
  intersection,
  near,
  nearPoint,
  offset,
  roughened,
  route,
  smoothUnion,
  tubesAlong,
  union,
} from './shapes.ts';
import type { Vec } from './shapes.ts';
import type { Patient, Torso } from './torso.ts';

function kidney(patient: Patient, side: 1 | -1): Layer[] {
  const random = patient.random.fork(side > 0 ? 'kidney-right' : 'kidney-left');
  const centre = nearPoint(random, side > 0 ? [64, -44, -58] : [-58, -42, -34], 4);
  const radii: Vec = [random.range(27, 30), random.range(24, 27), random.range(52, 59)];
  const turn: Vec = [12, side * 12, side * 28];
  const label = side > 0 ? L.kidney_right : L.kidney_left;
  const body = roughened(ellipsoid(centre, radii, turn), patient.coarse, 2);
  const hilum: Vec = [centre[0] - side * 17, centre[1] + 8, centre[2]];
  const sinus = ellipsoid(hilum, [14, 9, 24], turn);
  const kept = difference(body, sinus);
  const { cortex, medulla, fat } = patient.tissue;
  return [
    { shape: offset(body, 6), hu: fat, label: 0, texture: { field: patient.fine, amplitude: 9 } },
    { shape: kept, hu: cortex, label },
    { shape: offset(kept, -7), hu: medulla, label, texture: { field: patient.fine, amplitude: 16 } },
    { shape: intersection(sinus, offset(body, 1)), hu: fat + 20, label: 0 },
    { shape: ellipsoid(hilum, [9, 4, 11], turn), hu: 25, label: 0 },
  ];
}

function spleen(patient: Patient, torso: Torso): Layer[] {
  const random = patient.random.fork('spleen');
  const body = ellipsoid(
    nearPoint(random, [-98, -26, 28], 4),
    [random.range(36, 41), 50, random.range(50, 60)],
    [14, 8, 24],
  );
  const dent = ellipsoid([-50, 0, 20], [30, 40, 60]);
  const shape = roughened(difference(body, dent), patient.coarse, 3);
  const kept = intersection(shape, offset(torso.cavity, -3), offset(torso.domes, -4));
  return [
    {
      shape: kept,
      hu: patient.tissue.spleen,
      label: L.spleen,
      texture: { field: patient.fine, amplitude: 5 },
    },
  ];
}

function pancreas(patient: Patient): Layer[] {
  const random = patient.random.fork('pancreas');
  const path = near(random, route([32, 12, -48, 24, 18, -36, -4, 24, -26, -36, 10, -16, -72, -8, 2]), 3);
  const shape = roughened(union(tubesAlong(path, [14, 14, 10, 10, 9], 4)), patient.fine, 4);
  const texture = { field: patient.fine, amplitude: 14 };
  return [{ shape, hu: patient.tissue.pancreas, label: L.pancreas, texture }];
}

/** Spleen, left kidney, pancreas and the gut: what the liver lies upon, in painting order. */
export function makeOrgans(patient: Patient, torso: Torso): Layer[] {
  return [
    ...makeBowel(patient, torso),
    ...kidney(patient, -1),
    ...spleen(patient, torso),
    ...pancreas(patient),
    ...makeForegut(patient, torso),
  ];
}

/** What presses into the liver from below and is painted over it. */
export function makeImpressions(patient: Patient): Layer[] {
  const random = patient.random.fork('gallbladder');
  const fissure = ellipsoid(nearPoint(random, [-2, 66, 6], 3), [2.6, 15, 24], [10, 0, random.jitter(10, 8)]);
  const neck = nearPoint(random, [46, 28, -14], 2);
  const fundus = nearPoint(random, [62, 54, -46], 4);
  const body: Vec = [
    (neck[0] + fundus[0]) / 2 + 3,
    (neck[1] + fundus[1]) / 2 - 2,
    (neck[2] + fundus[2]) / 2 - 3,
  ];
  const bladder = smoothUnion(
    tubesAlong([neck, body, fundus], [5, random.range(10, 13), random.range(12, 16)], 3),
    6,
  );
  return [
    ...kidney(patient, 1),
    { shape: fissure, hu: patient.tissue.fat + 30, label: 0 },
    { shape: bladder, hu: patient.tissue.bile + 45, label: L.gallbladder },
    { shape: offset(bladder, -2), hu: patient.tissue.bile, label: L.gallbladder },
  ];
}

/** Aorta with its wall-side crura, and inferior vena cava, outside the liver's own vessels. */
export function makeGreatVessels(patient: Patient): Layer[] {
  const random = patient.random.fork('great-vessels');
  const { aorta, cava, muscle } = patient.tissue;
  const radius = random.range(10, 12.5);
  const trunk = tubesAlong(route([-16, -32, 220, -14, -28, 80, -8, -20, -20, -4, -20, -120, -2, -22, -220]), [
    radius + 2,
    radius + 1,
    radius,
    radius - 1,
    radius - 2,
  ]);
  const celiac = tubesAlong(route([-8, -18, -12, -8, 4, -16, 20, 14, -14]), [4, 3.6, 2.6]);
  const mesenteric = tubesAlong(route([-7, -18, -28, -7, 4, -44, -8, 10, -150]), [4, 3.8, 3.4]);
  const [x, y, z] = HEPATIC_CONFLUENCE;
  const vein = tubesAlong(
    [
      [12, 2, 100],
      [x, y + 2, z + 10],
      [28, -26, 10],
      [26, -26, -50],
      [24, -24, -220],
    ],
    [12, 13, 12, 11.5, 11],
  );
  const flat = roughened(union(vein), patient.coarse, 2);
  const renal = [
    ...tubesAlong(route([-44, -34, -34, -18, -6, -40, 20, -22, -44]), [5, 4.6, 5]),
    ...tubesAlong(route([50, -36, -56, 26, -24, -48]), [5, 5]),
  ];
  const crura = [
    ...tubesAlong(route([8, -30, 70, 12, -28, 0, 14, -34, -70]), [6, 7, 6]),
    ...tubesAlong(route([-30, -36, 60, -26, -34, 0, -20, -38, -60]), [6, 7, 5]),
  ];
  return [
    { shape: union(crura), hu: muscle, label: L.body_wall, texture: { field: patient.fine, amplitude: 8 } },
    { shape: union(renal), hu: cava, label: L.inferior_vena_cava },
    { shape: flat, hu: cava, label: L.inferior_vena_cava, texture: { field: patient.coarse, amplitude: 8 } },
    { shape: union([...celiac, ...mesenteric, ...trunk]), hu: aorta, label: L.aorta },
  ];
}
