import type { Canvas } from './paint.ts';
import { apply34 } from './paint.ts';
import { mix32, smoothField } from './random.ts';
import type { Random } from './random.ts';

/** What the scanner adds to the noise-free picture. */
export interface Scanner {
  /** Standard deviation of the noise in HU. */
  readonly noise: number;
  /** Share of each neighbour in a three-tap smoothing along every axis, 0 to 0.3. */
  readonly blur: number;
  /** Peak of a slow additive shading in HU. */
  readonly bias: number;
}

function smoothAlong(data: Float32Array, stride: number, length: number, share: number): void {
  const keep = 1 - 2 * share;
  const period = stride * length;
  for (let block = 0; block < data.length; block += period) {
    for (let lane = block; lane < block + stride; lane++) {
      let before = data[lane]!;
      for (let at = lane, n = 0; n < length; n++, at += stride) {
        const here = data[at]!;
        const after = n + 1 < length ? data[at + stride]! : here;
        data[at] = keep * here + share * (before + after);
        before = here;
      }
    }
  }
}

const NORMALS = 1 << 14;

/** Adds shading, blur and noise (slightly correlated in the slice), and rounds to whole HU in [-1024, 3071]. */
export function finish(canvas: Canvas, scanner: Scanner, random: Random): Int16Array<ArrayBuffer> {
  const { grid, hu } = canvas;
  const [nx, ny, nz] = grid.dims;
  if (scanner.bias > 0) shade(canvas, scanner.bias, random.fork('bias'));
  if (scanner.blur > 0) {
    smoothAlong(hu, 1, nx, scanner.blur);
    smoothAlong(hu, nx, ny, scanner.blur);
    smoothAlong(hu, nx * ny, nz, scanner.blur);
  }
  const source = random.fork('noise');
  const normals = new Float32Array(NORMALS).map(() => source.normal());
  const seed = source.bits();
  const out = new Int16Array(hu.length);
  const tie = 0.45;
  const scale = scanner.noise / Math.sqrt(1 + 2 * tie * tie);
  const white = (at: number): number => normals[mix32(at + seed) & (NORMALS - 1)]!;
  let left = 0;
  for (let at = 0; at < out.length; at++) {
    const here = white(at);
    const grain = here + tie * left + tie * white(at - nx);
    left = here;
    const value = hu[at]! + scale * grain;
    out[at] = Math.round(value < -1024 ? -1024 : value > 3071 ? 3071 : value);
  }
  return out;
}

function shade(canvas: Canvas, peak: number, random: Random): void {
  const { grid, hu, toBody } = canvas;
  const [nx, ny, nz] = grid.dims;
  const field = smoothField(random, 110);
  let at = 0;
  for (let k = 0; k < nz; k++) {
    for (let j = 0; j < ny; j++) {
      let [x, y, z] = apply34(toBody, [0, j, k]);
      for (let i = 0; i < nx; i++, at++, x += toBody[0]!, y += toBody[4]!, z += toBody[8]!) {
        if (hu[at]! > -300) hu[at]! += peak * field(x, y, z);
      }
    }
  }
}
