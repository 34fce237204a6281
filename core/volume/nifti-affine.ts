import { determinant3, spacingOf, type Affine } from './volume.ts';

/** Three numbers, one an axis. */
export type Vec3 = readonly [number, number, number];

/** The qform of a NIfTI header: a rotation as a unit quaternion (b, c, d; a follows), a shift, and qfac. */
export interface Quaternion {
  /** `[b, c, d]`. */
  readonly bcd: Vec3;
  /** -1 when the third voxel axis is mirrored, else 1. */
  readonly qfac: 1 | -1;
}

/** How far b² + c² + d² may exceed 1 by rounding of float32; nibabel allows about the same. */
const QUATERNION_SLACK = 1e-5;
/** Below this a² is rounding and means a half turn (nifti1_io.c; nibabel keeps a turn of up to 3e-4 rad too much). */
const HALF_TURN = 1e-7;

/**
 * Affine of a qform (nifti1.h, method 2): rotation of the quaternion, columns scaled by `spacing`, the third one
 * also by `qfac`. Null when the numbers are not finite or are no rotation (b² + c² + d² > 1).
 */
export function affineFromQuaternion(quaternion: Quaternion, spacing: Vec3, offset: Vec3): Affine | null {
  const [b, c, d] = quaternion.bcd;
  const a2 = 1 - (b * b + c * c + d * d);
  if (![a2, ...offset].every(Number.isFinite) || a2 < -QUATERNION_SLACK) return null;
  const halfTurn = a2 < HALF_TURN;
  const norm = halfTurn ? Math.sqrt(1 - a2) : 1;
  const [w, x, y, z] = [halfTurn ? 0 : Math.sqrt(a2), b / norm, c / norm, d / norm];
  const [si, sj, sk] = [spacing[0], spacing[1], spacing[2] * quaternion.qfac];
  return [
    (w * w + x * x - y * y - z * z) * si,
    2 * (x * y - w * z) * sj,
    2 * (x * z + w * y) * sk,
    offset[0],
    2 * (x * y + w * z) * si,
    (w * w + y * y - x * x - z * z) * sj,
    2 * (y * z - w * x) * sk,
    offset[1],
    2 * (x * z - w * y) * si,
    2 * (y * z + w * x) * sj,
    (w * w + z * z - x * x - y * y) * sk,
    offset[2],
    0,
    0,
    0,
    1,
  ];
}

/**
 * Quaternion of an affine whose columns are orthogonal (the caller checks: `shearOf`); the inverse of
 * `affineFromQuaternion`.
 */
export function quaternionFromAffine(affine: Affine): Quaternion {
  const spacing = spacingOf(affine);
  const qfac = determinant3(affine) < 0 ? -1 : 1;
  const r = (row: number, column: 0 | 1 | 2): number =>
    (affine[4 * row + column]! / spacing[column]) * (column === 2 ? qfac : 1);
  const [xx, yy, zz] = [r(0, 0), r(1, 1), r(2, 2)];
  // Four times the squares of a, b, c, d; the largest is safe to divide by.
  const squares = [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz];
  const largest = squares.indexOf(Math.max(...squares));
  const s = 2 * Math.sqrt(squares[largest]!);
  const parts: readonly (readonly number[])[] = [
    [s / 4, (r(2, 1) - r(1, 2)) / s, (r(0, 2) - r(2, 0)) / s, (r(1, 0) - r(0, 1)) / s],
    [(r(2, 1) - r(1, 2)) / s, s / 4, (r(0, 1) + r(1, 0)) / s, (r(0, 2) + r(2, 0)) / s],
    [(r(0, 2) - r(2, 0)) / s, (r(0, 1) + r(1, 0)) / s, s / 4, (r(1, 2) + r(2, 1)) / s],
    [(r(1, 0) - r(0, 1)) / s, (r(0, 2) + r(2, 0)) / s, (r(1, 2) + r(2, 1)) / s, s / 4],
  ];
  const [a, b, c, d] = parts[largest]! as [number, number, number, number];
  // Only b, c, d are stored and a >= 0 is implied.
  const sign = a < 0 ? -1 : 1;
  return { bcd: [sign * b, sign * c, sign * d], qfac };
}
