import { HpbError } from '../errors.ts';
import { PHANTOM_LABELS } from './phantom/labels.ts';
import type { PhantomLabel } from './phantom/labels.ts';
import { makeLiver, makeTumours, makeVessels, portalStem } from './phantom/liver.ts';
import type { Tumour } from './phantom/liver.ts';
import { finish } from './phantom/finish.ts';
import type { Scanner } from './phantom/finish.ts';
import { apply34, compose34, invert34, Painter } from './phantom/paint.ts';
import type { Canvas, Layer } from './phantom/paint.ts';
import { Random } from './phantom/random.ts';
import { difference, rotation, union } from './phantom/shapes.ts';
import type { Shape, Vec } from './phantom/shapes.ts';
import { drawPhase, drawTissue } from './phantom/tissue.ts';
import { makePatient, makeTorso } from './phantom/torso.ts';
import type { Patient } from './phantom/torso.ts';
import { makeGreatVessels, makeOrgans, makeImpressions } from './phantom/viscera.ts';
import { voxelCount, voxelMl } from './volume.ts';
import type { Dims, Grid, LabelMap, Volume } from './volume.ts';

/** Which patient to make, and how to scan it. */
export interface PhantomOptions {
  /** Any integer; the same seed on another grid is the same patient. */
  readonly seed: number;
  readonly grid: Grid;
  /**
   * `plain` (default): portal-venous phase, centred. `randomised`: also draws contrast phase, HU, noise,
   * blur, shading, position (the liver may be cut) and a small affine deformation.
   */
  readonly difficulty?: 'plain' | 'randomised';
}

/** One tumour; positions in world millimetres, RAS+. */
export interface PhantomLesion {
  readonly centre: Vec;
  /** Semi-axes in mm before lobulation. */
  readonly radii: Vec;
  /** True when the tumour reaches the wall of a hepatic or portal vein branch. */
  readonly touchesVessel: boolean;
  /** Volume of the continuous shape in ml, by quadrature at 1 mm; the grid may cut it. */
  readonly analyticMl: number;
}

/** One labelled structure as it lies on the grid. */
export interface PhantomStructure {
  readonly label: number;
  readonly name: PhantomLabel;
  /** Volume of the truth voxels in ml; 0 when the field of view misses the structure. */
  readonly voxelMl: number;
  /** Volume of the continuous shape in ml where it is known (tumours), else null. */
  readonly analyticMl: number | null;
  /** Only for `liver_tumor`, else empty. */
  readonly lesions: readonly PhantomLesion[];
}

/** A synthetic abdominal CT with its truth. */
export interface Phantom {
  /** CT in HU, slope 1, intercept 0. */
  readonly ct: Volume<Int16Array>;
  /** Labels of `PHANTOM_LABELS`. */
  readonly truth: LabelMap;
  readonly structures: readonly PhantomStructure[];
}

/** Changes to a standard grid; triples are along the patient's right, anterior and superior axes. */
export interface PhantomGridOverrides {
  /** Voxel edge in mm; without `dims` the field of view is kept. */
  readonly spacing?: Vec;
  readonly dims?: Dims;
  /** Three letters of RLAPSI, each axis once: where the voxel axes i, j and k point. */
  readonly orientation?: string;
  /** Rotation of the sampling in degrees about the R, A and S axis. */
  readonly oblique?: Vec;
}

const STANDARD = {
  small: { dims: [120, 96, 88], spacing: [3, 3, 3] },
  full: { dims: [512, 512, 200], spacing: [0.75, 0.75, 1.5] },
} as const;

/**
 * A grid centred on the phantom's liver region: `small` is 120 x 96 x 88 voxels of 3 mm in RAS, `full`
 * 512 x 512 x 200 of 0.75 x 0.75 x 1.5 mm. Throws BAD_OPTION for an orientation that is not one of the 48.
 */
