import type { EngineCall } from '../engine-protocol.ts';
import type { MemoryFigures } from './memory-figures.ts';
import { TOTAL_CLASSES } from './totalsegmentator-classes.ts';
import type { WeightsId } from './weights.ts';

/** What a caller may choose about a run; the defaults are those of the service this project replaces. */
export interface SegmentOptions {
  /** TotalSegmentator's 3 mm model instead of the 1.5 mm ones; without effect on nnU-Net v1. */
  readonly fast: boolean;
  /** Folds of the nnU-Net v1 ensemble, ascending. */
  readonly folds: readonly number[];
  /** Test-time augmentation by mirroring (nnU-Net v1 only; TotalSegmentator never uses it). */
  readonly tta: boolean;
}

interface Licence {
  readonly name: string;
  readonly url: string;
  readonly commercialUse: boolean;
}

type EngineArguments =
  | { readonly engine: 'nnunet-v1'; readonly checkpoint: string }
  | {
      readonly engine: 'totalsegmentator';
      readonly task: string;
      readonly roiSubset: readonly string[] | null;
      readonly multilabel: boolean;
      /** Whether the task has a 3 mm variant that `fast` chooses. */
      readonly hasFast: boolean;
    };

/** One model: everything the rest of the code needs to know about it. A new model is a new entry here. */
export interface ModelEntry {
  readonly title: string;
  readonly call: EngineArguments;
  /** File name of the mask in the case package. */
  readonly output: string;
  /** Label value -> structure name as in file names and metadata. */
  readonly labels: Readonly<Record<number, string>>;
  /** Weight sets needed; `fast` chooses between variants. */
  readonly weights: (options: SegmentOptions) => readonly WeightsId[];
  readonly licence: Licence;
  readonly memory: (options: SegmentOptions) => MemoryFigures;
}

const GIB = 2 ** 30;

const APACHE: Licence = {
  name: 'Apache-2.0',
  url: 'https://github.com/wasserth/TotalSegmentator/blob/master/LICENSE',
  commercialUse: true,
};

const LIVER_CROP_MM = [320, 280, 320] as const;

// Measured by bench/memory.ts with networks of the published sizes (31 M parameters) on CTs of 0.2 to 79 million voxels:
// bases on one so small that nothing else counts.
const TOTALSEGMENTATOR_LOADED_BYTES = 1.9 * GIB;
const NNUNET_V1_BASE_BYTES = 2.7 * GIB;
const NNUNET_V1_LOADED_BYTES = 0.87 * GIB;
const NNUNET_V1_FOLD_BYTES = 0.11 * GIB;

/** By the networks that a task runs: one, one after the rough one that finds the crop, five. */
const TOTALSEGMENTATOR_BASE_BYTES = { 1: 2.95 * GIB, 2: 3.15 * GIB, 5: 3.75 * GIB } as const;

/** nnU-Net v2 adds up its classes and their weights in float16; the image is float32. */
const v2SumBytes = (classes: number): number => 2 * classes + 2 + 4;

/** Of TotalSegmentator's tasks, by the classes of a network and what a voxel of its grid takes when it is resampled. */
const v2Memory = (
  place: Pick<MemoryFigures, 'networkSpacingMm' | 'cropExtentMm'>,
  {
    classes,
    resampleBytes,
    networks = 2,
  }: {
    readonly classes: number;
    readonly resampleBytes: number;
    readonly networks?: keyof typeof TOTALSEGMENTATOR_BASE_BYTES;
  },
): MemoryFigures => ({
  ...place,
  forward: {
    baseBytes: TOTALSEGMENTATOR_BASE_BYTES[networks],
    bytesPerInputVoxel: 6,
    // Beside the sums, as measured: copies of the image, and labels.
    bytesPerNetworkVoxel: v2SumBytes(classes) + 16,
  },
  resample: {
    baseBytes: TOTALSEGMENTATOR_LOADED_BYTES,
    bytesPerInputVoxel: 6,
    bytesPerNetworkVoxel: resampleBytes,
  },
  cardBytesPerNetworkVoxel: v2SumBytes(classes),
});

const TOTAL_MEMORY = (fast: boolean, cropExtentMm: MemoryFigures['cropExtentMm']): MemoryFigures =>
  fast
    ? v2Memory(
        { networkSpacingMm: [3, 3, 3], cropExtentMm },
        { classes: 118, resampleBytes: 430, networks: cropExtentMm === null ? 1 : 2 },
      )
    : v2Memory(
        { networkSpacingMm: [1.5, 1.5, 1.5], cropExtentMm },
        { classes: 28, resampleBytes: 75, networks: cropExtentMm === null ? 5 : 2 },
      );

const TASK008_MEMORY = ({ folds }: SegmentOptions): MemoryFigures => {
  const parameters = folds.length * NNUNET_V1_FOLD_BYTES;
  // Three classes, their weights and the image, all float32.
  const sums = (3 + 2) * 4;
  // The mean of the folds so far.
  const mean = folds.length > 1 ? 13 : 0;
  return {
    networkSpacingMm: [0.8, 0.8, 1.5],
    cropExtentMm: null,
    forward: {
      baseBytes: NNUNET_V1_BASE_BYTES + parameters,
      bytesPerInputVoxel: 6,
      bytesPerNetworkVoxel: sums + mean,
    },
    resample: {
      baseBytes: NNUNET_V1_LOADED_BYTES + parameters,
      bytesPerInputVoxel: 27,
      bytesPerNetworkVoxel: 28 + mean / 2,
    },
    cardBytesPerNetworkVoxel: sums,
  };
};

