import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { LocatedWeights, Weights } from '../core/engine-port.ts';
import { HpbError } from '../core/errors.ts';
import { MODELS_PREFIX, modelsManifestKey } from '../core/layout.ts';
import { mapLimited } from '../core/map-limited.ts';
import { modelEntry, type ModelId, type SegmentOptions } from '../core/models/catalogue.ts';
import { parseWeightsManifest, type WeightsManifest } from '../core/models/weights-manifest.ts';
import { weightSet, type WeightsId } from '../core/models/weights.ts';
import type { Log, ObjectStore } from '../core/ports.ts';
import type { WeightsUsed } from '../core/results/metadata.ts';
import { outputError } from './file-error.ts';
import { openFileHashes, type FileHash, type FileHashes } from './file-hashes.ts';
import { acquireLease } from './lease-lock.ts';
import { filesOf, setFolders } from './weights-layout.ts';

/** Where the weights of a deployment are, and where they are kept on this machine. */
export interface BucketWeightsOptions {
  /** The models bucket. */
  readonly store: Pick<ObjectStore, 'get' | 'stream'>;
  /** A folder that outlives the worker, shared by the workers of the machine. */
  readonly modelsRoot: string;
  /** Refuses demo networks. */
  readonly realOnly: boolean;
  readonly log: Log;
  /** Told when a set was fetched, wholly or in part. */
  readonly onFetched?: (fetched: { readonly seconds: number; readonly bytes: number }) => void;
}

/** `.complete` in the folder of a set's trainer: its files as they were verified last; path relative to the folder. */
const markerSchema = z.record(
  z.string(),
  z.object({ bytes: z.number(), sha256: z.string(), modifiedMs: z.number() }),
);
type Marker = z.infer<typeof markerSchema>;
const MARKER = '.complete';

const FETCHED_AT_ONCE = 4;

/** A file of a set: in its folder here, and in the bucket. */
interface WeightFile extends FileHash {
  /** Relative to the folder of the trainer. */
  readonly name: string;
  readonly path: string;
  readonly key: string;
}

/** Weights of the models bucket, fetched to this machine at their first use and kept for the workers to come. */
export class BucketWeights implements Weights {
  readonly #options: BucketWeightsOptions;
  #manifest: Promise<WeightsManifest> | null = null;
  /** Sets whose files this process has verified, with the folds. */
  readonly #verified = new Set<string>();

  constructor(options: BucketWeightsOptions) {
    this.#options = options;
  }

  /**
   * @throws HpbError WEIGHTS_MISSING when the bucket holds no manifest, lacks a set or a fold, or a file of it;
   * WEIGHTS_CORRUPT when a file is not what the manifest says, also the second time; STORE_*, DISK_FULL.
   */
  async locate(model: ModelId, options: SegmentOptions): Promise<LocatedWeights> {
    const manifest = await this.#readManifest();
    const demo = manifest.kind === 'demo';
    if (demo && this.#options.realOnly) throw onlyDemo(model);
    // Demo networks never lie where real ones are looked for.
    const root = demo ? join(this.#options.modelsRoot, 'demo') : this.#options.modelsRoot;
    const used: WeightsUsed[] = [];
    let nnunetV1ModelFolder = join(root, setFolders(weightSet('task008'), RELATIVE)[0]);
    for (const id of modelEntry(model).weights(options)) {
      const { folder, files } = filesIn(manifest, id, { model, folds: options.folds, root });
      await this.#ensure(id, folder, files);
      if (weightSet(id).layout === 'nnunet-v1') nnunetV1ModelFolder = folder;
      used.push({ id, demo, files: files.map(({ name, sha256 }) => ({ name, sha256 })) });
    }
    return { location: { nnunetV1ModelFolder, totalSegmentatorRoot: join(root, 'totalseg') }, used };
  }

  async #readManifest(): Promise<WeightsManifest> {
    this.#manifest ??= this.#options.store
      .get(modelsManifestKey())
      .then((bytes) => parseWeightsManifest(new TextDecoder().decode(bytes)));
    try {
      return await this.#manifest;
    } catch (thrown) {
      this.#manifest = null;
      throw isNotFound(thrown) ? noManifest() : thrown;
    }
  }

  /** Makes sure that the files lie on this machine as the manifest says. */
  async #ensure(id: WeightsId, folder: string, files: readonly WeightFile[]): Promise<void> {
    const lacking = files.filter(({ path }) => !this.#verified.has(path));
    if (lacking.length === 0) return;
    const marker = join(folder, MARKER);
    try {
      if (!(await isComplete(marker, lacking))) {
        const release = await acquireLease(join(this.#options.modelsRoot, 'locks', `${id}.lock`));
        try {
          // Another worker may have fetched them while this one waited.
          if (!(await isComplete(marker, lacking))) await this.#fetch(id, marker, lacking);
        } finally {
          await release?.();
        }
      }
    } catch (thrown) {
      throw outputError(thrown);
    }
    for (const { path } of lacking) this.#verified.add(path);
  }

  async #fetch(id: WeightsId, marker: string, files: readonly WeightFile[]): Promise<void> {
    const { log, onFetched, modelsRoot } = this.#options;
    const start = performance.now();
    await mkdir(dirname(marker), { recursive: true });
    const hashes = await openFileHashes(modelsRoot);
    const fetched = await mapLimited(files, FETCHED_AT_ONCE, (file) => this.#fetchFile(file, hashes));
    const bytes = fetched.reduce((sum, one) => sum + one, 0);
    const before = await readMarker(marker);
    const after: Marker = { ...before };
    for (const { name, path, bytes, sha256 } of files)
      after[name] = { bytes, sha256, modifiedMs: (await stat(path)).mtimeMs };
    await writeWhole(marker, JSON.stringify(after));
    const seconds = (performance.now() - start) / 1000;
    log.info('weights:fetched', { set: id, files: files.length, bytes, seconds });
    if (bytes > 0) onFetched?.({ seconds, bytes });
  }

  /** Bytes that were fetched: none when the file is there already. A file that came damaged is fetched once more. */
  async #fetchFile(file: WeightFile, hashes: FileHashes): Promise<number> {
    const { path, key, name, bytes, sha256 } = file;
    const present = await stat(path).catch(() => null);
    if (present?.size === bytes && (await hashes.hash(path, { fresh: true })).sha256 === sha256) return 0;
    await mkdir(dirname(path), { recursive: true });
    for (let tries = 1; ; tries += 1) {
      const found = await this.#download(key, path, sha256);
      if (found === sha256) return tries * bytes;
      this.#options.log.warn('weights:corrupt', { file: name, sha256: found });
      if (tries === 2) throw corrupt(name, found);
    }
  }

  /** The checksum of what came; it becomes the file only when it is the one that was to come. */
  async #download(key: string, path: string, sha256: string): Promise<string> {
    const partial = `${path}.${randomUUID()}.partial`;
    const hash = createHash('sha256');
    try {
      const chunks = await this.#options.store.stream(key).catch((thrown: unknown) => {
        throw isNotFound(thrown) ? notInBucket(key) : thrown;
      });
      const hashed = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
        for await (const chunk of source) {
          hash.update(chunk);
          yield chunk;
        }
      };
      await pipeline(chunks, hashed, createWriteStream(partial, { flags: 'wx' }));
      const found = hash.digest('hex');
      if (found === sha256) await rename(partial, path);
      return found;
    } finally {
      await rm(partial, { force: true });
    }
  }
}

