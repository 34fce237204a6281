import { forEachRun } from '../../volume/runs.ts';
import { drawMarks } from './marks.ts';
import { paintLabel, type PlaneScene } from './plane-picture.ts';
import { PlanePixels, type Window2d } from './plane-pixels.ts';
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
  for (let at = 0; at < raster.data.length; at += 1) raster.data[at] = values[Math.floor(at / 3)]!;
  for (const [{ colour }, silhouette] of silhouettes)
    paintLabel(raster, pixels.inside(silhouette, 1), colour);
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
  for (const mask of new Set(layers.map((layer) => layer.mask))) {
    const byLabel = new Map(layers.flatMap((one) => (one.mask === mask ? [[one.label, one] as const] : [])));
    const [nx, ny] = mask.grid.dims;
    forEachRun(mask, (label, row, begin, end) => {
      const layer = byLabel.get(label);
      if (layer === undefined || layer.role === 'other') return;
      const seen = silhouettes.get(layer);
      for (let at = begin; at < end; at += 1) {
        const pixel = pixelOf(view, [at - row * nx, row % ny, Math.floor(row / ny)]);
        if (seen !== undefined) seen[pixel] = 1;
        else highest[pixel] = Math.max(highest[pixel]!, ct.slope * ct.data[at]! + ct.intercept);
      }
    });
  }
  return { highest, silhouettes };
}

const isSilhouette = ({ role }: Layer): boolean => role === 'liver' || role === 'tumour';
