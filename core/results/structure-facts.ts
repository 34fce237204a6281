import { HpbError } from '../errors.ts';
import { modelEntry, type ModelId } from '../models/catalogue.ts';
import type { ComponentFacts } from '../volume/components.ts';
import { closestAxes } from '../volume/orientation.ts';
import type { BorderFaces, LabelStatistics } from '../volume/statistics.ts';
import type { Affine, Grid } from '../volume/volume.ts';
import { NOT_MESHED } from './meshed-structures.ts';
import type { StructureFacts, StructureMeshFacts } from './metadata-schema.ts';
import { rounded, roundedTriple } from './stable-json.ts';

/** What was measured on the mask of a model. */
export interface MaskFacts {
  readonly model: ModelId;
  /** Of `measure(ct, mask)`. */
  readonly statistics: ReadonlyMap<number, LabelStatistics>;
  /** Of `components(mask, 26)`. */
  readonly components: ReadonlyMap<number, ComponentFacts>;
  /** Of `surfaceAreas`, by label. */
  readonly surfaceAreasMm2?: ReadonlyMap<number, number>;
  /** By label, of the structures that were meshed; absent where no meshes were made. */
  readonly meshes?: ReadonlyMap<number, StructureMeshFacts>;
}

/** Largest number of component sizes that is listed. */
const SIZES_LISTED = 20;

const EMPTY = 'The structure is empty.';
const NOT_MEASURED = 'Not measured on this mask.';

/**
 * The entry of every structure of a model, in label order.
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when the mask holds a label that the model does not have.
 */
export function structuresOf(run: MaskFacts, grid: Grid): StructureFacts[] {
  const { labels } = modelEntry(run.model);
  for (const label of run.statistics.keys()) {
    if (labels[label] === undefined) throw unknownLabel(run.model, label);
  }
  return Object.entries(labels).map(([label, name]) => {
    const statistics = run.statistics.get(Number(label));
    const identity = { name, label: Number(label), model: run.model };
    return statistics === undefined
      ? emptyStructure(identity)
      : measuredStructure(identity, statistics, { run, affine: grid.affine });
  });
}

const roundedArea = (mm2: number | undefined): number | null => (mm2 === undefined ? null : rounded(mm2, 1));

type Identity = Pick<StructureFacts, 'name' | 'label' | 'model'>;

function measuredStructure(
  identity: Identity,
  statistics: LabelStatistics,
  { run, affine }: { readonly run: MaskFacts; readonly affine: Affine },
): StructureFacts {
  const { voxels, volumeMl, hu, boundingBox, centroidMm, touchesBorder } = statistics;
  const found = componentsOf(run, identity.label);
  const area = roundedArea(run.surfaceAreasMm2?.get(identity.label));
  const mesh = run.meshes?.get(identity.label) ?? null;
  const huRounded = { ...hu };
  for (const key of Object.keys(hu) as (keyof typeof hu)[]) huRounded[key] = rounded(hu[key], 2);
  return {
    ...identity,
    voxels,
    volumeMl: rounded(volumeMl, 3),
    hu: huRounded,
    components: {
      connectivity: 26,
      count: found.count,
      sizes: [...found.sizes.subarray(0, SIZES_LISTED)],
    },
    boundingBox: { min: [...boundingBox.min], max: [...boundingBox.max] },
    centroidMm: roundedTriple(centroidMm, 2),
    touchesBorder: sidesTouched(touchesBorder, affine),
    surfaceAreaMm2: area,
    mesh,
    nullReasons: {
      ...(area === null && { surfaceAreaMm2: NOT_MEASURED }),
      ...(mesh === null && { mesh: NOT_MESHED }),
    },
  };
}

const NO_SIDE = {
  left: false,
  right: false,
  posterior: false,
  anterior: false,
  inferior: false,
  superior: false,
};

function emptyStructure(identity: Identity): StructureFacts {
  const nullFields = ['hu', 'boundingBox', 'centroidMm', 'surfaceAreaMm2', 'mesh'] as const;
  return {
    ...identity,
    voxels: 0,
    volumeMl: 0,
    hu: null,
    components: { connectivity: 26, count: 0, sizes: [] },
    boundingBox: null,
    centroidMm: null,
    touchesBorder: NO_SIDE,
    surfaceAreaMm2: null,
    mesh: null,
    nullReasons: Object.fromEntries(nullFields.map((field) => [field, EMPTY])),
  };
}

function componentsOf({ model, components }: MaskFacts, label: number): ComponentFacts {
  const found = components.get(label);
  if (found !== undefined) return found;
  throw new HpbError(
    'UNEXPECTED',
    `Label ${label} of ${model} was measured but its components were not counted.`,
    {
      remedy: 'Count the components of the mask that was measured.',
    },
  );
}

function unknownLabel(model: ModelId, label: number): HpbError {
  return new HpbError(
    'ENGINE_OUTPUT_MISMATCH',
    `The mask of ${model} holds label ${label}, which it does not have.`,
    {
      remedy: 'Check with `hpb models verify` that the weights belong to this model.',
      details: { model, label },
    },
  );
}

/** Negative and positive side of each RAS+ axis. */
const SIDES = [
  ['left', 'right'],
  ['posterior', 'anterior'],
  ['inferior', 'superior'],
] as const;

function sidesTouched(faces: BorderFaces, affine: Affine): StructureFacts['touchesBorder'] {
  const touched: StructureFacts['touchesBorder'] = { ...NO_SIDE };
  const ends = [
    [faces.iMin, faces.iMax],
    [faces.jMin, faces.jMax],
    [faces.kMin, faces.kMax],
  ] as const;
  closestAxes(affine).forEach(({ world, sign }, axis) => {
    const [atZero, atEnd] = ends[axis]!;
    const [negative, positive] = SIDES[world];
    touched[negative] = sign > 0 ? atZero : atEnd;
    touched[positive] = sign > 0 ? atEnd : atZero;
  });
  return touched;
}
