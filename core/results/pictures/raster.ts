/** Red, green and blue, 0 to 255 each. */
export type Rgb = readonly [number, number, number];

/** A picture: `data` holds red, green and blue of each pixel, row by row from the top left. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** A rectangle of pixels; `x` and `y` are its top left. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture of one colour. */
export function blankRaster(width: number, height: number, [r, g, b]: Rgb): Raster {
  const data = new Uint8ClampedArray(3 * width * height);
  for (let at = 0; at < data.length; at += 3) {
    data[at] = r;
    data[at + 1] = g;
    data[at + 2] = b;
  }
  return { width, height, data };
}

/** Lays a colour over a pixel; `share` 1 hides what was there, 0 changes nothing. */
export function blend({ data }: Raster, pixel: number, colour: Rgb, share: number): void {
  const at = 3 * pixel;
  for (let c = 0; c < 3; c += 1) data[at + c] = data[at + c]! * (1 - share) + colour[c]! * share;
}

/** Fills a rectangle as far as it lies in the picture. */
export function fillBox(raster: Raster, { x, y, width, height }: Box, colour: Rgb): void {
  for (let row = Math.max(0, y); row < Math.min(raster.height, y + height); row += 1)
    for (let column = Math.max(0, x); column < Math.min(raster.width, x + width); column += 1)
      blend(raster, row * raster.width + column, colour, 1);
}

/** The picture at a whole fraction of its size: each pixel is the mean of `factor` x `factor`. */
export function reduced(raster: Raster, factor: number): Raster {
  const width = Math.max(1, Math.floor(raster.width / factor));
  const height = Math.max(1, Math.floor(raster.height / factor));
  const small = blankRaster(width, height, [0, 0, 0]);
  for (let y = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1)
      for (let c = 0; c < 3; c += 1) small.data[3 * (y * width + x) + c] = mean(raster, { x, y, c }, factor);
  return small;
}

function mean(
  { width, height, data }: Raster,
  { x, y, c }: { readonly x: number; readonly y: number; readonly c: number },
  factor: number,
): number {
  let sum = 0;
  let count = 0;
  for (let row = y * factor; row < Math.min(height, (y + 1) * factor); row += 1)
    for (let column = x * factor; column < Math.min(width, (x + 1) * factor); column += 1, count += 1)
      sum += data[3 * (row * width + column) + c]!;
  return sum / count;
}
