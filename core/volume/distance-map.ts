import type { Dims } from './volume.ts';

/**
 * Squared distance in mm^2 of every voxel centre to the nearest voxel of `seeds` that is not 0, exact, for voxels of
 * any edge lengths; infinity where there is no seed. One axis after the other: the lower envelope of parabolas
 * (Felzenszwalb and Huttenlocher 2012).
 *
 * @param spacing Edge lengths of a voxel, mm; the axes are at right angles.
 */
export function squaredDistances(
  seeds: Uint8Array,
  dims: Dims,
  spacing: readonly [number, number, number],
): Float64Array {
  const map = new Float64Array(seeds.length);
  for (let at = 0; at < map.length; at += 1) map[at] = seeds[at] === 0 ? Infinity : 0;
  const strides = [1, dims[0], dims[0] * dims[1]] as const;
  const envelope = new Envelope(Math.max(...dims));
  for (const axis of [0, 1, 2] as const) {
    const [a, b] = ([0, 1, 2] as const).filter((other) => other !== axis) as [0 | 1 | 2, 0 | 1 | 2];
    for (let i = 0; i < dims[a]; i += 1)
      for (let j = 0; j < dims[b]; j += 1)
        envelope.line(map, i * strides[a] + j * strides[b], {
          stride: strides[axis],
          count: dims[axis],
          mm: spacing[axis],
        });
  }
  return map;
}

interface Line {
  readonly stride: number;
  readonly count: number;
  readonly mm: number;
}

/** Works on one line of voxels at a time. */
class Envelope {
  readonly #values: Float64Array;
  /** Apexes of the parabolas that make the envelope, and where each begins to be the lowest, in voxels. */
  readonly #apexes: Int32Array;
  readonly #begins: Float64Array;

  constructor(longest: number) {
    this.#values = new Float64Array(longest);
    this.#apexes = new Int32Array(longest);
    this.#begins = new Float64Array(longest + 1);
  }

  line(map: Float64Array, start: number, { stride, count, mm }: Line): void {
    const values = this.#values;
    for (let at = 0; at < count; at += 1) values[at] = map[start + at * stride]!;
    const last = this.#build(count, mm * mm);
    if (last < 0) return;
    let parabola = 0;
    for (let at = 0; at < count; at += 1) {
      while (parabola < last && this.#begins[parabola + 1]! < at) parabola += 1;
      const apex = this.#apexes[parabola]!;
      map[start + at * stride] = (at - apex) ** 2 * mm * mm + values[apex]!;
    }
  }

  /** Returns the number of the last parabola; -1 when the line holds no finite value. */
  #build(count: number, mm2: number): number {
    const values = this.#values;
    const apexes = this.#apexes;
    const begins = this.#begins;
    let last = -1;
    for (let at = 0; at < count; at += 1) {
      if (values[at] === Infinity) continue;
      let begin = -Infinity;
      while (last >= 0) {
        const apex = apexes[last]!;
        begin = (values[at]! - values[apex]! + mm2 * (at * at - apex * apex)) / (2 * mm2 * (at - apex));
        if (begin > begins[last]!) break;
        last -= 1;
        begin = -Infinity;
      }
      last += 1;
      apexes[last] = at;
      begins[last] = begin;
    }
    return last;
  }
}
