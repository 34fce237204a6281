import { createHash } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { outputError } from '../../adapters/file-error.ts';
import type { FileHash } from '../../adapters/file-hashes.ts';
import { machinePaths, type MachinePaths } from '../../adapters/machine-paths.ts';
import { acquireProcessLock } from '../../adapters/process-lock.ts';
import { readRecordedWeights, recordWeights } from '../../adapters/recorded-weights.ts';
import { throwIfCancelled } from '../../adapters/run-process.ts';
import { setFolders } from '../../adapters/weights-layout.ts';
import { realRoots } from '../../adapters/weights-store.ts';
import { HpbError } from '../../core/errors.ts';
import { weightSet, WEIGHTS, type WeightsId } from '../../core/models/weights.ts';
import type { Settings } from '../../core/settings.ts';
import { requireSpace } from '../free-space.ts';
import { matchSets, type MatchedSet } from './match-sets.ts';
import { invalid, openWeightSource, type SourceFile } from './weight-sources.ts';

/** Where weights go and who is told. */
export interface ModelsRequest {
  readonly settings: Settings;
  readonly packageRoot: string;
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A weight set after its installation. */
export interface InstalledSet {
  readonly id: WeightsId;
  /** Folder of the trainer. */
  readonly folder: string;
  readonly files: Readonly<Record<string, FileHash>>;
}

/**
 * Installs every weight set that a ZIP (as the publishers offer them) or a folder holds, to where runs look for
 * them, and records the checksums. Files appear whole or not at all; other folds that are there already stay.
 *
 * @throws HpbError WEIGHTS_ARCHIVE_INVALID (nothing we know in it, hostile, damaged), DISK_FULL, OUTPUT_UNWRITABLE, CANCELLED.
 */
export async function installModels(
  source: string,
  request: ModelsRequest,
): Promise<readonly InstalledSet[]> {
  const opened = await openWeightSource(source);
  try {
    const prefix = opened.isFolder ? `${resolve(source).replaceAll('\\', '/')}/` : '';
    const matched = matchSets(opened.files, prefix);
    if (matched.length === 0) {
      const known = Object.values(WEIGHTS).map(({ folder }) => folder);
      throw invalid(`${source} holds none of the weight sets we know whole (${known.join(', ')})`);
    }
    const paths = machinePaths(request.settings, request.packageRoot);
    const total = matched.reduce((sum, { bytes }) => sum + bytes, 0);
    await requireSpace(paths.modelsRoot, total, {
      what: 'The weights',
      remedy: 'Free some space, or point HPB_MODELS_ROOT at another disk.',
    });
    const installed: InstalledSet[] = [];
    let before = 0;
    for (const set of matched) {
      const offset = before;
      installed.push(
        await withSetLock(paths, set.id, request.signal, () =>
          installSet(set, paths, {
            ...request,
            onProgress: (done) => request.onProgress?.(offset + done, total),
          }),
        ),
      );
      before += set.bytes;
    }
    return installed;
  } finally {
    opened.close();
  }
}

/** Works on a weight set while no other process of this machine does. */
export async function withSetLock<T>(
  paths: MachinePaths,
  id: WeightsId,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const release = await acquireProcessLock(join(paths.modelsRoot, 'downloads', `${id}.lock`), {
    signal,
  }).catch((error: unknown) => {
    throw outputError(error);
  });
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Copies a matched set beside its place, checks it, and moves it there; the caller holds the set's lock. */
export async function installSet(
  set: MatchedSet,
  paths: MachinePaths,
  request: Pick<ModelsRequest, 'onProgress' | 'signal'>,
): Promise<InstalledSet> {
  const { id } = set;
  const folders = setFolders(weightSet(id), realRoots(paths));
  const folder = folders.find((candidate) => existsSync(candidate)) ?? folders[0];
  // On the disk of the target, so that the move is a rename.
  const root = weightSet(id).layout === 'nnunet-v1' ? paths.nnunetV1Root : paths.totalSegmentatorRoot;
  const staging = join(root, `.hpb-install-${id}`);
  const files: Record<string, FileHash> = {};
  let done = 0;
  try {
    await rm(staging, { recursive: true, force: true });
    for (const [name, file] of set.files) {
      files[name] = await copy(file, join(staging, name), request.signal, (bytes) => {
        done += bytes;
        request.onProgress?.(done, set.bytes);
      });
    }
    const kept = existsSync(folder) ? ((await readRecordedWeights(paths.modelsRoot)).files[id] ?? {}) : {};
    await place(staging, folder, Object.keys(files));
    await recordWeights(paths.modelsRoot, id, { files: { ...kept, ...files } });
  } catch (error) {
    throw outputError(error);
  } finally {
    await rm(staging, { recursive: true, force: true }).catch(() => {});
  }
  return { id, folder, files };
}

async function copy(
  file: SourceFile,
  to: string,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void,
): Promise<FileHash> {
  await mkdir(dirname(to), { recursive: true });
  const hash = createHash('sha256');
  let bytes = 0;
  let crc = 0;
  const through = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      throwIfCancelled(signal);
      bytes += chunk.length;
      if (bytes > file.bytes) throw invalid(`${file.path} is longer than the archive says`);
      hash.update(chunk);
      crc = crc32(chunk, crc);
      onBytes(chunk.length);
      yield chunk;
    }
  };
  try {
    await pipeline(await file.read(), through, createWriteStream(to, { flags: 'wx' }));
  } catch (error) {
    // Errors of the disk have a system call; those of the archive have none.
    if (error instanceof HpbError || (error as NodeJS.ErrnoException).syscall !== undefined) throw error;
    throw invalid(`${file.path} cannot be unpacked: ${(error as Error).message}`, error);
  }
  if (bytes !== file.bytes || (file.crc32 !== null && crc !== file.crc32))
    throw invalid(`${file.path} is damaged: its size or checksum is not what the archive says`);
  return { bytes, sha256: hash.digest('hex') };
}

async function place(staging: string, folder: string, names: readonly string[]): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  if (!existsSync(folder)) {
    await rename(staging, folder);
    return;
  }
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await rename(join(staging, name), join(folder, name));
  }
}
