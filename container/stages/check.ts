import { join } from 'node:path';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { scanFile } from '../../adapters/scan-file.ts';
import type { ErrorDocument } from '../../core/errors.ts';
import type { Volume } from '../../core/volume/volume.ts';
import type { CaseContext } from '../case-context.ts';
import { refusal } from '../case-error.ts';
import type { FetchedCt } from './fetch.ts';

/** A CT that is fit to run. */
export interface CheckedCt {
  readonly volume: Volume;
  /** What every engine is given: the CT as it came, or the same voxels under a header of ours. */
  readonly enginePath: string;
  readonly warnings: readonly ErrorDocument[];
}

/** Reads and checks the CT of a case. Throws the first reason why it cannot be segmented. */
export async function checkCt(context: CaseContext, fetched: FetchedCt): Promise<CheckedCt> {
  const { ports, task, cancel, scratch } = context;
  const { file, verdict } = await scanFile(fetched.path, {
    models: task.models,
    segment: task.options,
    memoryPresentBytes: await ports.memoryPresent(),
    signal: cancel,
  });
  const { grid, data, slope, intercept } = file;
  const volume = { grid, data, slope, intercept };
  const [problem] = verdict.problems;
  if (problem !== undefined) throw refusal(problem);
  for (const { code } of verdict.warnings) ports.log.warn('case:warning', { caseId: context.caseId, code });
  if (!verdict.canonicalHeaderNeeded) return { volume, enginePath: fetched.path, warnings: verdict.warnings };
  // TotalSegmentator reads through nibabel and nnU-Net v1 through ITK, which take such a header differently.
  const enginePath = join(scratch.in, 'canonical.nii');
  await writeNifti(enginePath, volume);
  return { volume, enginePath, warnings: verdict.warnings };
}
