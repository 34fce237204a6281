import { drawPictures, type PictureName, type PicturesInput } from '../core/results/pictures/pictures.ts';
import type { Raster } from '../core/results/pictures/raster.ts';
import { encodePng } from './png.ts';

/** A picture of a case as a PNG file. */
export interface CasePicture {
  readonly name: PictureName;
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

/** Draws and encodes the pictures of a case: heavy and pure, for a worker thread. */
export function casePictures(input: PicturesInput): readonly CasePicture[] {
  const encoded = new Map<Raster, Uint8Array>();
  return drawPictures(input).map(({ name, raster }) => {
    const png = encoded.get(raster) ?? encodePng(raster);
    encoded.set(raster, png);
    return { name, width: raster.width, height: raster.height, png };
  });
}
