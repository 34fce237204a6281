import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { machinePaths, type MachinePaths } from '../../adapters/machine-paths.ts';
import { readRecordedWeights } from '../../adapters/recorded-weights.ts';
import { findSet, filesOf } from '../../adapters/weights-layout.ts';
import { demoRoots, realRoots } from '../../adapters/weights-store.ts';
import { MODEL_IDS, modelEntry, type ModelId } from '../../core/models/catalogue.ts';
import { weightSet, WEIGHTS, type WeightsId } from '../../core/models/weights.ts';
import type { ModelsRequest } from './install-models.ts';

/** A weight set as `hpb models list` shows it. */
export interface ListedSet {
  readonly id: WeightsId;
  readonly title: string;
  readonly state: 'installed' | 'incomplete' | 'missing';
  /** Where it lies, or where it would be looked for. */
  readonly folder: string;
  /** Folds that are there (v1; always [0] for TotalSegmentator). */
  readonly folds: readonly number[];
  readonly bytes: number;
  /** Checksums recorded at the installation by us: file -> sha256. */
  readonly sha256: Readonly<Record<string, string>>;
  readonly licence: string;
  readonly url: string;
  readonly archiveBytes: number;
}

/** A model as `hpb models list` shows it. */
export interface ListedModel {
  readonly id: ModelId;
  readonly title: string;
  readonly licence: string;
  /** What a run would use now: for each variant the state of its weights. */
  readonly variants: readonly {
    readonly fast: boolean;
    readonly sets: readonly WeightsId[];
    readonly weights: 'real' | 'demo' | 'missing';
  }[];
}

/** What is there and what each model needs; reads no weights. */
export async function listModels(
  request: Pick<ModelsRequest, 'settings' | 'packageRoot'>,
): Promise<{ readonly models: readonly ListedModel[]; readonly sets: readonly ListedSet[] }> {
  const paths = machinePaths(request.settings, request.packageRoot);
  const recorded = await readRecordedWeights(paths.modelsRoot);
  const ids = Object.keys(WEIGHTS) as WeightsId[];
  const sets = await Promise.all(
    ids.map(async (id) => {
      const files = recorded.files[id] ?? {};
      return listSet(id, paths, Object.fromEntries(Object.entries(files).map(([k, v]) => [k, v.sha256])));
    }),
  );
  const models = await Promise.all(MODEL_IDS.map((id) => listModel(id, paths, sets)));
  return { models, sets };
}

/** What lies on disk of one set. */
export async function listSet(
  id: WeightsId,
  paths: MachinePaths,
  sha256: Readonly<Record<string, string>>,
): Promise<ListedSet> {
  const set = weightSet(id);
  const folds: number[] = [];
  let disk = await findSet(id, realRoots(paths), [0]);
  for (const fold of set.layout === 'nnunet-v1' ? [0, 1, 2, 3, 4] : [0]) {
    const found = await findSet(id, realRoots(paths), [fold]);
    if (found.state !== 'whole') continue;
    folds.push(fold);
    disk = found;
  }
  let bytes = 0;
  for (const file of filesOf(set, folds))
    bytes += (await stat(join(disk.folder, file)).catch(() => null))?.size ?? 0;
  const { title, licence, url, archiveBytes } = set;
  const state = disk.state === 'whole' ? 'installed' : disk.state;
  return { id, title, state, folder: disk.folder, folds, bytes, sha256, licence, url, archiveBytes };
}

async function listModel(id: ModelId, paths: MachinePaths, sets: readonly ListedSet[]): Promise<ListedModel> {
  const { title, licence, weights } = modelEntry(id);
  const variants: ListedModel['variants'][number][] = [];
  for (const fast of [false, true]) {
    const needed = weights({ fast, folds: [0], tta: false });
    const known = variants.some((variant) => variant.sets.join() === needed.join());
    if (known) continue;
    const real = needed.every((set) => sets.find((listed) => listed.id === set)?.state === 'installed');
    const demo = await Promise.all(needed.map((set) => findSet(set, demoRoots(paths), [0])));
    const hasDemo = demo.every(({ state }) => state === 'whole');
    variants.push({ fast, sets: needed, weights: real ? 'real' : hasDemo ? 'demo' : 'missing' });
  }
  return { id, title, licence: licence.name, variants };
}
