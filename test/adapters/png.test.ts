import { PNG } from 'pngjs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePng } from '../../adapters/png.ts';
import type { Raster } from '../../core/results/pictures/raster.ts';

const rasters = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height })
      .map((bytes): Raster => ({ width, height, data: Uint8ClampedArray.from(bytes) })),
  );

function decoded(png: Uint8Array): Raster {
  const { width, height, data } = PNG.sync.read(Buffer.from(png), { checkCRC: true });
  return { width, height, data: Uint8ClampedArray.from(data.filter((_, at) => at % 4 !== 3)) };
}

describe('a picture as PNG', () => {
  it('is read by others with the very pixels', () => {
    fc.assert(
      fc.property(rasters, (raster) => {
        expect(decoded(encodePng(raster))).toEqual(raster);
      }),
    );
  });

  it('lies in memory of its own, so that threads can hand it on', () => {
    const png = encodePng({ width: 1, height: 1, data: new Uint8ClampedArray(3) });

    expect(png.buffer.byteLength).toBe(png.length);
  });
});