const RELATIVE = { nnunetV1: 'nnunet_v1', totalSegmentator: 'totalseg' } as const;

/** The files of a set that a run with these folds reads, and the folder of their trainer. */
function filesIn(
  { sets }: WeightsManifest,
  id: WeightsId,
  {
    model,
    folds,
    root,
  }: { readonly model: ModelId; readonly folds: readonly number[]; readonly root: string },
): { readonly folder: string; readonly files: readonly WeightFile[] } {
  const set = weightSet(id);
  const listed = sets[id]?.files ?? {};
  const names = filesOf(set, folds);
  const folders = setFolders(set, RELATIVE);
  const relative = folders.find((folder) => listed[join(folder, names[0]!)] !== undefined);
  if (relative === undefined) throw notPushed(model, set.title);
  const files = names.map((name) => {
    const facts = listed[join(relative, name)];
    if (facts === undefined) throw notPushed(model, `${set.title}, ${name},`);
    const path = join(root, relative, name);
    return { name, path, key: `${MODELS_PREFIX}${join(relative, name)}`, ...facts };
  });
  return { folder: join(root, relative), files };
}

/** Whether the marker has all files as they are wanted, and nothing has touched them since. */
async function isComplete(marker: string, files: readonly WeightFile[]): Promise<boolean> {
  const verified = await readMarker(marker);
  for (const { name, path, sha256 } of files) {
    const known = verified[name];
    if (known?.sha256 !== sha256) return false;
    const present = await stat(path).catch(() => null);
    if (present?.size !== known.bytes || present.mtimeMs !== known.modifiedMs) return false;
  }
  return true;
}

async function readMarker(path: string): Promise<Marker> {
  try {
    return markerSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return {};
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  await writeFile(partial, text);
  await rename(partial, path);
}

const isNotFound = (thrown: unknown): boolean =>
  thrown instanceof HpbError && thrown.code === 'OBJECT_NOT_FOUND';

const PUSH = 'Whoever runs the service pushes them with `hpb models push`; then retry the job.';

function noManifest(): HpbError {
  return new HpbError('WEIGHTS_MISSING', 'No weights have been pushed to this deployment yet.', {
    remedy: PUSH,
  });
}

function notPushed(model: ModelId, what: string): HpbError {
  return new HpbError('WEIGHTS_MISSING', `${model} needs the weights of ${what} which were never pushed.`, {
    remedy: PUSH,
    details: { model },
  });
}

function onlyDemo(model: ModelId): HpbError {
  return new HpbError('WEIGHTS_MISSING', `${model} needs real weights; only demo networks were pushed.`, {
    remedy: `${PUSH} HPB_WEIGHTS=auto lets workers run what was pushed.`,
    details: { model },
  });
}

function notInBucket(key: string): HpbError {
  return new HpbError(
    'WEIGHTS_MISSING',
    'A file of the weights is not in its bucket, though its manifest is.',
    {
      remedy: PUSH,
      details: { key },
    },
  );
}

function corrupt(name: string, sha256: string): HpbError {
  return new HpbError(
    'WEIGHTS_CORRUPT',
    `${name} of the weights is not what its manifest says: sha256 ${sha256}.`,
    {
      remedy: PUSH,
      details: { file: name },
    },
  );
}
