import type { EngineCall } from '../engine-protocol.ts';
import { HpbError } from '../errors.ts';
import { MODEL_IDS, modelEntry, type ModelId, type SegmentOptions } from '../models/catalogue.ts';
import { WEIGHTS, weightSet, type WeightsId } from '../models/weights.ts';
import type { ComponentFacts } from '../volume/components.ts';
import { axisCodes, closestAxes } from '../volume/orientation.ts';
import type { BorderFaces, LabelStatistics, Triple } from '../volume/statistics.ts';
import { spacingOf, type Affine, type Grid } from '../volume/volume.ts';
import {
  metadataSchema,
  type GivenMasks,
  type Metadata,
  type StructureFacts,
  type StructureMeshFacts,
} from './metadata-schema.ts';
import { NOT_MESHED } from './meshed-structures.ts';
import { judge } from './quality.ts';
import { rounded } from './stable-json.ts';

/** A weight set as it lay on disk. */
export interface WeightsUsed {
  readonly id: WeightsId;
  readonly demo: boolean;
  /** The files that were loaded: name relative to the trainer's folder, and lower-case hex sha256. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** One model that ran on the case, with what was measured on its mask. */
export interface ModelRun {
  readonly model: ModelId;
  readonly options: SegmentOptions;
  /** The call as the engine got it; paths are removed here. */
  readonly call: EngineCall | GivenMasks;
  readonly cropEmpty: boolean;
  readonly weights: readonly WeightsUsed[];
  /** Of `measure(ct, mask)`. */
  readonly statistics: ReadonlyMap<number, LabelStatistics>;
  /** Of `components(mask, 26)`. */
  readonly components: ReadonlyMap<number, ComponentFacts>;
  /** By label, of the structures that were meshed; absent where no meshes were made. */
  readonly meshes?: ReadonlyMap<number, StructureMeshFacts>;
}

/** Everything metadata.json is made of. */
export interface MetadataInput {
  /** Grid of the CT, which is that of the masks. */
  readonly grid: Grid;
  /** The CT file as it was given. */
  readonly input: { readonly sha256: string; readonly bytes: number };
  readonly runs: readonly ModelRun[];
  /** `versions` of the engine host's `hello`. */
  readonly versions: Readonly<Record<string, string>>;
  /** `version` of package.json. */
  readonly serviceVersion: string;
}

/** Said in every document that goes to a reader. */
export const NOT_A_MEDICAL_DEVICE =
  'Not a medical device. For research and education only; not for diagnosis or for planning treatment.';

/** Said wherever a result of demo weights is shown. */
export const DEMO_NOTICE =
  'DEMO WEIGHTS: tiny networks trained on synthetic phantoms made these masks. They show that the software works ' +
  'and mean nothing about a patient. DEMO results must not be used.';

/** Largest number of component sizes that is listed. */
const SIZES_LISTED = 20;

/** Licence of the demo networks, which are part of this repository. */
const DEMO_LICENCE = 'Apache-2.0';

const NOT_YET = 'Not measured by this version.';
const EMPTY = 'The structure is empty.';

/**
 * Builds metadata.json. Independent of the order of `runs`; checked against `metadataSchema`, whose key order it
 * has.
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when a mask holds a label that its model does not have.
 */
export function buildMetadata(input: MetadataInput): Metadata {
  const runs = [...input.runs].sort((a, b) => MODEL_IDS.indexOf(a.model) - MODEL_IDS.indexOf(b.model));
  const structures = runs.flatMap((run) => structuresOf(run, input.grid));
  const weights = weightsOf(runs);
  const demoWeights = weights.filter(({ demo }) => demo).map(({ id }) => id);
  const demo = demoWeights.length > 0;
  return metadataSchema.parse({
    schemaVersion: 1,
    notice: NOT_A_MEDICAL_DEVICE,
    demo,
    demoNotice: demo ? DEMO_NOTICE : null,
    quality: judge({ structures, runs, demoWeights }),
    grid: gridFacts(input.grid),
    structures,
    hpb: unmeasuredHpb(),
    provenance: {
      input: input.input,
      models: runs.map(modelFacts),
      weights,
      versions: Object.fromEntries(
        Object.entries(input.versions).sort(([a], [b]) => (a < b ? -1 : Number(a > b))),
      ),
      service: { name: 'hpb-segmentation', version: input.serviceVersion },
    },
  } satisfies Metadata);
}

function structuresOf(run: ModelRun, grid: Grid): StructureFacts[] {
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

type Identity = Pick<StructureFacts, 'name' | 'label' | 'model'>;

function measuredStructure(
  identity: Identity,
  statistics: LabelStatistics,
  { run, affine }: { readonly run: ModelRun; readonly affine: Affine },
): StructureFacts {
  const { voxels, volumeMl, hu, boundingBox, centroidMm, touchesBorder } = statistics;
  const found = componentsOf(run, identity.label);
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
    surfaceAreaMm2: null,
    mesh,
    nullReasons: { surfaceAreaMm2: NOT_YET, ...(mesh === null && { mesh: NOT_MESHED }) },
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

function componentsOf({ model, components }: ModelRun, label: number): ComponentFacts {
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

function gridFacts({ dims, affine }: Grid): Metadata['grid'] {
  return {
    dims: [...dims],
    spacingMm: roundedTriple(spacingOf(affine), 6),
    orientation: axisCodes(affine),
    affine: affine.map((value) => rounded(value, 6)),
  };
}

function roundedTriple([x, y, z]: Triple, decimals: number): [number, number, number] {
  return [rounded(x, decimals), rounded(y, decimals), rounded(z, decimals)];
}

function unmeasuredHpb(): Metadata['hpb'] {
  const measures = {
    liverVolumeMl: null,
    liverVolumeWithoutTumoursMl: null,
    tumourVolumeMl: null,
    tumourBurdenPercent: null,
    vesselVolumeInLiverMl: null,
    lesionCount: null,
    lesionsTouchingVessel: null,
    lesions: null,
    contrastPhase: null,
  };
  return {
    ...measures,
    nullReasons: Object.fromEntries(Object.keys(measures).map((field) => [field, NOT_YET])),
  };
}

function modelFacts(run: ModelRun): Metadata['provenance']['models'][number] {
  const { title, licence } = modelEntry(run.model);
  const { fast, folds, tta } = run.options;
  return {
    id: run.model,
    title,
    licence: licence.name,
    parameters: run.call.engine === 'given' ? null : { fast, folds: [...folds], tta },
    engineCall: withoutPaths(run.call),
    weights: run.weights.map(({ id }) => id),
    cropEmpty: run.cropEmpty,
  };
}

function withoutPaths(call: ModelRun['call']): Metadata['provenance']['models'][number]['engineCall'] {
  if (call.engine === 'given') return call;
  if (call.engine === 'nnunet-v1') {
    const { engine, checkpoint, folds, tta } = call;
    return { engine, checkpoint, folds, tta };
  }
  const { engine, task, roiSubset, fast, multilabel } = call;
  return { engine, task, roiSubset, fast, multilabel };
}

/** Each weight set once, in catalogue order, its files by name. */
function weightsOf(runs: readonly ModelRun[]): Metadata['provenance']['weights'] {
  const used = new Map(runs.flatMap(({ weights }) => weights.map((set) => [set.id, set])));
  return (Object.keys(WEIGHTS) as WeightsId[]).flatMap((id) => {
    const set = used.get(id);
    if (set === undefined) return [];
    const files = set.files
      .map(({ name, sha256 }) => ({ name, sha256 }))
      .sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
    return [{ id, demo: set.demo, licence: set.demo ? DEMO_LICENCE : weightSet(id).licence, files }];
  });
}
