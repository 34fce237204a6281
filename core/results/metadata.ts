import type { EngineCall } from '../engine-protocol.ts';
import { MODEL_IDS, modelEntry, type SegmentOptions } from '../models/catalogue.ts';
import { WEIGHTS, weightSet, type WeightsId } from '../models/weights.ts';
import { axisCodes } from '../volume/orientation.ts';
import { spacingOf, type Grid } from '../volume/volume.ts';
import { contrastPhase } from './contrast-phase.ts';
import type { HpbMeasures } from './hpb-measures.ts';
import { metadataSchema, type GivenMasks, type Metadata, type StructureFacts } from './metadata-schema.ts';
import { DEMO_NOTICE, NOT_A_MEDICAL_DEVICE } from './notices.ts';
import { judge } from './quality.ts';
import { rounded, roundedTriple } from './stable-json.ts';
import { structuresOf, type MaskFacts } from './structure-facts.ts';

/** A weight set as it lay on disk. */
export interface WeightsUsed {
  readonly id: WeightsId;
  readonly demo: boolean;
  /** The files that were loaded: name relative to the trainer's folder, and lower-case hex sha256. */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

/** One model that ran on the case, with what was measured on its mask. */
export interface ModelRun extends MaskFacts {
  readonly options: SegmentOptions;
  /** The call as the engine got it; paths are removed here. */
  readonly call: EngineCall | GivenMasks;
  readonly cropEmpty: boolean;
  readonly weights: readonly WeightsUsed[];
}

/** Everything metadata.json is made of. */
export interface MetadataInput {
  /** Grid of the CT, which is that of the masks. */
  readonly grid: Grid;
  /** The CT file as it was given. */
  readonly input: { readonly sha256: string; readonly bytes: number };
  readonly runs: readonly ModelRun[];
  /** Of `measureHpb`; absent where the masks were not measured together. */
  readonly hpb?: HpbMeasures;
  /** `versions` of the engine host's `hello`. */
  readonly versions: Readonly<Record<string, string>>;
  /** `version` of package.json. */
  readonly serviceVersion: string;
}

/** Licence of the demo networks, which are part of this repository. */
const DEMO_LICENCE = 'Apache-2.0';

const NOT_MEASURED = 'The masks were not measured together.';
const UNMEASURED: HpbMeasures = unmeasured({
  liverVolumeMl: null,
  liverVolumeWithoutTumoursMl: null,
  tumourVolumeMl: null,
  tumourBurdenPercent: null,
  vesselVolumeInLiverMl: null,
  lesionCount: null,
  lesionsTouchingVessel: null,
  lesions: null,
});

function unmeasured(nulls: Omit<HpbMeasures, 'nullReasons'>): HpbMeasures {
  return {
    ...nulls,
    nullReasons: Object.fromEntries(Object.keys(nulls).map((field) => [field, NOT_MEASURED])),
  };
}

/**
 * Builds metadata.json. Independent of the order of `runs`; checked against `metadataSchema`, whose key order it
 * has.
 *
 * @throws HpbError ENGINE_OUTPUT_MISMATCH when a mask holds a label that its model does not have.
 */
export function buildMetadata(input: MetadataInput): Metadata {
  const runs = [...input.runs].sort((a, b) => MODEL_IDS.indexOf(a.model) - MODEL_IDS.indexOf(b.model));
  const structures = runs.flatMap((run) =>
    structuresOf(run, input.grid).filter(({ name }) => wasLookedFor(run, name)),
  );
  const weights = weightsOf(runs);
  const demoWeights = weights.filter(({ demo }) => demo).map(({ id }) => id);
  const demo = demoWeights.length > 0;
  const hpb = hpbFacts(input.hpb, structures);
  return metadataSchema.parse({
    schemaVersion: 1,
    notice: NOT_A_MEDICAL_DEVICE,
    demo,
    demoNotice: demo ? DEMO_NOTICE : null,
    quality: judge({ structures, runs, demoWeights, hpb, grid: input.grid }),
    grid: gridFacts(input.grid),
    structures,
    hpb,
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

function gridFacts({ dims, affine }: Grid): Metadata['grid'] {
  return {
    dims: [...dims],
    spacingMm: roundedTriple(spacingOf(affine), 6),
    orientation: axisCodes(affine),
    affine: affine.map((value) => rounded(value, 6)),
  };
}

function hpbFacts(measured: HpbMeasures | undefined, structures: readonly StructureFacts[]): Metadata['hpb'] {
  const { nullReasons, ...measures } = measured ?? UNMEASURED;
  const phase = contrastPhase(structures);
  const told = typeof phase !== 'string';
  return {
    ...measures,
    contrastPhase: told ? phase : null,
    nullReasons: { ...nullReasons, ...(!told && { contrastPhase: phase }) },
  };
}

/** A mask from elsewhere says nothing of structures that were not given: they are not there rather than empty. */
function wasLookedFor({ call }: ModelRun, structure: string): boolean {
  return call.engine !== 'given' || call.masks.some(({ structures }) => structures.includes(structure));
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
