import { basename, dirname, resolve } from 'node:path';

/**
 * Names for the results of several CTs, one each: the file's name without `.nii`/`.nii.gz` and without
 * nnU-Net's channel suffix `_0000`. `raw` (the name batches use), and what can be no folder (nothing, `.`, `..`), becomes
 * the folder's name; what is still the same gets `-2`, `-3` … in the order given.
 */
export function caseNames(paths: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const stem = basename(path)
      .replace(/\.nii(\.gz)?$/i, '')
      .replace(/_0000$/, '');
    const wanted = /^(raw|\.{0,2})$/.test(stem) ? basename(dirname(resolve(path))) || 'case' : stem;
    let name = wanted;
    for (let n = 2; taken.has(name); n += 1) name = `${wanted}-${n}`;
    taken.add(name);
    return name;
  });
}
