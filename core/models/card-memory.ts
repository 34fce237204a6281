import type { Grid } from '../volume/volume.ts';
import { modelEntry, type ModelId, type SegmentOptions } from './catalogue.ts';
import { networkVoxels } from './memory.ts';

/** What a T4 leaves to a process, bytes: 16 GB less what the card keeps for itself. */
export const T4_BYTES = 15e9;

/** CUDA, one network and the activations of a patch. No card was at hand to measure it on. */
const BASE_BYTES = 3.5e9;
/** nnU-Net v1 adds up three classes and their weights in float32. */
const V1_BYTES_PER_NETWORK_VOXEL = 3 * 4 + 4;
/** The image in float32 and the weights of the sums in float16, beside nnU-Net v2's classes. */
const V2_IMAGE_BYTES_PER_NETWORK_VOXEL = 4 + 2;
/** The figure for RAM holds the classes twice in float32, the card once in float16. */
const V2_SHARE_OF_RAM = 1 / 4;

/**
 * Bytes on the card that one model asks for on a CT of this grid: what container/engine keeps there, on an assumed
 * base. Uncalibrated. More than the card has is no reason to refuse: the engine then keeps the sums in RAM, slower.
 */
export function cardMemoryNeeded(grid: Grid, model: ModelId, options: SegmentOptions): number {
  const { call, memory } = modelEntry(model);
  const figures = memory(options);
  const perVoxel =
    call.engine === 'nnunet-v1'
      ? V1_BYTES_PER_NETWORK_VOXEL
      : figures.bytesPerNetworkVoxel * V2_SHARE_OF_RAM + V2_IMAGE_BYTES_PER_NETWORK_VOXEL;
  return Math.round(BASE_BYTES + cardNetworkVoxels(grid, model, options) * perVoxel);
}

/** What the memory on the card grows with: voxels of the network's grid. */
export function cardNetworkVoxels(grid: Grid, model: ModelId, options: SegmentOptions): number {
  return networkVoxels(grid, modelEntry(model).memory(options));
}
