import { HpbError } from '../errors.ts';
import type { NiftiDatatype } from './nifti-datatypes.ts';
import { shrinkBuffer } from './shrink-buffer.ts';
import type { VoxelArray } from './volume.ts';

/**
 * The voxels of a NIfTI file as a typed array over `buffer`, which holds exactly the stored bytes and is
 * overwritten: bytes are swapped in place, 64-bit integers narrowed in place to int32, or to float64 when they
 * need it (the buffer then shrinks and must not be used any more). Throws `NIFTI_BAD_DATATYPE` when an integer
 * exceeds 2^53.
 */
export function voxelsFromBytes(
  buffer: ArrayBufferLike,
  datatype: NiftiDatatype,
  littleEndian: boolean,
): VoxelArray {
  if (!littleEndian) swapBytes(buffer, datatype.bytes);
  switch (datatype.name) {
    case 'uint8':
      return new Uint8Array(buffer);
    case 'int8':
      return new Int8Array(buffer);
    case 'uint16':
      return new Uint16Array(buffer);
    case 'int16':
      return new Int16Array(buffer);
    case 'uint32':
      return new Uint32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'float32':
      return new Float32Array(buffer);
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
    case 'uint64':
      return narrow64(buffer, datatype.name === 'int64');
  }
}

function swapBytes(buffer: ArrayBufferLike, bytes: 1 | 2 | 4 | 8): void {
  if (bytes === 1) return;
  if (bytes === 2) {
    const words = new Uint16Array(buffer);
    for (let i = 0; i < words.length; i++) words[i] = (words[i]! << 8) | (words[i]! >>> 8);
    return;
  }
  const words = new Uint32Array(buffer);
  for (let i = 0; i < words.length; i++) words[i] = swap32(words[i]!);
  if (bytes === 4) return;
  for (let i = 0; i < words.length; i += 2) {
    const low = words[i]!;
    words[i] = words[i + 1]!;
    words[i + 1] = low;
  }
}

const swap32 = (v: number): number => (v << 24) | ((v & 0xff00) << 8) | ((v >>> 8) & 0xff00) | (v >>> 24);

function narrow64(buffer: ArrayBufferLike, signed: boolean): VoxelArray {
  const words = new Int32Array(buffer);
  if (fitsInt32(words, signed)) {
    for (let i = 0; i < words.length / 2; i++) words[i] = words[2 * i]!;
    return new Int32Array(shrinkBuffer(buffer, buffer.byteLength / 2));
  }
  const floats = new Float64Array(buffer);
  for (let i = 0; i < floats.length; i++) {
    const high = signed ? words[2 * i + 1]! : words[2 * i + 1]! >>> 0;
    const value = high * 2 ** 32 + (words[2 * i]! >>> 0);
    if (Math.abs(value) > Number.MAX_SAFE_INTEGER)
      throw new HpbError('NIFTI_BAD_DATATYPE', 'The 64-bit voxels hold values beyond 2^53.', {
        remedy: 'A CT holds values from -1024 to 3071; store it as int16.',
      });
    floats[i] = value;
  }
  return floats;
}

function fitsInt32(words: Int32Array, signed: boolean): boolean {
  for (let i = 0; i < words.length; i += 2) {
    const low = words[i]!;
    const high = words[i + 1]!;
    if (high !== (signed ? low >> 31 : 0) || (!signed && low < 0)) return false;
  }
  return true;
}