export function phantomGrid(size: 'small' | 'full', overrides: PhantomGridOverrides = {}): Grid {
  const standard = STANDARD[size];
  const spacing = overrides.spacing ?? standard.spacing;
  const kept = standard.dims.map((n, axis) =>
    Math.max(1, Math.round((n * standard.spacing[axis]!) / spacing[axis]!)),
  );
  const dims = overrides.dims ?? kept;
  const axes = parseOrientation(overrides.orientation ?? 'RAS');
  const turn = rotation(overrides.oblique ?? [0, 0, 0]);
  const voxelDims = axes.map(({ axis }) => dims[axis]!) as unknown as Dims;
  const affine: number[] = [];
  for (let row = 0; row < 3; row++) {
    const columns = axes.map(({ axis, sign }) => turn[3 * row + axis]! * sign * spacing[axis]!);
    const start = columns.reduce((sum, step, c) => sum - (step * (voxelDims[c]! - 1)) / 2, 0);
    affine.push(...columns, start);
  }
  return { dims: voxelDims, affine: [...affine, 0, 0, 0, 1] };
}

function parseOrientation(text: string): { axis: number; sign: number }[] {
  const axes = text.split('').map((letter) => {
    const at = 'RASLPI'.indexOf(letter);
    return { axis: at % 3, sign: at < 3 ? 1 : -1, known: at >= 0 };
  });
  const distinct = new Set(axes.map(({ axis }) => axis)).size === 3;
  if (axes.length !== 3 || !distinct || axes.some(({ known }) => !known)) {
    throw new HpbError('BAD_OPTION', `The orientation ${JSON.stringify(text)} is none of the 48.`, {
      remedy: 'Give three letters such as RAS or LPS, one of R/L, one of A/P and one of S/I.',
      details: { orientation: text },
    });
  }
  return axes;
}

/** Row-major 3x4 world -> body millimetres: identity, or a drawn position and small deformation. */
function worldToBody(random: Random, randomised: boolean): readonly number[] {
  if (!randomised) return [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0];
  const turn = rotation([random.jitter(0, 7), random.jitter(0, 7), random.jitter(0, 9)]);
  const scale = [random.range(0.88, 1.14), random.range(0.88, 1.14), random.range(0.86, 1.16)];
  const shift = [random.jitter(0, 25), random.jitter(0, 20), random.jitter(0, random.chance(0.3) ? 75 : 30)];
  return [0, 1, 2].flatMap((row) => {
    const cells = [0, 1, 2].map(
      (column) => turn[3 * row + column]! * scale[column]! + random.jitter(0, 0.04),
    );
    return [...cells, shift[row]!];
  });
}

function drawScanner(random: Random, randomised: boolean): Scanner {
  if (!randomised) return { noise: random.range(14, 17), blur: 0, bias: 0 };
  return {
    noise: random.range(6, 24),
    blur: random.chance(0.5) ? random.range(0, 0.25) : 0,
    bias: random.range(0, 8),
  };
}

interface Anatomy {
  readonly layers: readonly Layer[];
  readonly tumours: readonly Tumour[];
}

function liverLayers(patient: Patient, liver: Shape, pressing: readonly Layer[]): Anatomy {
  const { tissue, fine } = patient;
  const vessels = makeVessels(patient, liver);
  const room = difference(liver, union(pressing.map(({ shape }) => shape)));
  const tumours = makeTumours(patient, room, vessels);
  const { liver: L, liver_vessels: V, liver_tumor: T } = PHANTOM_LABELS;
  const layers: Layer[] = vessels.map(({ shape }) => ({ shape, hu: tissue.vessel, label: V, only: [L, V] }));
  const texture = { field: fine, amplitude: 7 };
  for (const { shape } of tumours) layers.push({ shape, hu: tissue.tumour, label: T, only: [L, V], texture });
  return { layers, tumours };
}

