import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HpbError } from '../../../core/errors.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { NIFTI_DATATYPES, niftiDatatype } from '../../../core/volume/nifti-datatypes.ts';
import { NiftiDecoder } from '../../../core/volume/nifti-decoder.ts';
import { parseNiftiHeader } from '../../../core/volume/nifti-header.ts';
import { allAxisCodes, cornerDistanceMm, reorient } from '../../../core/volume/orientation.ts';
import type { Affine, Dims } from '../../../core/volume/volume.ts';
import {
  BAD_HEADERS,
  bigEndian,
  GOOD_GRID,
  goodNifti,
  goodVoxels,
  nifti2,
  patched,
} from '../../fixtures/bad-nifti.ts';

function errorOf(run: () => unknown): HpbError {
  try {
    run();
  } catch (error) {
    if (error instanceof HpbError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a good header', () => {
  test('is read in both versions and byte orders alike', () => {
    const headers = [goodNifti(), bigEndian(), nifti2(), nifti2(false)].map((file) => parseNiftiHeader(file));

    expect(headers.map(({ version, littleEndian }) => [version, littleEndian])).toEqual([
      [1, true],
      [1, false],
      [2, true],
      [2, false],
    ]);
    for (const { grid, datatype, slope, intercept, voxelBytes } of headers) {
      expect(grid.dims).toEqual(GOOD_GRID.dims);
      expect(cornerDistanceMm(grid.dims, grid.affine, GOOD_GRID.affine)).toBeLessThan(1e-4);
      expect({ name: datatype.name, slope, intercept, voxelBytes }).toEqual({
        name: 'int16',
        slope: 1,
        intercept: 0,
        voxelBytes: 4608,
      });
    }
  });

  test('gives the same affine by its qform as by its sform', () => {
    const { qform, sform, affineFrom, oddities } = parseNiftiHeader(goodNifti());

    expect(affineFrom).toBe('sform');
    expect(cornerDistanceMm(GOOD_GRID.dims, qform!, sform!)).toBeLessThan(1e-4);
    expect(oddities).toEqual([]);
  });

  test('takes the qform when there is no sform', () => {
    const header = parseNiftiHeader(patched((file) => file.writeInt16LE(0, 254)));

    expect(header.affineFrom).toBe('qform');
    expect(header.sform).toBeNull();
    expect(cornerDistanceMm(GOOD_GRID.dims, header.grid.affine, GOOD_GRID.affine)).toBeLessThan(1e-4);
  });

  test.each(NIFTI_DATATYPES)('of datatype $name is read', (datatype) => {
    const header = parseNiftiHeader(encodeNiftiHeader(GOOD_GRID, datatype));

    expect(header.datatype).toBe(datatype);
    expect(header.voxelBytes).toBe(2304 * datatype.bytes);
  });
});

describe('scaling', () => {
  const scaled = (slope: number, intercept: number): Buffer =>
    patched((file) => [slope, intercept].forEach((value, i) => file.writeFloatLE(value, 112 + 4 * i)));

  test.each([
    [2, -1024, 2, -1024, []],
    [0, 0, 1, 0, []],
    [NaN, NaN, 1, 0, []],
    [Infinity, 0, 1, 0, []],
    [0, -1024, 1, 0, ['scaling-ignored']],
  ])('slope %d and intercept %d are read as %d and %d', (slope, intercept, ...read) => {
    const header = parseNiftiHeader(scaled(slope, intercept));

    expect([header.slope, header.intercept, header.oddities]).toEqual(read);
  });
});

describe('oddities', () => {
  test.each([
    ['text', (f: Buffer) => f.write('patient name', 148, 'latin1')],
    ['text', (f: Buffer) => f.write('x', 328, 'latin1')],
    ['extension', (f: Buffer) => f.writeFloatLE(368, 108)],
    ['extra-dimensions', (f: Buffer) => f.writeInt16LE(4, 40)],
    ['units-not-mm', (f: Buffer) => f.writeUInt8(1, 123)],
    ['qform-invalid', (f: Buffer) => f.writeFloatLE(5, 256)],
  ])('%s is noticed', (oddity, change) => {
    expect(parseNiftiHeader(patched((file) => void change(file))).oddities).toEqual([oddity]);
  });

  test('NIfTI-2 is noticed', () => {
    expect(parseNiftiHeader(nifti2()).oddities).toEqual(['nifti-2']);
  });
});

describe('a bad header', () => {
  test.each(Object.entries(BAD_HEADERS))('%s is refused', (_, [code, change]) => {
    const error = errorOf(() => parseNiftiHeader(patched(change)));

    expect(error.code).toBe(code);
    expect(error.remedy.length).toBeGreaterThan(10);
  });

  test('is named with the values received', () => {
    const error = errorOf(() => parseNiftiHeader(patched(BAD_HEADERS['dims 32767^3']![1])));

    expect(error.message).toContain('32767 x 32767 x 32767');
    expect(error.message).toContain(String(2 ** 31));
  });

  test('is refused by the limit given', () => {
    expect(errorOf(() => parseNiftiHeader(goodNifti(), { maxBytes: 4607 })).code).toBe('NIFTI_TOO_LARGE');
    expect(parseNiftiHeader(goodNifti(), { maxBytes: 4608 }).voxelBytes).toBe(4608);
  });

  test('never leaks its free text into the error', () => {
    for (const [, change] of Object.values(BAD_HEADERS)) {
      const named = patched((file) => {
        file.write('DOE^JANE', 148, 'latin1');
        change(file);
      });

      expect(JSON.stringify(errorOf(() => parseNiftiHeader(named)).toDocument())).not.toContain('DOE');
    }
  });
});

describe('whatever bytes stand in the header', () => {
  const start = fc.constantFrom(goodNifti(), bigEndian(), nifti2(), nifti2(false));
  const changes = fc.array(fc.tuple(fc.nat(543), fc.nat(255)), { maxLength: 40 });

  test('the answer is a header within the limit or an HpbError, and no more is allocated', () => {
    fc.assert(
      fc.property(start, changes, (file, bytes) => {
        const fuzzed = patched((copy) => bytes.forEach(([at, value]) => copy.writeUInt8(value, at)), file);
        const limits = { maxBytes: 1e6 };
        try {
          const header = parseNiftiHeader(fuzzed, limits);
          expect(header.voxelBytes).toBeLessThanOrEqual(limits.maxBytes);
          expect(header.grid.affine.every(Number.isFinite)).toBe(true);
          const decoder = new NiftiDecoder({ limits });
          decoder.push(fuzzed);
          expect(decoder.finish().data.length).toBe(header.grid.dims.reduce((a, b) => a * b));
        } catch (error) {
          if (!(error instanceof HpbError)) throw error;
          expect(error.code).toMatch(/^(NIFTI|INPUT)_/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('pure noise is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 0, maxLength: 700 }), (noise) => {
        const decoder = new NiftiDecoder();
        const error = errorOf(() => {
          decoder.push(noise);
          decoder.finish();
        });
        expect(error.code).toMatch(/^(NIFTI|INPUT)_/);
      }),
    );
  });
});

describe('an encoded header', () => {
  const unit = fc.double({ min: -1, max: 1, noNaN: true });
  const rotation = fc
    .tuple(unit, unit, unit, unit)
    .filter((q) => Math.hypot(...q) > 0.1)
    .map((q) => q.map((x) => x / Math.hypot(...q)) as [number, number, number, number]);
  const spacing = fc.double({ min: 0.3, max: 6, noNaN: true });
  const affine = fc
    .tuple(
      rotation,
      fc.tuple(spacing, spacing, spacing),
      fc.constantFrom(1, -1),
      fc.integer({ min: -500, max: 500 }),
    )
    .map(([[w, x, y, z], [a, b, c], mirror, offset]): Affine => [
      (1 - 2 * (y * y + z * z)) * a,
      2 * (x * y - w * z) * b,
      2 * (x * z + w * y) * c * mirror,
      offset,
      2 * (x * y + w * z) * a,
      (1 - 2 * (x * x + z * z)) * b,
      2 * (y * z - w * x) * c * mirror,
      -offset,
      2 * (x * z - w * y) * a,
      2 * (y * z + w * x) * b,
      (1 - 2 * (x * x + y * y)) * c * mirror,
      2 * offset,
      0,
      0,
      0,
      1,
    ]);

  test('gives back every oblique or mirrored affine, by each form it sets', () => {
    const dims: Dims = [512, 400, 300];
    fc.assert(
      fc.property(affine, (affine) => {
        const { qform, sform } = parseNiftiHeader(encodeNiftiHeader({ dims, affine }, niftiDatatype(4)!));

        expect(cornerDistanceMm(dims, affine, sform!)).toBeLessThan(1e-2);
        if (qform !== null) expect(cornerDistanceMm(dims, affine, qform)).toBeLessThan(2e-2);
      }),
    );
  });

  test('has both forms in all 48 axis orders', () => {
    for (const codes of allAxisCodes()) {
      const { grid } = reorient({ grid: GOOD_GRID, data: goodVoxels() }, codes);
      const { qform, sform } = parseNiftiHeader(encodeNiftiHeader(grid, niftiDatatype(4)!));

      expect(cornerDistanceMm(grid.dims, qform!, sform!)).toBeLessThan(1e-4);
    }
  });

  test('has no qform near a half turn that float32 cannot hold', () => {
    const affine = [-1, 0, -3e-4, 0, 0, 1, 0, 0, 3e-4, 0, -1, 0, 0, 0, 0, 1];
    const header = parseNiftiHeader(encodeNiftiHeader({ dims: [512, 512, 512], affine }, niftiDatatype(4)!));

    expect(header.qform).toBeNull();
  });

  test('has no qform when the affine has shear', () => {
    const sheared = [1, 0, 0.2, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
    const header = parseNiftiHeader(
      encodeNiftiHeader({ dims: [20, 20, 20], affine: sheared }, niftiDatatype(2)!),
    );

    expect(header.qform).toBeNull();
    expect(header.sform!.map((x) => Math.round(x * 1e6) / 1e6)).toEqual(sheared);
  });

  test('refuses an axis that NIfTI-1 cannot count', () => {
    const grid = { dims: [40000, 10, 10] as const, affine: GOOD_GRID.affine };

    expect(errorOf(() => encodeNiftiHeader(grid, niftiDatatype(2)!)).code).toBe('NIFTI_TOO_LARGE');
  });
});
