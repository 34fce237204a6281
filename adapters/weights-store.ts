import { join } from 'node:path';
import { HpbError } from '../core/errors.ts';
import {
  modelEntry,
  type ModelId,
  type SegmentOptions,
  type WeightsLocation,
} from '../core/models/catalogue.ts';
import { weightSet, type WeightsId } from '../core/models/weights.ts';
import type { Settings } from '../core/settings.ts';
import { isDemoNetwork } from './demo-mark.ts';
import { openFileHashes, type FileHash, type FileHashes } from './file-hashes.ts';
import { machinePaths, type MachinePaths } from './machine-paths.ts';
import { readRecordedWeights, type RecordedWeights } from './recorded-weights.ts';
import { filesOf, findSet, setFolders, type SetOnDisk, type WeightRoots } from './weights-layout.ts';

const DEMO_LICENCE = 'Apache-2.0';

/** A weight set on this machine, as a run will read it. */
export interface LocatedSet {
  readonly id: WeightsId;
  /** Folder of the trainer. */
  readonly folder: string;
  /** The files that the run reads, `path` relative to `folder`. */
  readonly files: readonly (FileHash & { readonly path: string })[];
  readonly licence: string;
}

/** The weights of a model for one run. */
export interface WeightsOnDisk {
  readonly location: WeightsLocation;
  /** Whether these are the demo networks, whose masks must never be taken for real ones. */
  readonly demo: boolean;
  readonly sets: readonly LocatedSet[];
}

/** The roots of the real weights. */
export function realRoots(paths: MachinePaths): WeightRoots {
  return { nnunetV1: paths.nnunetV1Root, totalSegmentator: paths.totalSegmentatorRoot };
}

/** The roots of the demo networks, laid out as the real weights are. */
export function demoRoots(paths: MachinePaths): WeightRoots {
  return {
    nnunetV1: join(paths.demoWeights, 'nnunet_v1'),
    totalSegmentator: join(paths.demoWeights, 'totalseg'),
  };
}

/**
 * Finds the weights that a run of `model` with `options` reads, with their checksums. `HPB_WEIGHTS` decides:
 * `real`, `demo`, or `auto`: the real ones where all sets of the model are there, else the demo networks. Weights
 * that the user pointed at (RESULTS_FOLDER, TOTALSEG_WEIGHTS_PATH, TOTALSEG_HOME) and weights that lack a fold or a file
 * are never replaced by demo networks; demo networks among them are known by their mark. Checksums are remembered in the
 * data root; the first call reads all bytes.
 *
 * @throws HpbError WEIGHTS_MISSING with the command that gets them, naming the fold or file that lacks, or the folder
 * where only demo networks lie though real ones are asked for;
 * WEIGHTS_CORRUPT when a file is not what was recorded at its installation.
 */
export async function locateWeights(
  model: ModelId,
  options: SegmentOptions,
  settings: Settings,
  packageRoot: string,
): Promise<WeightsOnDisk> {
  const paths = machinePaths(settings, packageRoot);
  const ids = modelEntry(model).weights(options);
  if (settings.HPB_WEIGHTS !== 'demo') {
    const found = await findSets(ids, realRoots(paths), options.folds);
    if (isWhole(found))
      return markedDemo(model, settings, await located(found, options, { paths, demo: false }));
    const refused = found.find(
      ({ id, disk }) =>
        disk.state !== 'whole' &&
        (settings.HPB_WEIGHTS === 'real' || disk.state === 'incomplete' || isExplicit(id, paths)),
    );
    if (refused !== undefined) throw missing(refused, model, paths);
  }
  const demo = await findSets(ids, demoRoots(paths), options.folds);
  if (isWhole(demo)) return located(demo, options, { paths, demo: true });
  throw noDemo(
    demo.find(({ disk }) => disk.state !== 'whole')!,
    model,
  );
}

/** The weights, told as demo ones when a demo network was put where real ones are looked for. */
async function markedDemo(
  model: ModelId,
  settings: Settings,
  weights: WeightsOnDisk,
): Promise<WeightsOnDisk> {
  const marks = await Promise.all(weights.sets.map(isDemoNetwork));
  const marked = weights.sets.find((_, at) => marks[at]);
  if (marked === undefined) return weights;
  const { id, folder } = marked;
  if (settings.HPB_WEIGHTS !== 'real') {
    const sets = weights.sets.map((set, at) => (marks[at] ? { ...set, licence: DEMO_LICENCE } : set));
    return { ...weights, demo: true, sets };
  }
  throw new HpbError(
    'WEIGHTS_MISSING',
    `${folder} holds a demo network, and HPB_WEIGHTS asks for real weights.`,
    {
      remedy: `Run \`hpb models pull ${model}\` for the real weights, or set HPB_WEIGHTS=demo.`,
      details: { model, set: id, root: folder },
    },
  );
}