function makeAnatomy(patient: Patient): Anatomy {
  const { liver: label, portal_vein_and_splenic_vein } = PHANTOM_LABELS;
  const torso = makeTorso(patient);
  const shape = makeLiver(patient, torso);
  const texture = { field: patient.coarse, amplitude: 5 };
  const parenchyma: Layer = { shape, hu: patient.tissue.liver, label, texture };
  const stem = portalStem(patient).map((shape): Layer => {
    return { shape, hu: patient.tissue.portal, label: portal_vein_and_splenic_vein, only: OUTSIDE_LIVER };
  });
  const pressing = [...makeImpressions(patient), ...makeGreatVessels(patient)];
  const inside = liverLayers(patient, shape, pressing);
  const below = [...torso.layers, ...makeOrgans(patient, torso)];
  return { layers: [...below, parenchyma, ...stem, ...pressing, ...inside.layers], tumours: inside.tumours };
}

const OUTSIDE_LIVER: readonly number[] = [0, ...Object.values(PHANTOM_LABELS).filter((label) => label > 3)];

function quadratureMl(shape: Shape): number {
  const { min, max } = shape.bounds;
  let count = 0;
  for (let z = min[2] + 0.5; z < max[2]; z++) {
    for (let y = min[1] + 0.5; y < max[1]; y++) {
      for (let x = min[0] + 0.5; x < max[0]; x++) if (shape.distance(x, y, z) < 0) count++;
    }
  }
  return count / 1000;
}

function describe(canvas: Canvas, lesions: readonly PhantomLesion[]): PhantomStructure[] {
  const counts = new Float64Array(256);
  for (const label of canvas.labels) counts[label]! += 1;
  const ml = voxelMl(canvas.grid.affine);
  return Object.entries(PHANTOM_LABELS).map(([name, label]) => ({
    label,
    name: name as PhantomLabel,
    voxelMl: counts[label]! * ml,
    analyticMl:
      label === PHANTOM_LABELS.liver_tumor
        ? lesions.reduce((sum, { analyticMl }) => sum + analyticMl, 0)
        : null,
    lesions: label === PHANTOM_LABELS.liver_tumor ? lesions : [],
  }));
}

/**
 * Makes a synthetic abdominal CT: the anatomy of patient `seed`, defined in continuous RAS+ millimetres,
 * sampled on `grid` with partial volume at the edges. Deterministic. Needs about 7 bytes a voxel.
 */
export function makePhantom(options: PhantomOptions): Phantom {
  const { grid, seed } = options;
  const randomised = options.difficulty === 'randomised';
  const random = new Random(seed);
  const toBodyFromWorld = worldToBody(random.fork('pose'), randomised);
  const phase = randomised ? drawPhase(random.fork('phase')) : 'portal';
  const patient = makePatient(random, drawTissue(random.fork('tissue'), phase, randomised ? 2.2 : 1));
  const anatomy = makeAnatomy(patient);
  const size = voxelCount(grid.dims);
  const canvas: Canvas = {
    grid,
    toBody: compose34(toBodyFromWorld, grid.affine.slice(0, 12)),
    hu: new Float32Array(size).fill(-1000),
    labels: new Uint8Array(size),
  };
  const painter = new Painter(canvas);
  for (const layer of anatomy.layers) painter.paint(layer);
  const toWorld = invert34(toBodyFromWorld);
  const shrink = voxelMl(toWorld) * 1000;
  const lesions = anatomy.tumours.map(({ shape, centre, radii, touchesVessel }): PhantomLesion => {
    return {
      centre: apply34(toWorld, centre),
      radii,
      touchesVessel,
      analyticMl: quadratureMl(shape) * shrink,
    };
  });
  const data = finish(canvas, drawScanner(random.fork('scanner'), randomised), random);
  return {
    ct: { grid, data, slope: 1, intercept: 0 },
    truth: { grid, data: canvas.labels },
    structures: describe(canvas, lesions),
  };
}
