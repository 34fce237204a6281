import { modelEntry } from '../../core/models/catalogue.ts';
import type { CaseRuns } from '../../core/results/pictures/layers.ts';
import { shrinkFactors } from '../../core/volume/downsample.ts';
import type { Volume } from '../../core/volume/volume.ts';
import type { MeshScratch } from './mesh.ts';
import { writtenVolume, type PackagedFile } from './written.ts';

/** Longest side of a preview, voxels: a browser holds each layer as 4 bytes a voxel on the graphics card. */
export const PREVIEW_SIDE = 256;

/**
 * What the page shows of a case beside its masks: `preview/ct.nii.gz`, and of masks longer than `PREVIEW_SIDE` along
 * an axis `preview/<name of the mask>`. Published, but no part of the ZIP: the caller has the CT.
 */
export async function previewFiles(
  { out, compute, cancel }: MeshScratch,
  ct: Volume,
  masks: readonly CaseRuns[],
): Promise<readonly PackagedFile[]> {
  const factors = shrinkFactors(ct.grid.dims, PREVIEW_SIDE);
  const files = [
    await writtenVolume(out, 'preview/ct.nii.gz', await compute.run('shrinkCt', { ct, factors }, cancel)),
  ];
  if (factors.every((factor) => factor === 1)) return files;
  for (const { model, runs } of masks) {
    const small = await compute.run('shrinkLabels', { grid: ct.grid, runs, factors }, cancel);
    files.push(await writtenVolume(out, `preview/${modelEntry(model).output}`, small));
  }
  return files;
}
