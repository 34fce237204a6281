import { statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { weightSet, type WeightSet, type WeightsId } from '../core/models/weights.ts';

/** The two folders below which weights lie, one for each engine. */
export interface WeightRoots {
  /** nnU-Net v1's `RESULTS_FOLDER`. */
  readonly nnunetV1: string;
  /** Folder that holds the `DatasetNNN_*` folders. */
  readonly totalSegmentator: string;
}

/** What lies on disk of a weight set; `folder` is that of the trainer. */
export type SetOnDisk =
  | { readonly state: 'missing'; readonly folder: string }
  | { readonly state: 'incomplete'; readonly folder: string; readonly missing: readonly string[] }
  | { readonly state: 'whole'; readonly folder: string };

/**
 * Folders of the trainer where a set may lie, the usual one first. For v1 both layouts in use:
 * `$RESULTS_FOLDER/nnUNet/3d_fullres/<task>` and `$RESULTS_FOLDER/<task>`.
 */
export function setFolders(set: WeightSet, roots: WeightRoots): readonly [string, ...string[]] {
  if (set.layout === 'totalsegmentator') return [join(roots.totalSegmentator, set.folder, set.trainer)];
  return [
    join(roots.nnunetV1, 'nnUNet', '3d_fullres', set.folder, set.trainer),
    join(roots.nnunetV1, set.folder, set.trainer),
  ];
}

/** Files of a set that a run with these folds reads, relative to the trainer's folder (folds count for v1 only). */
export function filesOf(set: WeightSet, folds: readonly number[]): readonly string[] {
  if (set.layout === 'totalsegmentator') return set.files;
  const common = set.files.filter((file) => !file.startsWith('fold_0/'));
  const ofFold = set.files.filter((file) => file.startsWith('fold_0/'));
  return [
    ...common,
    ...folds.flatMap((fold) => ofFold.map((file) => file.replace('fold_0/', `fold_${fold}/`))),
  ];
}

/** Looks whether the files of a set are there for these folds; reads none of them. */
export async function findSet(
  id: WeightsId,
  roots: WeightRoots,
  folds: readonly number[],
): Promise<SetOnDisk> {
  const set = weightSet(id);
  const folders = setFolders(set, roots);
  for (const folder of folders) {
    if (!isFolder(folder)) continue;
    const missing: string[] = [];
    for (const file of filesOf(set, folds)) if (!isFile(join(folder, file))) missing.push(file);
    return missing.length === 0 ? { state: 'whole', folder } : { state: 'incomplete', folder, missing };
  }
  return { state: 'missing', folder: folders[0] };
}

// Synchronous: every case asks for every file, and the way through the thread pool costs ten times the call.
const found = (path: string): Stats | null => {
  try {
    return statSync(path);
  } catch {
    return null;
  }
};
const isFolder = (path: string): boolean => found(path)?.isDirectory() === true;

function isFile(path: string): boolean {
  const stats = found(path);
  return stats !== null && stats.isFile() && stats.size > 0;
}
