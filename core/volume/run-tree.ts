import { forEachLabelRun, type LabelRuns } from './label-runs.ts';
import { spacingOf, type Affine } from './volume.ts';

/** Low and high x, y and z of a run or of several, inclusive. */
export type RunBox = readonly [x0: number, x1: number, y0: number, y1: number, z0: number, z1: number];

interface Node {
  readonly box: RunBox;
  /** Runs of a leaf, else empty. */
  readonly runs: readonly RunBox[];
  readonly children: readonly Node[];
}

const LEAF_RUNS = 8;

/** Runs as boxes in a tree, to find the one nearest to another run without looking at all. */
export class RunTree {
  readonly #root: Node | null;
  readonly #scale: readonly [number, number, number];
  readonly #inset: number;

  /**
   * @param affine of the grid, whose axes are at right angles (`MAX_SHEAR`)
   * @param inset what is taken off the distance of two voxel centres along each axis, in voxels
   */
  constructor(runs: LabelRuns, affine: Affine, inset: number) {
    this.#root = runs.count === 0 ? null : nodeOf(boxesOfRuns(runs));
    this.#scale = spacingOf(affine);
    this.#inset = inset;
  }

  /** Distance in mm to the nearest run, or `atMost` when none is nearer; runs that meet are 0 apart. */
  nearestMm(run: RunBox, atMost: number): number {
    return this.#root === null ? atMost : Math.sqrt(this.#search(this.#root, run, atMost * atMost));
  }

  #search(node: Node, run: RunBox, most: number): number {
    let best = most;
    for (const own of node.runs) best = Math.min(best, this.#squaredMm(own, run));
    const near = node.children.map((child) => ({ child, least: this.#squaredMm(child.box, run) }));
    near.sort((a, b) => a.least - b.least);
    for (const { child, least } of near) if (least < best) best = this.#search(child, run, best);
    return best;
  }

  #squaredMm(a: RunBox, b: RunBox): number {
    const [sx, sy, sz] = this.#scale;
    const dx = this.#gap(a[0] - b[1], b[0] - a[1]) * sx;
    const dy = this.#gap(a[2] - b[3], b[2] - a[3]) * sy;
    const dz = this.#gap(a[4] - b[5], b[4] - a[5]) * sz;
    return dx * dx + dy * dy + dz * dz;
  }

  #gap(before: number, behind: number): number {
    return Math.max(0, Math.max(before, behind) - this.#inset);
  }
}

/** The box of every run, in memory order. */
export function boxesOfRuns(runs: LabelRuns): RunBox[] {
  const ny = runs.dims[1];
  const boxes: RunBox[] = [];
  forEachLabelRun(runs, (run, row) => {
    const z = Math.floor(row / ny);
    const y = row - z * ny;
    boxes.push([runs.from[run]!, runs.to[run]!, y, y, z, z]);
  });
  return boxes;
}

function nodeOf(runs: RunBox[]): Node {
  const box = hullOf(runs);
  if (runs.length <= LEAF_RUNS) return { box, runs, children: [] };
  const widths = [box[1] - box[0], box[3] - box[2], box[5] - box[4]];
  const axis = 2 * widths.indexOf(Math.max(...widths));
  runs.sort((a, b) => a[axis]! + a[axis + 1]! - b[axis]! - b[axis + 1]!);
  const middle = runs.length >> 1;
  return { box, runs: [], children: [nodeOf(runs.slice(0, middle)), nodeOf(runs.slice(middle))] };
}

function hullOf(boxes: readonly RunBox[]): RunBox {
  const hull: [number, number, number, number, number, number] = [...boxes[0]!];
  for (const box of boxes) {
    for (let side = 0; side < 6; side += 2) {
      hull[side] = Math.min(hull[side]!, box[side]!);
      hull[side + 1] = Math.max(hull[side + 1]!, box[side + 1]!);
    }
  }
  return hull;
}
