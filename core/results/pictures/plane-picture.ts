import type { Volume } from '../../volume/volume.ts';
import type { Layer } from './layers.ts';
import { drawMarks } from './marks.ts';
import { PlanePixels, type Window2d } from './plane-pixels.ts';
import { sliceOf, type PlaneView } from './plane-slice.ts';
import { blankRaster, blend, type Raster, type Rgb } from './raster.ts';

/** Soft-tissue window, HU: width 400, level 40. */
export const SOFT_TISSUE = { low: -160, high: 240 } as const;

/** What a picture of a plane shows. */
export interface PlaneScene {
  readonly ct: Volume;
  readonly layers: readonly Layer[];
  readonly demo: boolean;
}

const FILL_SHARE = 0.13;
const LINE_SHARE = 0.95;
const LINE_PIXELS = 2;

/** Draws a plane of the CT in the soft-tissue window, each structure with a thin fill and its outline. */
export function planePicture(scene: PlaneScene, view: PlaneView, shown: Window2d): Raster {
  const { ct, layers, demo } = scene;
  const pixels = new PlanePixels(view, shown);
  const raster = blankRaster(pixels.width, pixels.height, [0, 0, 0]);
  paintGrey(raster, pixels.values(sliceOf(view, ct.data)), ct);
  const slices = new Map(layers.map(({ mask }) => [mask, sliceOf(view, mask.data)]));
  const present = new Map([...slices].map(([mask, slice]) => [mask, new Set(slice)]));
  for (const { mask, label, colour } of layers) {
    if (!present.get(mask)!.has(label)) continue;
    paintLabel(raster, pixels.inside(slices.get(mask)!, label), colour);
  }
  drawMarks(raster, { sides: view.sides, mmPerPixel: shown.mmPerPixel, demo });
  return raster;
}

function paintGrey({ data }: Raster, stored: Float32Array, { slope, intercept }: Volume): void {
  const { low, high } = SOFT_TISSUE;
  for (let pixel = 0; pixel < stored.length; pixel += 1) {
    const grey = (255 * (slope * stored[pixel]! + intercept - low)) / (high - low);
    // A clamped array turns what is no number into black.
    data[3 * pixel] = data[3 * pixel + 1] = data[3 * pixel + 2] = grey;
  }
}

/** Fills what is inside thinly, and draws its edge, two pixels wide. */
export function paintLabel(raster: Raster, inside: Uint8Array, colour: Rgb): void {
  const { width, height } = raster;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const pixel = y * width + x;
      if (inside[pixel] === 0) continue;
      blend(raster, pixel, colour, isEdge(inside, [x, y], [width, height]) ? LINE_SHARE : FILL_SHARE);
    }
  }
}

function isEdge(
  inside: Uint8Array,
  [x, y]: readonly [number, number],
  [width, height]: readonly [number, number],
): boolean {
  for (let v = Math.max(0, y - LINE_PIXELS); v <= Math.min(height - 1, y + LINE_PIXELS); v += 1)
    for (let u = Math.max(0, x - LINE_PIXELS); u <= Math.min(width - 1, x + LINE_PIXELS); u += 1)
      if (inside[v * width + u] === 0) return true;
  return false;
}
