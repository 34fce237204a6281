import { voxelCount, type Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { memoryNeeded } from './memory.ts';
import { WEIGHTS, type WeightsId } from './weights.ts';

/** Node.js with its code, in the threads too; bench/worker-memory.ts measures the worker. */
const WORKER_BASE_BYTES = 500e6;
/** A CT as it is stored nearly always (int16). */
const CT_BYTES_PER_VOXEL = 2;
/**
 * Beside the CT: one mask while it is measured, then the meshes. The worker took 0.60 GB for a CT of 512 x 512 x 300 (this
 * says 0.78), 0.99 GB for one of 900 slices (1.33) and 0.94 GB for three of 300 under way together (1.33).
 */
const RESULT_BYTES_PER_VOXEL = 1.5;

/** float32 parameters of a published network (31 M; the 3 and 6 mm ones have 17 M, which this rounds up). */
const NETWORK_BYTES = 125e6;

/**
 * Peak bytes of the engine process that runs these models one after the other: the most that one of them needs beside
 * the networks of the others, which stay loaded for the next CT. Networks that several models share are counted once.
 * Conservative: `both` with random networks of the real sizes on a tiny CT took 3.3 GiB, this says 3.7
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

/** What one case takes of the memory of a machine, bytes. */
export interface CaseMemory {
  /** In the worker's process, from the input check to the end of the case. */
  readonly workerBytes: number;
  /** Peak of the engine's process while the case is its own; what stays loaded afterwards is less. */
  readonly engineBytes: number;
}

/** @param ctBytesPerVoxel as the CT is stored */
export function caseMemory(
  grid: Grid,
  { models, options }: { readonly models: readonly ModelId[]; readonly options: SegmentOptions },
  ctBytesPerVoxel: number = CT_BYTES_PER_VOXEL,
): CaseMemory {
  return {
    workerBytes: voxelCount(grid.dims) * (ctBytesPerVoxel + RESULT_BYTES_PER_VOXEL),
    engineBytes: engineMemoryNeeded(grid, models, options),
  };
}

/**
 * Peak bytes of worker and engine with these cases under way at the same time, of which the engine works on one, any
 * of them, and the worker holds all.
 */
export function memoryNeededTogether(cases: readonly CaseMemory[]): number {
  const held = cases.reduce((sum, { workerBytes }) => sum + workerBytes, WORKER_BASE_BYTES);
  return held + Math.max(0, ...cases.map(({ engineBytes }) => engineBytes));
}

/**
 * Peak bytes of a case: the worker's own process, which holds the CT meanwhile, and the engine's. The figure that is
 * held against the memory present.
 */
export function memoryNeededForCase(grid: Grid, models: readonly ModelId[], options: SegmentOptions): number {
  return memoryNeededTogether([caseMemory(grid, { models, options })]);
}

function weightsOf(model: ModelId, options: SegmentOptions): readonly WeightsId[] {
  return modelEntry(model).weights(options);
}

/** A network on the device beside the parameters of its folds; what training left in a checkpoint is dropped. */
function loadedBytes(id: WeightsId, { folds }: SegmentOptions): number {
  return NETWORK_BYTES * (1 + (WEIGHTS[id].layout === 'nnunet-v1' ? folds.length : 1));
}
