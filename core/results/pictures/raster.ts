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
  data[at] = data[at]! * (1 - share) + colour[0] * share;
  data[at + 1] = data[at + 1]! * (1 - share) + colour[1] * share;
  data[at + 2] = data[at + 2]! * (1 - share) + colour[2] * share;
}

/** Fills a rectangle as far as it lies in the picture. */
export function fillBox(raster: Raster, { x, y, width, height }: Box, colour: Rgb): void {
  for (let row = Math.max(0, y); row < Math.min(raster.height, y + height); row += 1)
    for (let column = Math.max(0, x); column < Math.min(raster.width, x + width); column += 1)
      blend(raster, row * raster.width + column, colour, 1);
}

/** The picture at a whole fraction of its size: each pixel is the mean of `factor` x `factor`; itself by a factor of 1. */
export function reduced(picture: Raster, factor: number): Raster {
  if (factor === 1) return picture;
  const { width: columns, height: rows, data } = picture;
  const width = Math.max(1, Math.floor(columns / factor));
  const height = Math.max(1, Math.floor(rows / factor));
  const small = blankRaster(width, height, [0, 0, 0]);
  const [across, down] = [Math.min(factor, columns), Math.min(factor, rows)];
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, to += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let row = 0; row < down; row += 1) {
        let from = 3 * ((y * factor + row) * columns + x * factor);
        for (let column = 0; column < across; column += 1, from += 3) {
          red += data[from]!;
          green += data[from + 1]!;
          blue += data[from + 2]!;
        }
      }
      const count = across * down;
      small.data[to] = red / count;
      small.data[to + 1] = green / count;
      small.data[to + 2] = blue / count;
    }
  }
  return small;
}
