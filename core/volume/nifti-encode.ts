import { HpbError } from '../errors.ts';
import { affineFromQuaternion, quaternionFromAffine, type Quaternion, type Vec3 } from './nifti-affine.ts';
import type { NiftiDatatype } from './nifti-datatypes.ts';
import { cornerDistanceMm } from './orientation.ts';
import { spacingOf, type Grid } from './volume.ts';

/** Bytes that `encodeNiftiHeader` writes: the header and the four that say "no extension"; voxels follow. */
export const NIFTI_V1_BYTES = 352;

export interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

/** Code of qform and sform: coordinates of the scanner. */
const SCANNER = 1;
const MM = 2;
const QFORM_TOLERANCE_MM = 0.01;

/**
 * Header of a little-endian NIfTI-1 single file: sform always; qform too, unless it cannot say the same (shear, or
 * a half turn that float32 cannot hold) and gets code 0; mm, no extension, every text empty. Affine and spacing are rounded to float32. Throws
 * `NIFTI_TOO_LARGE` for an axis longer than 32767.
 */
export function encodeNiftiHeader(
  grid: Grid,
  datatype: NiftiDatatype,
  scaling: Scaling = { slope: 1, intercept: 0 },
): Uint8Array {
  const { dims, affine } = grid;
  if (Math.max(...dims) > 32767)
    throw new HpbError('NIFTI_TOO_LARGE', `A NIfTI-1 file cannot hold ${dims.join(' x ')} voxels.`, {
      remedy: 'Crop the volume to at most 32767 voxels along each axis.',
      details: { dims },
    });
  const bytes = new Uint8Array(NIFTI_V1_BYTES);
  const view = new DataView(bytes.buffer);
  const i16 = (at: number, values: readonly number[]): void =>
    values.forEach((value, index) => view.setInt16(at + 2 * index, value, true));
  const f32 = (at: number, values: readonly number[]): void =>
    values.forEach((value, index) => view.setFloat32(at + 4 * index, value, true));
  const { bcd, qfac } = quaternionFromAffine(affine);
  const exact = qformIsExact(grid, { bcd, qfac });
  view.setInt32(0, 348, true);
  i16(40, [3, ...dims, 1, 1, 1, 1]);
  i16(70, [datatype.code, 8 * datatype.bytes]);
  f32(76, [qfac, ...spacingOf(affine), 0, 0, 0, 0]);
  f32(108, [NIFTI_V1_BYTES, scaling.slope, scaling.intercept]);
  view.setUint8(123, MM);
  i16(252, [exact ? SCANNER : 0, SCANNER]);
  if (exact) f32(256, [...bcd, affine[3]!, affine[7]!, affine[11]!]);
  f32(280, affine.slice(0, 12));
  bytes.set([0x6e, 0x2b, 0x31, 0], 344);
  return bytes;
}

/** Near a half turn, 1 - b² - c² - d² drowns in the rounding of b, c, d: what will be read back decides. */
function qformIsExact({ dims, affine }: Grid, { bcd, qfac }: Quaternion): boolean {
  const rounded: Vec3 = [Math.fround(bcd[0]), Math.fround(bcd[1]), Math.fround(bcd[2])];
  const offset: Vec3 = [affine[3]!, affine[7]!, affine[11]!];
  const readBack = affineFromQuaternion({ bcd: rounded, qfac }, spacingOf(affine), offset);
  return readBack !== null && cornerDistanceMm(dims, affine, readBack) <= QFORM_TOLERANCE_MM;
}
