import { describe, expect, test } from 'vitest';
import { NIFTI_DATATYPES, niftiDatatype } from '../../../core/volume/nifti-datatypes.ts';
import { voxelsFromBytes } from '../../../core/volume/nifti-voxels.ts';

const big = (values: readonly bigint[], signed: boolean): ArrayBuffer =>
  (signed ? BigInt64Array : BigUint64Array).from(values).buffer;
const int64 = niftiDatatype(1024)!;
const uint64 = niftiDatatype(1280)!;

describe('64-bit integers', () => {
  test('become int32 when all fit', () => {
    const data = voxelsFromBytes(big([0n, -1024n, 3071n, -(2n ** 31n), 2n ** 31n - 1n], true), int64, true);

    expect(data).toBeInstanceOf(Int32Array);
    expect([...data]).toEqual([0, -1024, 3071, -(2 ** 31), 2 ** 31 - 1]);
  });

  test('become float64 when one needs it', () => {
    const signed = voxelsFromBytes(big([-5n, 2n ** 31n, -(2n ** 40n)], true), int64, true);
    const unsigned = voxelsFromBytes(big([5n, 2n ** 32n + 7n], false), uint64, true);

    expect([signed.constructor, ...signed]).toEqual([Float64Array, -5, 2 ** 31, -(2 ** 40)]);
    expect([unsigned.constructor, ...unsigned]).toEqual([Float64Array, 5, 2 ** 32 + 7]);
  });

  test('are refused beyond 2^53', () => {
    expect(() => voxelsFromBytes(big([2n ** 60n], true), int64, true)).toThrow('beyond 2^53');
    expect(() => voxelsFromBytes(big([2n ** 64n - 1n], false), uint64, true)).toThrow('beyond 2^53');
  });
});

describe('big-endian voxels', () => {
  test.each(NIFTI_DATATYPES)('of $name are swapped', (datatype) => {
    const count = 7;
    const buffer = new ArrayBuffer(count * datatype.bytes);
    const view = new DataView(buffer);
    const write = {
      uint8: (at: number, v: number) => view.setUint8(at, v),
      int8: (at: number, v: number) => view.setInt8(at, v),
      uint16: (at: number, v: number) => view.setUint16(at, v),
      int16: (at: number, v: number) => view.setInt16(at, v),
      uint32: (at: number, v: number) => view.setUint32(at, v),
      int32: (at: number, v: number) => view.setInt32(at, v),
      float32: (at: number, v: number) => view.setFloat32(at, v),
      float64: (at: number, v: number) => view.setFloat64(at, v),
      int64: (at: number, v: number) => view.setBigInt64(at, BigInt(v)),
      uint64: (at: number, v: number) => view.setBigUint64(at, BigInt(v)),
    }[datatype.name];
    const values = Array.from({ length: count }, (_, i) => 3 + i * (datatype.bytes === 1 ? 5 : 1001));
    values.forEach((value, i) => write(i * datatype.bytes, value));

    expect([...voxelsFromBytes(buffer, datatype, false)]).toEqual(values);
  });
});
