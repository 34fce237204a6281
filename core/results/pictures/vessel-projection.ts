import { forEachLabelRun } from '../../volume/label-runs.ts';
import type { Volume } from '../../volume/volume.ts';
import { drawMarks } from './marks.ts';
import { paintLabel, type PlaneScene } from './plane-picture.ts';
import { labelExtents, PlanePixels, type Window2d } from './plane-pixels.ts';
import type { Layer } from './layers.ts';
import { pixelOf, type PlaneView } from './plane-slice.ts';
import { blankRaster, type Raster } from './raster.ts';

/** Ground of the projection, and how far above it the darkest vessel is drawn. */
const GROUND = 8;
const DARKEST = 60;

/**
 * Maximum intensity projection of the vessels along a plane's depth: every pixel shows the highest HU that a vessel
 * voxel behind it has, between the 1st and the 99th percentile of those; the silhouettes of liver and tumours are
 * laid over it. Null when there is no vessel voxel.
 */
export function vesselProjection(scene: PlaneScene, view: PlaneView, shown: Window2d): Raster | null {
  const { highest, silhouettes } = projected(scene, view);
  const seen = highest.filter((value) => value > -Infinity).sort();
  if (seen.length === 0) return null;
  const [low, high] = [seen[Math.floor(0.01 * seen.length)]!, seen[Math.ceil(0.99 * seen.length) - 1]!];
  const grey = highest.map((value) =>
    value === -Infinity ? GROUND : DARKEST + ((255 - DARKEST) * (value - low)) / Math.max(1, high - low),
  );
  const pixels = new PlanePixels(view, shown);
  const raster = blankRaster(pixels.width, pixels.height, [0, 0, 0]);
  const values = pixels.values(grey);
  // By index: entries() makes an array for each of a million pixels.
  for (let pixel = 0, at = 0; pixel < values.length; pixel += 1) {
    const value = values[pixel]!;
    raster.data[at++] = value;
    raster.data[at++] = value;
    raster.data[at++] = value;
  }
  for (const [{ colour }, silhouette] of silhouettes) {
    const extent = labelExtents(silhouette, view.columns).get(1);
    if (extent !== undefined) paintLabel(raster, pixels.inside(silhouette, 1, extent), colour);
  }
  drawMarks(raster, { sides: view.sides, mmPerPixel: shown.mmPerPixel, demo: scene.demo });
  return raster;
}

/** What lies behind each pixel of a plane. */
interface Projection {
  /** Highest HU of a vessel voxel; minus infinity where there is none. */
  readonly highest: Float32Array;
  /** 1 where the layer has a voxel, for liver and tumours. */
  readonly silhouettes: ReadonlyMap<Layer, Uint8Array>;
}

function projected({ ct, layers }: PlaneScene, view: PlaneView): Projection {
  const size = view.columns * view.rows;
  const highest = new Float32Array(size).fill(-Infinity);
  const silhouettes = new Map(
    layers.filter(isSilhouette).map((layer) => [layer, new Uint8Array(size)] as const),
  );
  for (const runs of new Set(layers.map((layer) => layer.runs))) {
    const byLabel = new Map(layers.flatMap((one) => (one.runs === runs ? [[one.label, one] as const] : [])));
    const [nx, ny] = runs.dims;
    const step = pixelOf(view, [1, 0, 0]) - pixelOf(view, [0, 0, 0]);
    forEachLabelRun(runs, (run, row) => {
      const layer = byLabel.get(runs.label[run]!);
      if (layer === undefined || layer.role === 'other') return;
      const z = Math.floor(row / ny);
      const from = runs.from[run]!;
      const to = runs.to[run]!;
      const pixel = pixelOf(view, [from, row - z * ny, z]);
      const seen = silhouettes.get(layer);
      if (seen !== undefined) mark(seen, { pixel, step, count: to - from + 1 });
      else raise(highest, ct, { pixel, step, voxel: row * nx + from, count: to - from + 1 });
    });
  }
  return { highest, silhouettes };
}

/** Pixels behind each other in a row of voxels. */
interface Pixels {
  readonly pixel: number;
  readonly step: number;
  readonly count: number;
}

function mark(seen: Uint8Array, { pixel, step, count }: Pixels): void {
  for (let n = 0, at = pixel; n < count; n += 1, at += step) seen[at] = 1;
}

function raise(
  highest: Float32Array,
  { data, slope, intercept }: Volume,
  { pixel, step, voxel, count }: Pixels & { readonly voxel: number },
): void {
  for (let n = 0, at = pixel; n < count; n += 1, at += step) {
    const hu = slope * data[voxel + n]! + intercept;
    if (hu > highest[at]!) highest[at] = hu;
  }
}

const isSilhouette = ({ role }: Layer): boolean => role === 'liver' || role === 'tumour';
