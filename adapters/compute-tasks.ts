import { casePictures } from './case-pictures.ts';
import { sceneFile } from './glb.ts';
import { meshStructure } from './mesh-structure.ts';
import { measureHpb } from '../core/results/hpb-measures.ts';
import { shrinkCt, shrinkLabels } from '../core/volume/downsample.ts';
import { measureMask } from '../core/volume/measure-mask.ts';
import { paintLabels } from '../core/volume/paint-labels.ts';

/**
 * The work that is too heavy for the main thread, by name: pure functions of what a structured clone can carry. What
 * is large comes in typed arrays over shared memory, which are not copied; see `ReadNiftiOptions.shared`.
 */
export const COMPUTE_TASKS = {
  paintLabels,
  measureMask,
  measureHpb,
  meshStructure,
  sceneFile,
  casePictures,
  shrinkCt,
  shrinkLabels,
};

/** Name of a piece of heavy work. */
export type ComputeTask = keyof typeof COMPUTE_TASKS;

/** What a task takes. */
export type ComputeInput<T extends ComputeTask> = Parameters<(typeof COMPUTE_TASKS)[T]>[0];

/** What a task gives. */
export type ComputeOutput<T extends ComputeTask> = Awaited<ReturnType<(typeof COMPUTE_TASKS)[T]>>;
