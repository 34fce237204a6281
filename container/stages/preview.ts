import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import type { ZipMember } from '../../adapters/zip-archive.ts';
import { shrinkCt, shrinkFactors, shrinkLabels } from '../../core/volume/downsample.ts';
import type { Volume } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';

/** Longest side of a preview, voxels: a browser holds each layer as 4 bytes a voxel on the graphics card. */
export const PREVIEW_SIDE = 256;

/**
 * What the page shows of a case beside its masks: `preview/ct.nii.gz`, and of masks longer than `PREVIEW_SIDE` along
 * an axis `preview/<name of the mask>`. Published, but no part of the ZIP: the caller has the CT.
 *
 * @param masks Published masks, uint8, on the grid of the CT.
 */
export async function previewFiles(
  { scratch }: Pick<CaseContext, 'scratch'>,
  ct: Volume,
  masks: readonly ZipMember[],
): Promise<readonly ZipMember[]> {
  const factors = shrinkFactors(ct.grid.dims, PREVIEW_SIDE);
  await mkdir(join(scratch.out, 'preview'), { recursive: true });
  const place = (name: string): ZipMember => ({ name, path: join(scratch.out, name) });
  const files = [place('preview/ct.nii.gz')];
  await writeNifti(files[0]!.path, shrinkCt(ct, factors));
  if (factors.every((factor) => factor === 1)) return files;
  for (const { name, path } of masks) {
    const { grid, data } = await readNifti(path);
    if (!(data instanceof Uint8Array)) continue;
    const file = place(`preview/${name}`);
    await writeNifti(file.path, shrinkLabels({ grid, data }, factors));
    files.push(file);
  }
  return files;
}
