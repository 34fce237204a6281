import { InvalidArgumentError, Option } from 'commander';
import { MESH_FORMATS } from '../core/results/meshed-structures.ts';
import { REQUEST_MODELS, type ModelId, type SegmentOptions } from '../core/models/catalogue.ts';

/** What the options about a run parse to. */
export interface RunArguments {
  readonly model: string;
  readonly fast: boolean;
  readonly folds: readonly number[];
  readonly tta: boolean;
}

/** `--model`, `--fast`, `--folds`, `--tta`, with the defaults of the service this project replaces. */
export function runOptions(): readonly Option[] {
  return [
    new Option('--model <model>', 'what to find; `both` is liver and task008')
      .choices(Object.keys(REQUEST_MODELS))
      .default('both'),
    new Option('--fast', "TotalSegmentator's 3 mm model").default(true),
    new Option('--no-fast', "TotalSegmentator's 1.5 mm models: finer and slower"),
    new Option('--folds <list>', 'folds of the nnU-Net v1 ensemble, such as 0,1,2')
      .argParser(parseFolds)
      .default([0], '0'),
    new Option('--tta', 'test-time augmentation of nnU-Net v1: eight times the work').default(false),
  ];
}

/** `--meshes`: besides the files of the viewer and `meshes.glb`, which are always made. */
export const meshesOption = (otherwise = 'HPB_MESHES'): Option =>
  new Option(
    '--meshes <format>',
    `write each mesh as this too, in mm of the patient (default: ${otherwise}, else only .vtp and meshes.glb)`,
  ).choices([...MESH_FORMATS]);

/** The models that `--model` stands for. */
export function modelsOf({ model }: RunArguments): readonly ModelId[] {
  return REQUEST_MODELS[model]!;
}

/** The options as the engines take them. */
export function segmentOptionsOf({ fast, folds, tta }: RunArguments): SegmentOptions {
  return { fast, folds, tta };
}

function parseFolds(text: string): readonly number[] {
  const folds = text.split(',').map((part) => (/^\s*[0-4]\s*$/.test(part) ? Number(part) : NaN));
  if (folds.some(Number.isNaN))
    throw new InvalidArgumentError('Folds are numbers from 0 to 4, separated by commas.');
  return [...new Set(folds)].sort((a, b) => a - b);
}
