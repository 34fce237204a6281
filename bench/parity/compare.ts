import { readNifti } from '../../adapters/nifti-file.ts';
import type { NiftiHeader } from '../../core/volume/nifti-header.ts';
import type { Volume } from '../../core/volume/volume.ts';
import { LEAST_VOXELS } from './rows.ts';

/** How two masks of one CT differ. */
export interface Comparison {
  readonly verdict: 'identical' | 'DIFF' | 'VACUOUS';
  /** Voxels whose label differs; null when the grids have other dimensions. */
  readonly differing: number | null;
  /** Largest absolute difference of an entry of qform or sform, mm; infinite when one mask lacks a form. */
  readonly affineDifference: number;
  /** Voxels in the plain mask, per label that the row is about. */
  readonly plainVoxels: Readonly<Record<number, number>>;
}

/** Reads both masks and compares every voxel's label and every entry of the affine, without tolerance. */
export async function compareMasks(
  plainPath: string,
  oursPath: string,
  labels: readonly number[],
): Promise<Comparison> {
  const plain = await readNifti(plainPath);
  const ours = await readNifti(oursPath);
  const sameDims = plain.grid.dims.every((n, axis) => n === ours.grid.dims[axis]);
  const differing = sameDims ? countDiffering(plain, ours) : null;
  const affineDifference = Math.max(
    formDifference(plain, ours, 'qform'),
    formDifference(plain, ours, 'sform'),
  );
  const plainVoxels = Object.fromEntries(labels.map((label) => [label, countLabel(plain, label)]));
  const identical = differing === 0 && affineDifference === 0;
  const vacuous = Object.values(plainVoxels).some((voxels) => voxels < LEAST_VOXELS);
  const verdict = identical ? (vacuous ? 'VACUOUS' : 'identical') : 'DIFF';
  return { verdict, differing, affineDifference, plainVoxels };
}

type Headed = { readonly header: NiftiHeader };

function formDifference(plain: Headed, ours: Headed, form: 'qform' | 'sform'): number {
  const a = plain.header[form];
  const b = ours.header[form];
  if (a === null || b === null) return a === b ? 0 : Infinity;
  return a.reduce((largest, entry, at) => Math.max(largest, Math.abs(entry - b[at]!)), 0);
}

function countDiffering(a: Volume, b: Volume): number {
  let count = 0;
  for (let at = 0; at < a.data.length; at++) {
    if (a.slope * a.data[at]! + a.intercept !== b.slope * b.data[at]! + b.intercept) count++;
  }
  return count;
}

function countLabel(mask: Volume, label: number): number {
  let count = 0;
  for (const stored of mask.data) if (mask.slope * stored + mask.intercept === label) count++;
  return count;
}
