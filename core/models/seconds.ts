import type { Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { networkVoxels } from './memory.ts';

/**
 * Figures of one engine on a T4 GPU, uncalibrated: they only have to spread cases over machines. A case costs a
 * constant, and so much for every million voxels of the network's grid that each pass works on.
 */
const SECONDS = {
  'nnunet-v1': { base: 15, perMillion: 0.5 },
  totalsegmentator: { base: 20, perMillion: 1.5 },
} as const;

/** Passes of test-time augmentation: all mirrorings of three axes. */
const MIRRORINGS = 8;

/** What the time of a model grows with: million voxels of the network's grid, over all passes. */
export function engineWork(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const { call, memory } = modelEntry(model);
  const passes = call.engine === 'nnunet-v1' ? options.folds.length * (options.tta ? MIRRORINGS : 1) : 1;
  return (networkVoxels(grid, memory(options)) / 1e6) * passes;
}

/**
 * Estimated wall seconds of one model on a CT of this grid on a T4 GPU; a machine without a GPU takes many times
 * that. Uncalibrated.
 */
export function secondsNeeded(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const { base, perMillion } = SECONDS[modelEntry(model).call.engine];
  return base + engineWork(grid, model, options) * perMillion;
}
