import { PNG } from 'pngjs';
import type { Raster } from '../core/results/pictures/raster.ts';

/** Encodes a picture as PNG without any text or time in it: the same pixels give the same bytes. */
export function encodePng({ width, height, data }: Raster): Uint8Array {
  const png = new PNG({ width, height });
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    png.data[to] = data[from]!;
    png.data[to + 1] = data[from + 1]!;
    png.data[to + 2] = data[from + 2]!;
    png.data[to + 3] = 255;
  }
  // A copy: small buffers of Node share their memory, which then cannot move between threads.
  return new Uint8Array(PNG.sync.write(png, { colorType: 2, deflateLevel: 6 }));
}
