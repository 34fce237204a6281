import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { openFileHashes } from '../../adapters/file-hashes.ts';
import { machinePaths, type MachinePaths } from '../../adapters/machine-paths.ts';
import { readRecordedWeights, recordWeights } from '../../adapters/recorded-weights.ts';
import { findSet } from '../../adapters/weights-layout.ts';
import { realRoots } from '../../adapters/weights-store.ts';
import { outputError } from '../../adapters/file-error.ts';
import { HpbError } from '../../core/errors.ts';
import { modelEntry, MODEL_IDS, REQUEST_MODELS } from '../../core/models/catalogue.ts';
import { weightSet, WEIGHTS, type WeightSet, type WeightsId } from '../../core/models/weights.ts';
import { requireSpace } from '../free-space.ts';
import { downloadFile, type DownloadRequest } from './download-file.ts';
import { installSet, withSetLock, type InstalledSet, type ModelsRequest } from './install-models.ts';
import { matchSets } from './match-sets.ts';
import { invalid, openWeightSource } from './weight-sources.ts';

/** Progress of a pull, in bytes of the set's archive. */
export interface PullProgress {
  readonly id: WeightsId;
  readonly step: 'download' | 'install' | 'present';
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** How to pull. */
export interface PullRequest extends Omit<ModelsRequest, 'onProgress'> {
  readonly acceptLicence: boolean;
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  /** Fetches `<baseUrl>/<name of the archive>` instead of the publisher's address (a mirror). */
  readonly baseUrl?: string;
  /** Patience with the network. */
  readonly patience?: Pick<DownloadRequest, 'attempts' | 'pauseMs' | 'silenceMs'>;
}

/** A pulled set: what was installed, or null when it was there already and unchanged. */
export interface PulledSet {
  readonly id: WeightsId;
  readonly installed: InstalledSet | null;
}

/**
 * The weight sets behind what a user names: a model (with and without `--fast`), `both`, `all`, or one set.
 *
 * @throws HpbError UNKNOWN_MODEL
 */
export function weightSetsOf(name: string): readonly WeightsId[] {
  if (Object.hasOwn(WEIGHTS, name)) return [name as WeightsId];
  const models = name === 'all' ? MODEL_IDS : REQUEST_MODELS[name];
  if (models === undefined || (name !== 'all' && !Object.hasOwn(REQUEST_MODELS, name))) {
    throw new HpbError('UNKNOWN_MODEL', `There is no model or weight set ${JSON.stringify(name)}.`, {
      remedy: `Name one of ${[...Object.keys(REQUEST_MODELS), 'all', ...Object.keys(WEIGHTS)].join(', ')}.`,
    });
  }
  const sets = models.flatMap((model) =>
    [true, false].flatMap((fast) => modelEntry(model).weights({ fast, folds: [0], tta: false })),
  );
  return [...new Set(sets)];
}

/**
 * Fetches and installs all weight sets of a model from their publishers; see `downloadFile` for what it survives.
 *
 * @throws HpbError UNKNOWN_MODEL, BAD_OPTION (the mirror is no address), LICENCE_NOT_ACCEPTED, DISK_FULL, NETWORK_UNREACHABLE, WEIGHTS_DOWNLOAD_FAILED,
 * WEIGHTS_CORRUPT, WEIGHTS_ARCHIVE_INVALID, OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function pullModel(name: string, request: PullRequest): Promise<readonly PulledSet[]> {
  const ids = weightSetsOf(name);
  if (request.baseUrl !== undefined) requireUrl(request.baseUrl);
  // Before the first byte: a licence refused after an hour of downloads helps nobody.
  for (const id of ids) requireLicence(weightSet(id), request);
  const pulled: PulledSet[] = [];
  for (const id of ids) pulled.push(await pullWeightSet(id, weightSet(id), request));
  return pulled;
}

/** Fetches and installs one weight set with the given facts (those of `WEIGHTS`, unless a test has its own). */
export async function pullWeightSet(id: WeightsId, set: WeightSet, request: PullRequest): Promise<PulledSet> {
  requireLicence(set, request);
  const paths = machinePaths(request.settings, request.packageRoot);
  return withSetLock(paths, id, request.signal, async () => {
    const say = progressOf(id, request);
    if (await isPresent(id, paths)) {
      say('present')(set.archiveBytes, set.archiveBytes);
      return { id, installed: null };
    }
    const archive = join(paths.modelsRoot, 'downloads', `${set.folder}.zip`);
    const recorded = (await readRecordedWeights(paths.modelsRoot)).archives[id];
    // Fetched whole by a call that did not come to install it: it is checked again and not fetched.
    await rename(archive, `${archive}.part`).catch(() => undefined);
    await makeRoom(archive, set);
    const sha256 = await downloadFile({
      url: request.baseUrl === undefined ? set.url : mirrored(set.url, request.baseUrl),
      path: archive,
      bytes: set.archiveBytes,
      md5: set.archiveMd5,
      sha256: recorded?.sha256 ?? null,
      onProgress: say('download'),
      signal: request.signal,
      ...request.patience,
    });
    const installed = await installArchive(archive, id, paths, {
      onProgress: say('install'),
      signal: request.signal,
    });
    await recordWeights(paths.modelsRoot, id, { archive: { bytes: set.archiveBytes, sha256 } });
    return { id, installed };
  });
}

function requireUrl(text: string): void {
  const protocol = URL.canParse(text) ? new URL(text).protocol : '';
  if (protocol === 'https:' || protocol === 'http:') return;
  throw new HpbError('BAD_OPTION', `The mirror ${JSON.stringify(text)} is no http or https address.`, {
    remedy: 'Give --from an address such as https://mirror.example/weights.',
    details: { option: 'from' },
  });
}

function requireLicence(set: WeightSet, request: PullRequest): void {
  if (set.licence === 'Apache-2.0' || request.acceptLicence) return;
  throw new HpbError(
    'LICENCE_NOT_ACCEPTED',
    `${set.title} is licensed under ${set.licence}: no commercial use, and its authors must be named.`,
    {
      remedy:
        'Read https://creativecommons.org/licenses/by-nc/4.0/ and run again with --accept-licence if you may use it so. ' +
        'The model liver_vessels finds the same structures under Apache-2.0.',
      details: { licence: set.licence },
    },
  );
}

/** Whether the set is there, and each recorded file has its recorded checksum. */
async function isPresent(id: WeightsId, paths: MachinePaths): Promise<boolean> {
  const disk = await findSet(id, realRoots(paths), [0]);
  if (disk.state !== 'whole') return false;
  const recorded = (await readRecordedWeights(paths.modelsRoot)).files[id] ?? {};
  const hashes = await openFileHashes(paths.dataRoot);
  for (const [name, { sha256 }] of Object.entries(recorded)) {
    const found = await hashes.hash(join(disk.folder, name)).catch(() => null);
    if (found?.sha256 !== sha256) return false;
  }
  await hashes.save();
  return true;
}

async function makeRoom(archive: string, set: WeightSet): Promise<void> {
  await mkdir(join(archive, '..'), { recursive: true }).catch((error: unknown) => {
    throw outputError(error);
  });
  const fetched = (await stat(`${archive}.part`).catch(() => null))?.size ?? 0;
  // Checkpoints hardly compress; of the v1 archive only a quarter is unpacked, which this covers too.
  await requireSpace(archive, set.archiveBytes * 2.2 - fetched, {
    what: `The archive of ${set.title} and its files`,
    remedy: 'Free some space, or point HPB_MODELS_ROOT at another disk.',
  });
}

/** Removes the archive when it is installed or of no use; gigabytes that a full disk or Ctrl-C stopped stay. */
async function installArchive(
  archive: string,
  id: WeightsId,
  paths: MachinePaths,
  request: Pick<ModelsRequest, 'onProgress' | 'signal'>,
): Promise<InstalledSet> {
  try {
    const installed = await installFrom(archive, id, paths, request);
    await rm(archive, { force: true });
    return installed;
  } catch (error) {
    if (error instanceof HpbError && error.code === 'WEIGHTS_ARCHIVE_INVALID')
      await rm(archive, { force: true });
    throw error;
  }
}

async function installFrom(
  archive: string,
  id: WeightsId,
  paths: MachinePaths,
  request: Pick<ModelsRequest, 'onProgress' | 'signal'>,
): Promise<InstalledSet> {
  const source = await openWeightSource(archive);
  try {
    const matched = matchSets(source.files, '').find((set) => set.id === id);
    if (matched === undefined) throw invalid(`The archive does not hold ${weightSet(id).folder} whole`);
    return await installSet(matched, paths, request);
  } finally {
    source.close();
  }
}

function progressOf(id: WeightsId, request: PullRequest) {
  return (step: PullProgress['step']) =>
    (doneBytes: number, totalBytes: number): void =>
      request.onProgress?.({ id, step, doneBytes, totalBytes });
}

function mirrored(url: string, baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, '')}/${new URL(url).pathname.split('/').at(-1)!}`;
}
