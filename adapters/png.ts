import { crc32, deflateSync } from 'node:zlib';
import type { Raster } from '../core/results/pictures/raster.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Bits of a channel, red green blue, deflate, filters by row, not interlaced. */
const RGB_8 = Uint8Array.of(8, 2, 0, 0, 0);
const PAETH = 4;
/** With one filter for all rows, level 1 is smaller than trying all filters a row before run lengths, in a quarter of the time. */
const LEVEL = 1;

/** Encodes a picture as PNG without any text or time in it: the same pixels give the same bytes. */
export function encodePng(raster: Raster): Uint8Array {
  const header = new Uint8Array(13);
  const size = new DataView(header.buffer);
  size.setUint32(0, raster.width);
  size.setUint32(4, raster.height);
  header.set(RGB_8, 8);
  const parts = [
    SIGNATURE,
    ...chunk('IHDR', header),
    ...chunk('IDAT', deflateSync(filtered(raster), { level: LEVEL })),
    ...chunk('IEND', new Uint8Array(0)),
  ];
  // In a buffer of its own: small buffers of Node share their memory, which then cannot move between threads.
  const png = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    png.set(part, at);
    at += part.length;
  }
  return png;
}

function chunk(type: string, content: Uint8Array): readonly Uint8Array[] {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(content.length);
  head.write(type, 4, 'latin1');
  const end = Buffer.alloc(4);
  end.writeUInt32BE(crc32(content, crc32(head.subarray(4))));
  return [head, content, end];
}

/** Every row by Paeth's filter, its number in front. */
function filtered({ width, height, data }: Raster): Uint8Array {
  const stride = 3 * width;
  const out = new Uint8Array(height * (stride + 1));
  let above: Raster['data'] = new Uint8ClampedArray(stride);
  for (let y = 0, to = 0; y < height; y++) {
    const row = data.subarray(y * stride, (y + 1) * stride);
    out[to++] = PAETH;
    // Left of the first pixel there is nothing.
    for (let at = 0; at < 3; at++) out[to++] = row[at]! - above[at]!;
    for (let at = 3; at < stride; at++)
      out[to++] = row[at]! - predicted(row[at - 3]!, above[at]!, above[at - 3]!);
    above = row;
  }
  return out;
}

/** Whichever of three neighbours is nearest to left + above - corner. */
function predicted(left: number, above: number, corner: number): number {
  const byLeft = Math.abs(above - corner);
  const byAbove = Math.abs(left - corner);
  const byCorner = Math.abs(left + above - 2 * corner);
  if (byLeft <= byAbove && byLeft <= byCorner) return left;
  return byAbove <= byCorner ? above : corner;
}
