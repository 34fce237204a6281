import { forEachLabelRun, type LabelRuns } from './label-runs.ts';

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

  /** @param spacingMm of the grid, whose axes are at right angles (`MAX_SHEAR`) */
  constructor(boxes: readonly RunBox[], spacingMm: readonly [number, number, number]) {
    this.#root = boxes.length === 0 ? null : nodeOf([...boxes]);
    this.#scale = spacingMm;
  }

  /** Distance in mm of the voxel centres to those of the nearest run, or `atMost` when none is nearer. */
  nearestMm(run: RunBox, atMost: number): number {
    return this.#root === null ? atMost : Math.sqrt(this.#search(this.#root, run, atMost * atMost));
  }

  /** Runs with a voxel centre nearer than `mm` to one of a run. */
  within(run: RunBox, mm: number): readonly RunBox[] {
    const found: RunBox[] = [];
    const open = this.#root === null ? [] : [this.#root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      if (this.#squaredMm(node.box, run) >= mm * mm) continue;
      found.push(...node.runs.filter((own) => this.#squaredMm(own, run) < mm * mm));
      open.push(...node.children);
    }
    return found;
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
    const dx = Math.max(0, a[0] - b[1], b[0] - a[1]) * sx;
    const dy = Math.max(0, a[2] - b[3], b[2] - a[3]) * sy;
    const dz = Math.max(0, a[4] - b[5], b[4] - a[5]) * sz;
    return dx * dx + dy * dy + dz * dz;
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

/** The box around boxes, of which there must be one. */
export function hullOf(boxes: readonly RunBox[]): RunBox {
  const hull: [number, number, number, number, number, number] = [...boxes[0]!];
  for (const box of boxes) {
    for (let side = 0; side < 6; side += 2) {
      hull[side] = Math.min(hull[side]!, box[side]!);
      hull[side + 1] = Math.max(hull[side + 1]!, box[side + 1]!);
    }
  }
  return hull;
}
