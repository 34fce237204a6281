import { filesOf } from '../../adapters/weights-layout.ts';
import { weightSet, WEIGHTS, type WeightSet, type WeightsId } from '../../core/models/weights.ts';
import type { SourceFile } from './weight-sources.ts';

/** A weight set that was found whole in a source. */
export interface MatchedSet {
  readonly id: WeightsId;
  /** File relative to the trainer's folder -> the source's file. */
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly bytes: number;
}

/** Configurations of nnU-Net v1 that stand beside `3d_fullres` in the official archive; we take only that one. */
const OTHER_CONFIGURATIONS = ['2d', '3d_lowres', '3d_cascade_fullres', 'ensembles'];

/**
 * Finds known weight sets among the files of a source. `prefix` stands before every path: the place of a folder,
 * so that the folder of a set, or that of its trainer, can itself be the source. Only files that a run reads are
 * taken, of all folds.
 */
export function matchSets(files: readonly SourceFile[], prefix: string): readonly MatchedSet[] {
  return (Object.keys(WEIGHTS) as WeightsId[]).flatMap((id) => {
    const set = weightSet(id);
    const wanted = wantedNames(set);
    const places = new Map<string, Map<string, SourceFile>>();
    for (const file of files) {
      const found = splitPath(`${prefix}${file.path}`, set);
      if (found === null || !wanted.has(found.name)) continue;
      const place = places.get(found.parent) ?? new Map<string, SourceFile>();
      places.set(found.parent, place.set(found.name, file));
    }
    const whole = [...places.values()].find((place) => filesOf(set, [0]).every((name) => place.has(name)));
    if (whole === undefined) return [];
    const bytes = [...whole.values()].reduce((sum, file) => sum + file.bytes, 0);
    return [{ id, files: whole, bytes }];
  });
}

function wantedNames(set: WeightSet): ReadonlySet<string> {
  return new Set(filesOf(set, set.layout === 'nnunet-v1' ? [0, 1, 2, 3, 4] : [0]));
}

function splitPath(path: string, set: WeightSet): { readonly parent: string; readonly name: string } | null {
  const inner = `${set.folder}/${set.trainer}/`;
  const at = path.startsWith(inner) ? 0 : path.indexOf(`/${inner}`) + 1;
  if (at === 0 && !path.startsWith(inner)) return null;
  const parent = path.slice(0, at);
  const configuration = parent.split('/').at(-2) ?? '';
  if (set.layout === 'nnunet-v1' && OTHER_CONFIGURATIONS.includes(configuration)) return null;
  return { parent, name: path.slice(at + inner.length) };
}
