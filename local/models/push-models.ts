import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDemoNetwork } from '../../adapters/demo-mark.ts';
import { openFileHashes, type FileHashes } from '../../adapters/file-hashes.ts';
import { machinePaths, type MachinePaths } from '../../adapters/machine-paths.ts';
import { readRecordedWeights } from '../../adapters/recorded-weights.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { filesOf, setFolders } from '../../adapters/weights-layout.ts';
import { HpbError } from '../../core/errors.ts';
import { MODELS_PREFIX, modelsManifestKey } from '../../core/layout.ts';
import { parseWeightsManifest, type WeightsManifest } from '../../core/models/weights-manifest.ts';
import { weightSet, WEIGHTS, type WeightsId } from '../../core/models/weights.ts';
import type { ObjectStore } from '../../core/ports.ts';
import type { ModelsRequest } from './install-models.ts';
import { listSet } from './list-models.ts';

/** What to push, and where to. */
export interface PushRequest extends ModelsRequest {
  /** The models bucket. */
  readonly store: Pick<ObjectStore, 'get' | 'head' | 'put' | 'putFile'>;
  /** The demo networks of this software instead of what is installed. */
  readonly demo: boolean;
  /** Told after each file. */
  readonly onFile?: (pushed: PushedFile) => void;
}

/** One file of the models bucket. */
export interface PushedFile {
  readonly set: string;
  /** Below `models/`. */
  readonly path: string;
  readonly bytes: number;
  /** Whether the bucket had it already, by its manifest. */
  readonly present: boolean;
}

interface LocalSet {
  readonly id: WeightsId;
  readonly files: WeightsManifest['sets'][WeightsId] & object;
  /** Where a file of the manifest lies here. */
  readonly locate: (path: string) => string;
}

const ROOTS = { nnunetV1: 'nnunet_v1', totalSegmentator: 'totalseg' } as const;

/**
 * Puts weights into the models bucket of a deployment: every file first, the manifest last, so that a deployment sees
 * all of them or what it had before. What the manifest there already names is not sent again; sets of the same kind
 * that are there and not here stay.
 *
 * @throws HpbError WEIGHTS_MISSING when nothing is installed; WEIGHTS_CORRUPT when a file is not what was installed;
 * STORE_*
 */
export async function pushModels(request: PushRequest): Promise<readonly PushedFile[]> {
  const paths = machinePaths(request.settings, request.packageRoot);
  const kind = request.demo ? 'demo' : 'real';
  const sets = request.demo ? await demoSets(paths) : await installedSets(paths, request.signal);
  const before = await manifestThere(request.store, kind);
  const pushed: PushedFile[] = [];
  for (const set of sets)
    for (const [path, file] of Object.entries(set.files.files)) {
      throwIfCancelled(request.signal);
      const key = `${MODELS_PREFIX}${path}`;
      const known = before[set.id]?.files[path]?.sha256 === file.sha256;
      const present = known && (await request.store.head(key))?.bytes === file.bytes;
      if (!present) await request.store.putFile(key, set.locate(path));
      const one: PushedFile = { set: set.id, path, bytes: file.bytes, present };
      pushed.push(one);
      request.onFile?.(one);
    }
  const manifest: WeightsManifest = {
    schemaVersion: 1,
    kind,
    sets: { ...before, ...Object.fromEntries(sets.map(({ id, files }) => [id, files])) },
  };
  await request.store.put(modelsManifestKey(), `${JSON.stringify(manifest, null, 2)}\n`);
  return pushed;
}

async function demoSets({ demoWeights }: MachinePaths): Promise<readonly LocalSet[]> {
  const { sets } = parseWeightsManifest(await readFile(join(demoWeights, 'manifest.json'), 'utf8'));
  return Object.entries(sets).map(([id, files]) => ({
    id: id as WeightsId,
    files,
    locate: (path) => join(demoWeights, path),
  }));
}

async function installedSets(
  paths: MachinePaths,
  signal: AbortSignal | undefined,
): Promise<readonly LocalSet[]> {
  const recorded = await readRecordedWeights(paths.modelsRoot);
  const hashes = await openFileHashes(paths.dataRoot);
  const sets: LocalSet[] = [];
  for (const id of Object.keys(WEIGHTS) as WeightsId[]) {
    const { state, folder, folds } = await listSet(id, paths, {});
    if (state === 'missing' || folds.length === 0) continue;
    const names = filesOf(weightSet(id), folds);
    if (await isDemoNetwork({ folder, files: names.map((path) => ({ path })) }))
      throw demoAmongReal(id, folder);
    const [relative] = setFolders(weightSet(id), ROOTS);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of names) {
      throwIfCancelled(signal);
      files[`${relative}/${name}`] = await checked(hashes, join(folder, name), recorded.files[id]?.[name]);
    }
    sets.push({ id, files: { files }, locate: (path) => join(folder, path.slice(relative.length + 1)) });
  }
  await hashes.save();
  if (sets.length > 0) return sets;
  throw new HpbError('WEIGHTS_MISSING', 'No real weights are installed here.', {
    remedy:
      'Get them with `hpb models pull <model>` or `hpb models install <file>`, or push the demo networks: --demo.',
  });
}

function demoAmongReal(set: WeightsId, folder: string): HpbError {
  return new HpbError(
    'WEIGHTS_MISSING',
    `${folder} holds a demo network, which must not be taken for a real one.`,
    {
      remedy: 'Move it away and install the real weights, or push the demo networks: --demo.',
      details: { set },
    },
  );
}

async function checked(
  hashes: FileHashes,
  path: string,
  recorded: { readonly sha256: string } | undefined,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const { bytes, sha256 } = await hashes.hash(path, { fresh: true });
  if (recorded === undefined || recorded.sha256 === sha256) return { bytes, sha256 };
  throw new HpbError('WEIGHTS_CORRUPT', `${path} is not what was installed.`, {
    remedy: 'Install it again (`hpb models pull <set>`), then push.',
    details: { path },
  });
}

/** The sets of this kind that the bucket says it holds. */
async function manifestThere(
  store: Pick<ObjectStore, 'get' | 'head'>,
  kind: WeightsManifest['kind'],
): Promise<WeightsManifest['sets']> {
  if ((await store.head(modelsManifestKey())) === null) return {};
  const text = new TextDecoder().decode(await store.get(modelsManifestKey()));
  try {
    const there = parseWeightsManifest(text);
    return there.kind === kind ? there.sets : {};
  } catch {
    // A damaged manifest is written anew.
    return {};
  }
}
