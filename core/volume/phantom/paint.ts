import type { Grid } from '../volume.ts';
import type { Field } from './random.ts';
import { grow } from './shapes.ts';
import type { Box, Shape, Vec } from './shapes.ts';

/** One coat of paint: later layers cover earlier ones. */
export interface Layer {
  readonly shape: Shape;
  readonly hu: number;
  /** Label written where the voxel centre is inside; 0 names nothing, `null` keeps what is there. */
  readonly label: number | null;
  /** When given, only voxels that carry one of these labels are painted. */
  readonly only?: readonly number[];
  /** Texture added to `hu`: `amplitude` HU times a field over millimetres. */
  readonly texture?: { readonly field: Field; readonly amplitude: number };
}

/** Noise-free CT in HU and its labels, before finishing; F order. */
export interface Canvas {
  readonly grid: Grid;
  /** Row-major 3x4: voxel index -> body millimetres. */
  readonly toBody: readonly number[];
  readonly hu: Float32Array;
  readonly labels: Uint8Array;
}

interface IndexBox {
  readonly from: Vec;
  readonly to: Vec;
}

/** Inverse of the row-major 3x4 affine `m`. */
export function invert34(m: readonly number[]): number[] {
  const at = (row: number, column: number): number => m[4 * row + column]!;
  const minor = (row: number, column: number): number => {
    const [r, q] = [(row + 1) % 3, (row + 2) % 3];
    const [s, t] = [(column + 1) % 3, (column + 2) % 3];
    return at(r, s) * at(q, t) - at(r, t) * at(q, s);
  };
  const determinant = at(0, 0) * minor(0, 0) + at(0, 1) * minor(0, 1) + at(0, 2) * minor(0, 2);
  return [0, 1, 2].flatMap((row) => {
    const cells = [0, 1, 2].map((column) => minor(column, row) / determinant);
    const shift = cells.reduce((sum, cell, column) => sum - cell * at(column, 3), 0);
    return [...cells, shift];
  });
}

/** Product of two row-major 3x4 affines: `second` applied after `first`. */
export function compose34(second: readonly number[], first: readonly number[]): number[] {
  const out: number[] = [];
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 4; column++) {
      let sum = column === 3 ? second[4 * row + 3]! : 0;
      for (let k = 0; k < 3; k++) sum += second[4 * row + k]! * first[4 * k + column]!;
      out.push(sum);
    }
  }
  return out;
}

/** The point `p` moved by the row-major 3x4 affine `m`. */
export function apply34(m: readonly number[], p: Vec): Vec {
  const row = (r: number): number =>
    m[4 * r]! * p[0] + m[4 * r + 1]! * p[1] + m[4 * r + 2]! * p[2] + m[4 * r + 3]!;
  return [row(0), row(1), row(2)];
}

function indexBox(box: Box, toIndex: readonly number[], dims: Vec): IndexBox {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let corner = 0; corner < 8; corner++) {
    const pick = (axis: 0 | 1 | 2): number => ((corner >> axis) & 1 ? box.max[axis] : box.min[axis]);
    const p = apply34(toIndex, [pick(0), pick(1), pick(2)]);
    for (let axis = 0; axis < 3; axis++) {
      low[axis] = Math.min(low[axis]!, p[axis]!);
      high[axis] = Math.max(high[axis]!, p[axis]!);
    }
  }
  const from = (axis: 0 | 1 | 2): number => Math.max(0, Math.ceil(low[axis]!));
  const to = (axis: 0 | 1 | 2): number => Math.min(dims[axis], Math.floor(high[axis]!) + 1);
  return { from: [from(0), from(1), from(2)], to: [to(0), to(1), to(2)] };
}

const BLOCK = 6;
/** Approximate distances may grow this much faster than true ones before a block is skipped wrongly. */
const SLACK = 1.7;

/** Paints layers, in order, onto a canvas. */
export class Painter {
  readonly #canvas: Canvas;
  readonly #toIndex: readonly number[];
  /** Width over which an edge is smeared: the mean voxel edge. */
  readonly #edge: number;
  readonly #blockRadius: number;

  constructor(canvas: Canvas) {
    this.#canvas = canvas;
    const m = canvas.toBody;
    this.#toIndex = invert34(m);
    const length = (c: number): number => Math.hypot(m[c]!, m[4 + c]!, m[8 + c]!);
    this.#edge = Math.cbrt(length(0) * length(1) * length(2));
    this.#blockRadius = (BLOCK / 2) * Math.hypot(length(0), length(1), length(2));
  }

  /** Paints one layer. */
  paint(layer: Layer): void {
    const { dims } = this.#canvas.grid;
    const { from, to } = indexBox(grow(layer.shape.bounds, this.#edge), this.#toIndex, dims);
    for (let k = from[2]; k < to[2]; k += BLOCK) {
      for (let j = from[1]; j < to[1]; j += BLOCK) {
        for (let i = from[0]; i < to[0]; i += BLOCK) {
          const end: Vec = [
            Math.min(i + BLOCK, to[0]),
            Math.min(j + BLOCK, to[1]),
            Math.min(k + BLOCK, to[2]),
          ];
          this.#paintBlock(layer, { from: [i, j, k], to: end });
        }
      }
    }
  }

  #paintBlock(layer: Layer, block: IndexBox): void {
    const { from, to } = block;
    const middle: Vec = [(from[0] + to[0] - 1) / 2, (from[1] + to[1] - 1) / 2, (from[2] + to[2] - 1) / 2];
    const centre = apply34(this.#canvas.toBody, middle);
    const d = layer.shape.distance(centre[0], centre[1], centre[2]);
    const reach = SLACK * this.#blockRadius + this.#edge;
    if (d > reach) return;
    const inside = d < -reach;
    for (let k = from[2]; k < to[2]; k++) {
      for (let j = from[1]; j < to[1]; j++) this.#paintRow(layer, [from[0], j, k], to[0], inside);
    }
  }

  #paintRow(layer: Layer, start: Vec, end: number, inside: boolean): void {
    const { grid, toBody: m, hu, labels } = this.#canvas;
    const { distance } = layer.shape;
    const { only, texture, label } = layer;
    const [i0, j0, k0] = start;
    let x = m[0]! * i0 + m[1]! * j0 + m[2]! * k0 + m[3]!;
    let y = m[4]! * i0 + m[5]! * j0 + m[6]! * k0 + m[7]!;
    let z = m[8]! * i0 + m[9]! * j0 + m[10]! * k0 + m[11]!;
    let at = i0 + grid.dims[0] * (j0 + grid.dims[1] * k0);
    for (let i = i0; i < end; i++, at++, x += m[0]!, y += m[4]!, z += m[8]!) {
      if (only?.includes(labels[at]!) === false) continue;
      const d = inside ? -this.#edge : distance(x, y, z);
      const cover = 0.5 - d / this.#edge;
      if (cover <= 0) continue;
      const colour = texture === undefined ? layer.hu : layer.hu + texture.amplitude * texture.field(x, y, z);
      hu[at] = cover >= 1 ? colour : hu[at]! + cover * (colour - hu[at]!);
      if (label !== null && d < 0) labels[at] = label;
    }
  }
}
