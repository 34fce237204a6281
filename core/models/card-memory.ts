import type { Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { networkVoxels } from './memory.ts';

/** What a T4 leaves to a process, bytes: 16 GB less what the card keeps for itself. */
export const T4_BYTES = 15e9;

/**
 * CUDA (0.5 GB), the networks and the activations of a patch: 1.1 to 1.9 GB on an H200 (`npm run bench:gpu`,
 * `bench:card-memory`), rounded up, because another card's convolutions may want more room.
 */
const BASE_BYTES = 2.5e9;

/**
 * Bytes on the card that one model asks for on a CT of this grid: what container/engine keeps there, on the
 * base of another card than a T4. Uncalibrated. More than the card has is no reason to refuse: the engine then keeps the sums in RAM, slower.
 */
export function cardMemoryNeeded(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const { cardBytesPerNetworkVoxel } = modelEntry(model).memory(options);
  return Math.round(BASE_BYTES + cardNetworkVoxels(grid, model, options) * cardBytesPerNetworkVoxel);
}

/** What the memory on the card grows with: voxels of the network's grid. */
export function cardNetworkVoxels(grid: Grid, model: ModelId, options: SegmentOptions): number {
  return networkVoxels(grid, modelEntry(model).memory(options));
}
