import type { SurfaceNet } from './surface-net.ts';

const ROUNDS = 15;
const SHRINK = 0.5;
const GROW = -0.53;

/** Farthest that a vertex may come to lie from where its net put it, along each voxel axis, in voxels. */
export const MOST_SHIFT_VOXELS = 0.9;

/**
 * Positions of the net's vertices after Taubin smoothing (1995: a step that shrinks, then one that grows a little
 * more), in voxel indices; no vertex leaves its start by more than `MOST_SHIFT_VOXELS` along an axis.
 */
export function smoothNet({ positions, neighbours }: SurfaceNet): Float32Array {
  let from: Float32Array = positions.slice();
  let to: Float32Array = new Float32Array(positions.length);
  for (let round = 0; round < ROUNDS; round++) {
    for (const factor of [SHRINK, GROW]) {
      step(neighbours, from, to, factor);
      [from, to] = [to, from];
    }
    clamp(positions, from);
  }
  return from;
}

/** Moves every vertex by `factor` towards the mean of its neighbours. */
function step(neighbours: Int32Array, from: Float32Array, to: Float32Array, factor: number): void {
  for (let at = 0, first = 0; at < from.length; at += 3, first += 6) {
    let [x, y, z, count] = [0, 0, 0, 0];
    for (let slot = first; slot < first + 6; slot++) {
      const other = 3 * neighbours[slot]!;
      if (other < 0) continue;
      x += from[other]!;
      y += from[other + 1]!;
      z += from[other + 2]!;
      count += 1;
    }
    const [px, py, pz] = [from[at]!, from[at + 1]!, from[at + 2]!];
    to[at] = px + factor * (x / count - px);
    to[at + 1] = py + factor * (y / count - py);
    to[at + 2] = pz + factor * (z / count - pz);
  }
}

function clamp(start: Float32Array, positions: Float32Array): void {
  for (let at = 0; at < positions.length; at++) {
    const [low, high] = [start[at]! - MOST_SHIFT_VOXELS, start[at]! + MOST_SHIFT_VOXELS];
    const value = positions[at]!;
    if (value < low) positions[at] = low;
    else if (value > high) positions[at] = high;
  }
}