/** The model catalogue: id -> entry. */
export const CATALOGUE = {
  task008: {
    title: 'Hepatic vessels and liver tumours (nnU-Net v1, MSD Task008)',
    call: { engine: 'nnunet-v1', checkpoint: 'model_final_checkpoint' },
    output: 'task008.nii.gz',
    labels: { 1: 'hepatic_vessels', 2: 'liver_tumors' },
    weights: () => ['task008'],
    licence: {
      name: 'CC-BY-NC-4.0',
      url: 'https://zenodo.org/record/4003545',
      commercialUse: false,
    },
    memory: TASK008_MEMORY,
  },
  liver: {
    title: 'Liver (TotalSegmentator, task total, subset liver)',
    call: {
      engine: 'totalsegmentator',
      task: 'total',
      roiSubset: ['liver'],
      multilabel: false,
      hasFast: true,
    },
    output: 'liver.nii.gz',
    labels: { 1: 'liver' },
    weights: ({ fast }) => (fast ? ['ts297', 'ts298'] : ['ts291', 'ts298']),
    licence: APACHE,
    memory: ({ fast }) => TOTAL_MEMORY(fast, LIVER_CROP_MM),
  },
  totalseg: {
    title: '117 structures (TotalSegmentator, task total)',
    call: { engine: 'totalsegmentator', task: 'total', roiSubset: null, multilabel: true, hasFast: true },
    output: 'totalseg.nii.gz',
    labels: TOTAL_CLASSES,
    weights: ({ fast }) => (fast ? ['ts297'] : ['ts291', 'ts292', 'ts293', 'ts294', 'ts295']),
    licence: APACHE,
    memory: ({ fast }) => TOTAL_MEMORY(fast, null),
  },
  liver_vessels: {
    title: 'Hepatic vessels and liver tumours (TotalSegmentator, task liver_vessels)',
    call: {
      engine: 'totalsegmentator',
      task: 'liver_vessels',
      roiSubset: null,
      multilabel: true,
      hasFast: false,
    },
    output: 'liver_vessels.nii.gz',
    labels: { 1: 'liver_vessels', 2: 'liver_tumor' },
    weights: () => ['ts8', 'ts298'],
    licence: APACHE,
    memory: () =>
      v2Memory(
        // TotalSegmentator does not resample for this task; nnU-Net does, to the spacing of its training.
        { networkSpacingMm: [0.8, 0.8, 1.5], cropExtentMm: LIVER_CROP_MM },
        { classes: 3, resampleBytes: 55 },
      ),
  },
  liver_segments: {
    title: 'Couinaud segments of the liver (TotalSegmentator, task liver_segments)',
    call: {
      engine: 'totalsegmentator',
      task: 'liver_segments',
      roiSubset: null,
      multilabel: true,
      hasFast: false,
    },
    output: 'liver_segments.nii.gz',
    labels: {
      1: 'liver_segment_1',
      2: 'liver_segment_2',
      3: 'liver_segment_3',
      4: 'liver_segment_4',
      5: 'liver_segment_5',
      6: 'liver_segment_6',
      7: 'liver_segment_7',
      8: 'liver_segment_8',
    },
    weights: () => ['ts570', 'ts298'],
    licence: APACHE,
    memory: () =>
      v2Memory(
        { networkSpacingMm: [0.8047, 0.8047, 1.5], cropExtentMm: LIVER_CROP_MM },
        { classes: 9, resampleBytes: 97 },
      ),
  },
} as const satisfies Record<string, ModelEntry>;

/** Id of a model in the catalogue. */
export type ModelId = keyof typeof CATALOGUE;

/** All model ids, in catalogue order. */
export const MODEL_IDS = Object.keys(CATALOGUE) as readonly ModelId[];

/** What `--model` and `/segment/{…}` accept: a model, or `both` = liver and task008 of one CT. */
export const REQUEST_MODELS: Readonly<Record<string, readonly ModelId[]>> = {
  both: ['liver', 'task008'],
  ...Object.fromEntries(MODEL_IDS.map((id) => [id, [id]])),
};

/** The entry of a model, typed as the general shape. */
export function modelEntry(id: ModelId): ModelEntry {
  return CATALOGUE[id];
}

/** Roots of the two weight layouts on this machine. */
export interface WeightsLocation {
  /** Folder of the trainer: `…/Task008_HepaticVessel/nnUNetTrainerV2__nnUNetPlansv2.1`. */
  readonly nnunetV1ModelFolder: string;
  /** Folder that holds the `DatasetNNN_*` folders. */
  readonly totalSegmentatorRoot: string;
}

/** The engine call of a model with the caller's options, on weights that lie at `location`. */
export function engineCallOf(id: ModelId, options: SegmentOptions, location: WeightsLocation): EngineCall {
  const { call } = modelEntry(id);
  if (call.engine === 'nnunet-v1') {
    const { engine, checkpoint } = call;
    const modelFolder = location.nnunetV1ModelFolder;
    return { engine, modelFolder, checkpoint, folds: [...options.folds], tta: options.tta };
  }
  const { engine, task, roiSubset, multilabel, hasFast } = call;
  return {
    engine,
    weightsRoot: location.totalSegmentatorRoot,
    task,
    roiSubset: roiSubset === null ? null : [...roiSubset],
    fast: hasFast && options.fast,
    multilabel,
  };
}