interface Found {
  readonly id: WeightsId;
  readonly disk: SetOnDisk;
}

async function findSets(
  ids: readonly WeightsId[],
  roots: WeightRoots,
  folds: readonly number[],
): Promise<readonly Found[]> {
  return Promise.all(ids.map(async (id) => ({ id, disk: await findSet(id, roots, folds) })));
}

const isWhole = (found: readonly Found[]): boolean => found.every(({ disk }) => disk.state === 'whole');

async function located(
  found: readonly Found[],
  options: SegmentOptions,
  { paths, demo }: { readonly paths: MachinePaths; readonly demo: boolean },
): Promise<WeightsOnDisk> {
  const hashes = await openFileHashes(paths.dataRoot);
  const recorded = demo ? null : await readRecordedWeights(paths.modelsRoot);
  const sets: LocatedSet[] = [];
  for (const { id, disk } of found) {
    const set = weightSet(id);
    const files = await hashFiles(disk.folder, filesOf(set, options.folds), hashes);
    if (recorded !== null) checkRecorded({ id, folder: disk.folder, files }, recorded, paths);
    sets.push({ id, folder: disk.folder, files, licence: demo ? DEMO_LICENCE : set.licence });
  }
  await hashes.save();
  const roots = demo ? demoRoots(paths) : realRoots(paths);
  const v1 = sets.find(({ id }) => weightSet(id).layout === 'nnunet-v1');
  return {
    location: {
      nnunetV1ModelFolder: v1?.folder ?? setFolders(weightSet('task008'), roots)[0],
      totalSegmentatorRoot: roots.totalSegmentator,
    },
    demo,
    sets,
  };
}

async function hashFiles(
  folder: string,
  names: readonly string[],
  hashes: FileHashes,
): Promise<LocatedSet['files']> {
  const files = [];
  for (const path of names) files.push({ path, ...(await hashes.hash(join(folder, path))) });
  return files;
}

function checkRecorded(
  set: { readonly id: WeightsId; readonly folder: string; readonly files: LocatedSet['files'] },
  recorded: RecordedWeights,
  paths: MachinePaths,
): void {
  const expected = recorded.files[set.id];
  // Weights outside our own folder may be another release on purpose.
  if (expected === undefined || !set.folder.startsWith(paths.modelsRoot)) return;
  const changed = set.files.find(
    ({ path, sha256 }) => expected[path] !== undefined && expected[path].sha256 !== sha256,
  );
  if (changed === undefined) return;
  throw new HpbError(
    'WEIGHTS_CORRUPT',
    `${changed.path} of ${weightSet(set.id).folder} is not the file that was installed: sha256 ${changed.sha256}.`,
    { remedy: `Run \`hpb models pull ${set.id}\`: it fetches the set again.`, details: { set: set.id } },
  );
}

function isExplicit(id: WeightsId, paths: MachinePaths): boolean {
  return weightSet(id).layout === 'nnunet-v1' ? paths.nnunetV1Explicit : paths.totalSegmentatorExplicit;
}

function missing({ id, disk }: Found, model: ModelId, paths: MachinePaths): HpbError {
  const set = weightSet(id);
  const root = set.layout === 'nnunet-v1' ? paths.nnunetV1Root : paths.totalSegmentatorRoot;
  const details = { model, set: id, root };
  const pull = `Run \`hpb models pull ${model}\`, or \`hpb models install <zip or folder>\``;
  if (disk.state !== 'incomplete') {
    const why = isExplicit(id, paths)
      ? `the folder that the settings name (${root}) does not hold them`
      : 'they are not installed';
    return new HpbError('WEIGHTS_MISSING', `${model} needs the weights of ${set.title}, but ${why}.`, {
      remedy: `${pull}. HPB_WEIGHTS=demo runs the demo networks instead.`,
      details,
    });
  }
  return incomplete(disk.missing, `of ${set.title} in ${disk.folder}`, { remedy: `${pull}.`, details });
}

function noDemo({ id, disk }: Found, model: ModelId): HpbError {
  const set = weightSet(id);
  const details = { model, set: id };
  const remedy = `Run \`hpb models pull ${model}\` for the real weights.`;
  if (disk.state === 'incomplete')
    return incomplete(disk.missing, 'of the demo networks', { remedy, details });
  return new HpbError(
    'WEIGHTS_MISSING',
    `${model} needs the weights of ${set.title}, which are not installed, and there is no demo network for it.`,
    { remedy, details },
  );
}

function incomplete(
  files: readonly string[],
  where: string,
  options: { readonly remedy: string; readonly details: Readonly<Record<string, string>> },
): HpbError {
  const folds = new Set(files.map((file) => /^fold_(\d)\//.exec(file)?.[1]));
  const what = folds.has(undefined) ? files[0]! : `Fold ${[...folds].join(' and ')}`;
  return new HpbError('WEIGHTS_MISSING', `${what} ${where} is missing.`, options);
}
