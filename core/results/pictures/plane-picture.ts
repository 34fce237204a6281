import type { Volume } from '../../volume/volume.ts';
import type { Layer } from './layers.ts';
import { drawMarks } from './marks.ts';
import { labelExtents, PlanePixels, type PixelRegion, type Window2d } from './plane-pixels.ts';
import { sliceOf, sliceOfRuns, type PlaneView } from './plane-slice.ts';
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
  paintGrey(raster, pixels.values(Float32Array.from(sliceOf(view, ct.data))), ct);
  const slices = new Map(layers.map(({ runs }) => [runs, sliceOfRuns(view, runs)]));
  const extents = new Map([...slices].map(([runs, slice]) => [runs, labelExtents(slice, view.columns)]));
  for (const { runs, label, colour } of layers) {
    const extent = extents.get(runs)!.get(label);
    if (extent !== undefined) paintLabel(raster, pixels.inside(slices.get(runs)!, label, extent), colour);
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
export function paintLabel(raster: Raster, region: PixelRegion, colour: Rgb): void {
  const { left, top, width, height, inside } = region;
  const core = coreOf(region, raster);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 1) {
      if (inside[at] === 0) continue;
      blend(raster, (top + y) * raster.width + left + x, colour, core[at] === 1 ? FILL_SHARE : LINE_SHARE);
    }
  }
}

/** 1 where all of the picture's pixels up to `LINE_PIXELS` away, in rows and in columns, are inside. */
function coreOf({ left, top, width, height, inside }: PixelRegion, picture: Raster): Uint8Array {
  const core = inside.slice();
  const edges = {
    left: left > 0,
    right: left + width < picture.width,
    top: top > 0,
    bottom: top + height < picture.height,
  };
  // By rows, then by columns of what the rows left: together a square around each pixel.
  for (let y = 0; y < height; y += 1)
    erode(core, { start: y * width, step: 1, count: width, open: [edges.left, edges.right] });
  for (let x = 0; x < width; x += 1)
    erode(core, { start: x, step: width, count: height, open: [edges.top, edges.bottom] });
  return core;
}

/** A row or column of a region, and whether the picture goes on before and behind it. */
interface Line {
  readonly start: number;
  readonly step: number;
  readonly count: number;
  readonly open: readonly [boolean, boolean];
}

function erode(pixels: Uint8Array, { start, step, count, open: [before, behind] }: Line): void {
  let sinceOutside = before ? 0 : LINE_PIXELS;
  for (let n = 0, at = start; n < count + LINE_PIXELS; n += 1, at += step) {
    const isOutside = n < count ? pixels[at] === 0 : behind;
    if (!isOutside) {
      if (n < count && sinceOutside < LINE_PIXELS) pixels[at] = 0;
      sinceOutside += 1;
      continue;
    }
    for (let back = 1; back <= LINE_PIXELS; back += 1)
      if (n - back >= 0 && n - back < count) pixels[at - back * step] = 0;
    sinceOutside = 0;
  }
}
