import { forEachRun } from './runs.ts';
import type { Volume } from './volume.ts';

/** Structures of one file to be painted into a label map of its size. */
export interface Painting {
  /** Over shared memory when this runs in a thread, since it is written to. */
  readonly target: Uint8Array;
  readonly source: Volume;
  /** The one value of the source that counts; null: all but 0. */
  readonly value: number | null;
  /** Values that stand for themselves; null: whatever counts becomes `label`. */
  readonly allowed: readonly number[] | null;
  readonly label: number;
}

/** What a painting found. */
export interface Painted {
  /** Values painted, at most `MOST_VALUES` of them. */
  readonly values: readonly number[];
  /** The first value that cannot be a label; the painting ended there. */
  readonly refused: number | null;
}

/** More than this is no label map, whatever else it may be. */
const MOST_VALUES = 256;

/** A slope is a float32: what it makes of a label of 16 bits is off by less than this. */
const SLOPE_ROUNDING = 1 / 256;

/** Paints structures over what the target holds: heavy, for a worker thread. */
export function paintLabels(painting: Painting): Painted {
  const brush = new Brush(painting);
  const { data, slope, intercept, grid } = painting.source;
  if (data instanceof Uint8Array && slope === 1 && intercept === 0)
    forEachRun({ grid, data }, (value, _row, begin, end) => brush.paint(value, begin, end));
  else
    for (let at = 0; at < data.length && brush.refused === null; at++)
      brush.paint(labelNear(slope * data[at]! + intercept), at, at + 1);
  return { values: [...brush.values], refused: brush.refused };
}

function labelNear(value: number): number {
  const label = Math.round(value);
  return Math.abs(value - label) < SLOPE_ROUNDING ? label : value;
}

/** Shares of voxels may not: one value of them is a wrong part of the whole. No number at all is as good as 0. */
const mayLieBeside = (value: number): boolean => Number.isInteger(value) || Number.isNaN(value);

const mayBeLabel = (value: number, allowed: Painting['allowed']): boolean =>
  Number.isInteger(value) && value >= 0 && (allowed === null || allowed.includes(value));

class Brush {
  readonly values = new Set<number>();
  refused: number | null = null;
  readonly #painting: Painting;
  #last = 0;
  #label = 0;

  constructor(painting: Painting) {
    this.#painting = painting;
  }

  paint(value: number, begin: number, end: number): void {
    if (value !== this.#last) this.#take(value);
    if (this.#label !== 0 && this.refused === null) this.#painting.target.fill(this.#label, begin, end);
  }

  #take(found: number): void {
    const { value, allowed, label } = this.#painting;
    this.#last = found;
    this.#label = 0;
    const isOther = found === 0 || (value !== null && found !== value);
    if (!(isOther ? mayLieBeside(found) : mayBeLabel(found, allowed))) this.refused ??= found;
    if (isOther) return;
    if (this.values.size < MOST_VALUES) this.values.add(found);
    this.#label = allowed === null ? label : found;
  }
}
