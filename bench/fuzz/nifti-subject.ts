import { createHash } from 'node:crypto';
import { readNifti } from '../../adapters/nifti-file.ts';
import { HpbError } from '../../core/errors.ts';
import { spacingOf, type VoxelArray } from '../../core/volume/volume.ts';
import type { NiftiVerdict, ReadVolume } from './oracle.ts';

/** What we say of an input: what was read, or the code of the refusal. Anything else that is thrown is a crash. */
export type Said<T> = { readonly read: T } | { readonly code: string };

/** Reads a NIfTI file as the service does. */
export async function readOurs(path: string): Promise<Said<ReadVolume>> {
  try {
    const { grid, slope, intercept, data } = await readNifti(path);
    return { read: { dims: grid.dims, affine: grid.affine, slope, intercept, sha256: sha256Of(data) } };
  } catch (error) {
    if (error instanceof HpbError && error.code !== 'UNEXPECTED') return { code: error.code };
    throw error;
  }
}

/** One NaN for all: they survive conversions in different bits. */
const NAN_BITS = 0x7ff8_0000_0000_0000n;

function sha256Of(data: VoxelArray): string {
  const values = Float64Array.from(data);
  const bits = new BigUint64Array(values.buffer);
  for (const [at, value] of values.entries()) if (Number.isNaN(value)) bits[at] = NAN_BITS;
  return createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
}

/** What is wrong between us and the oracle, in words; null when all agrees. */
export function niftiQuarrel(ours: Said<ReadVolume>, theirs: NiftiVerdict): string | null {
  if (theirs.failed !== undefined) return `the oracle failed: ${theirs.failed}`;
  if (theirs.witness === 'differs') return 'nibabel sees something else than the oracle';
  if ('code' in ours) {
    if (theirs.codes?.includes(ours.code) === true || theirs.open === true) return null;
    return theirs.volume === undefined
      ? `we refuse with ${ours.code}, the oracle for ${theirs.codes?.join(', ')}`
      : `we refuse with ${ours.code}, the oracle reads it`;
  }
  if (theirs.volume === undefined)
    return theirs.open === true ? null : `we read it, the oracle refuses it for ${theirs.codes?.join(', ')}`;
  return volumeQuarrel(ours.read, theirs.volume);
}

/** Both compute the affine of a qform in double precision. */
const ROUNDING = 1e-9;

function volumeQuarrel(ours: ReadVolume, theirs: ReadVolume): string | null {
  if (ours.dims.join() !== theirs.dims.join())
    return `dimensions ${ours.dims.join()} and ${theirs.dims.join()}`;
  if (ours.sha256 !== theirs.sha256) return 'the voxels differ';
  if (ours.slope !== theirs.slope || ours.intercept !== theirs.intercept)
    return `scaling ${ours.slope}, ${ours.intercept} and ${theirs.slope}, ${theirs.intercept}`;
  const most = Math.max(...spacingOf(theirs.affine), ...theirs.affine.map(Math.abs));
  const apart = Math.max(...ours.affine.map((value, at) => Math.abs(value - theirs.affine[at]!)));
  return apart <= ROUNDING * most ? null : `the affines are ${apart} apart`;
}
