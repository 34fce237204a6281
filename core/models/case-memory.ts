import { voxelCount, type Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { memoryNeeded } from './memory.ts';
import { WEIGHTS, type WeightsId } from './weights.ts';

/**
 * Node.js with its code and threads. The worker took 0.9 GB on 512 x 512 x 300 and up to 1.7 on 512 x 512 x 900, this
 * says 0.9 and 2.0 (`npm run bench:worker-memory`).
 */
const WORKER_BASE_BYTES = 350e6;
/** The CT as stored (int16), two masks, and a mesh in the making or the viewer's volume. */
const WORKER_BYTES_PER_VOXEL = 7;

/** float32 parameters of a published network (31 M; the 3 and 6 mm ones have 17 M, which this rounds up). */
const NETWORK_BYTES = 125e6;
/** nnU-Net v1 keeps a fold's checkpoint as it is on disk, with the momentum of its optimiser. */
const V1_FOLD_COPIES = 2;
const V2_FOLD_COPIES = 1;

/**
 * Peak bytes of the engine process that runs these models one after the other: the most that one of them needs beside
 * the networks of the others, which stay loaded for the next CT. Networks that several models share are counted once.
 * Conservative: `both` with random networks of the real sizes on a tiny CT took 3.3 GiB, this says 4.3
 * (`npm run bench:memory -- --full-size --models both --grids tiny`).
 */
export function engineMemoryNeeded(grid: Grid, models: readonly ModelId[], options: SegmentOptions): number {
  const loaded = new Set(models.flatMap((model) => weightsOf(model, options)));
  const peaks = models.map((model) => {
    const own = new Set(weightsOf(model, options));
    const others = [...loaded].filter((id) => !own.has(id));
    return others.reduce((sum, id) => sum + loadedBytes(id, options), memoryNeeded(grid, model, options));
  });
  return Math.max(...peaks);
}

/**
 * Peak bytes of a case: the worker's own process, which holds the CT meanwhile, and the engine's. The figure that is
 * held against the memory present.
 */
export function memoryNeededForCase(grid: Grid, models: readonly ModelId[], options: SegmentOptions): number {
  const worker = WORKER_BASE_BYTES + voxelCount(grid.dims) * WORKER_BYTES_PER_VOXEL;
  return worker + engineMemoryNeeded(grid, models, options);
}

function weightsOf(model: ModelId, options: SegmentOptions): readonly WeightsId[] {
  return modelEntry(model).weights(options);
}

/** A network on the device beside the parameters of its folds. */
function loadedBytes(id: WeightsId, { folds }: SegmentOptions): number {
  const copies = WEIGHTS[id].layout === 'nnunet-v1' ? folds.length * V1_FOLD_COPIES : V2_FOLD_COPIES;
  return NETWORK_BYTES * (1 + copies);
}
