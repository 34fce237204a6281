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
  const links = linksOf(neighbours);
  const smoothed = positions.slice();
  const shrunk = new Float32Array(positions.length);
  for (let round = 0; round < ROUNDS; round++) {
    step(links, smoothed, shrunk, { factor: SHRINK, start: null });
    step(links, shrunk, smoothed, { factor: GROW, start: positions });
  }
  return smoothed;
}

/** Neighbours without gaps: of vertex `n` those from `first[n]` to `first[n + 1]`, as places of their positions. */
interface Links {
  readonly first: Int32Array;
  readonly places: Int32Array;
}

function linksOf(neighbours: Int32Array): Links {
  const first = new Int32Array(neighbours.length / 6 + 1);
  const places = new Int32Array(neighbours.length);
  let count = 0;
  for (let slot = 0; slot < neighbours.length; slot++) {
    if (slot % 6 === 0) first[slot / 6] = count;
    if (neighbours[slot]! >= 0) places[count++] = 3 * neighbours[slot]!;
  }
  first[first.length - 1] = count;
  return { first, places };
}

/** Moves every vertex by `factor` towards the mean of its neighbours, and keeps it near its `start`, if there is one. */
function step(
  { first, places }: Links,
  from: Float32Array,
  to: Float32Array,
  { factor, start }: { readonly factor: number; readonly start: Float32Array | null },
): void {
  for (let at = 0, vertex = 0; at < from.length; at += 3, vertex++) {
    const begin = first[vertex]!;
    const end = first[vertex + 1]!;
    let x = 0;
    let y = 0;
    let z = 0;
    for (let link = begin; link < end; link++) {
      const other = places[link]!;
      x += from[other]!;
      y += from[other + 1]!;
      z += from[other + 2]!;
    }
    const count = end - begin;
    const px = from[at]!;
    const py = from[at + 1]!;
    const pz = from[at + 2]!;
    x = px + factor * (x / count - px);
    y = py + factor * (y / count - py);
    z = pz + factor * (z / count - pz);
    to[at] = start === null ? x : near(start[at]!, x);
    to[at + 1] = start === null ? y : near(start[at + 1]!, y);
    to[at + 2] = start === null ? z : near(start[at + 2]!, z);
  }
}

/** Rounded as it will be stored, before it is held against the bounds. */
function near(start: number, value: number): number {
  const stored = Math.fround(value);
  if (stored < start - MOST_SHIFT_VOXELS) return start - MOST_SHIFT_VOXELS;
  return stored > start + MOST_SHIFT_VOXELS ? start + MOST_SHIFT_VOXELS : stored;
}
