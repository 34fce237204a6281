import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  copyFileSync,
  fdatasync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFile,
  readFileSync,
  renameSync,
  writeFile,
  writeFileSync,
} from 'node:fs';
import { copyFile, lstat, open, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { mapLimited } from '../core/map-limited.ts';
import type { ByteRange, FileWrite, ObjectFacts, ObjectStore, WriteCondition } from '../core/ports.ts';
import { FileCommit, factsOf, fileStats } from './file-commit.ts';
import { fileError, outputError } from './file-error.ts';
import { FileStoreKeys, isKey, type StoreAccess } from './file-store-keys.ts';
import { foldersBelow, foldersOf, walkKeys } from './file-store-walk.ts';
import { objectChanged, objectNotFound, requireRange } from './store-errors.ts';
import { requireFile, WatchedSource } from './store-sources.ts';

const CHUNK_BYTES = 256 * 1024;
/** Up to here a file is read, written or copied in one synchronous call, faster than the thread pool could be asked to. */
const SMALL_BYTES = 64 * 1024;
const dataSync = promisify(fdatasync);
const readWhole: (file: number) => Promise<Buffer> = promisify(readFile);
const writeWhole: (file: number, body: string | Uint8Array) => Promise<void> = promisify(writeFile);
const PARALLEL = 16;

/**
 * Objects as files below a folder, which is made at the first write. Keys are relative paths of plain segments; any
 * other key is `OBJECT_NOT_FOUND`, so nothing outside the folder can be reached. Files are copied in and out (as
 * clones where the file system can), unless given up: a caller who edits his copy does not edit the object. Several
 * processes may use one folder at once. An object's bytes are on the disk before it appears, so that neither a killed
 * process nor a power cut leaves a torn one. Throws `DISK_FULL` and `OUTPUT_UNWRITABLE` on writing.
 */
export class FileObjectStore implements ObjectStore {
  readonly #keys: FileStoreKeys;
  readonly #commit: FileCommit;

  constructor(root: string, access: StoreAccess = {}) {
    this.#keys = new FileStoreKeys(root, access);
    this.#commit = new FileCommit(this.#keys);
  }

  async put(key: string, body: string | Uint8Array, condition?: WriteCondition): Promise<ObjectFacts> {
    return this.#write(key, condition, (partial) =>
      withFile(partial, 'wx', async (file) => {
        if (body.length <= SMALL_BYTES) writeFileSync(file, body);
        else await writeWhole(file, body);
        // An empty file has nothing to lose.
        if (body.length > 0) await dataSync(file);
      }),
    );
  }

  async putFile(
    key: string,
    path: string,
    { givenUp = false, ...condition }: FileWrite = {},
  ): Promise<ObjectFacts> {
    const taken = givenUp ? await this.#take(key, path, condition) : null;
    if (taken !== null) return taken;
    return this.#write(key, condition, async (partial) => {
      await clone(path, partial, requireFile(path));
      await withFile(partial, 'r+', dataSync);
    });
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    condition?: WriteCondition,
  ): Promise<ObjectFacts> {
    const source = new WatchedSource(chunks);
    return this.#write(key, condition, (partial) => writeStream(partial, source)).catch((error: unknown) => {
      throw source.failure === null ? error : source.failure.error;
    });
  }

  async get(key: string): Promise<Uint8Array> {
    return (await this.read(key)).body;
  }

  async read(key: string): Promise<{ readonly body: Uint8Array; readonly facts: ObjectFacts }> {
    const path = this.#keys.pathOf(key);
    try {
      return await withFile(path, 'r', async (file) => {
        const facts = factsOf(key, fstatSync(file, { bigint: true }));
        return { body: facts.bytes <= SMALL_BYTES ? readFileSync(file) : await readWhole(file), facts };
      });
    } catch (error) {
      throw readError(key, error);
    }
  }

  async stream(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    const facts = await this.head(key);
    if (facts === null) throw objectNotFound(key);
    if (range !== undefined) requireRange(range, facts.bytes);
    return this.#chunks(facts, range);
  }

  async getFile(key: string, path: string): Promise<void> {
    const source = this.#keys.pathOf(key);
    const partial = `${path}.${randomUUID()}.partial`;
    try {
      const facts = await this.head(key);
      if (facts === null) throw objectNotFound(key);
      mkdirSync(dirname(path), { recursive: true });
      await clone(source, partial, facts.bytes);
      renameSync(partial, path);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }

  async copy(from: string, to: string): Promise<ObjectFacts> {
    const source = this.#keys.pathOf(from);
    return this.#write(to, undefined, async (partial) => {
      const facts = await this.head(from);
      if (facts === null) throw objectNotFound(from);
      await clone(source, partial, facts.bytes);
      await withFile(partial, 'r+', dataSync);
    });
  }

  async head(key: string): Promise<ObjectFacts | null> {
    const path = this.#keys.pathOf(key);
    try {
      const stats = fileStats(path);
      return stats === null ? null : factsOf(key, stats);
    } catch (error) {
      throw fileError(error);
    }
  }

  async list(
    prefix: string,
    page: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<readonly ObjectFacts[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '' && !isKey(folder.slice(0, -1))) return [];
    const limit = page.limit ?? Infinity;
    const found: ObjectFacts[] = [];
    try {
      for await (const key of walkKeys(this.#keys.root, { prefix, after: page.after ?? '' })) {
        if (found.length >= limit) break;
        const facts = isKey(key) ? await this.head(key) : null;
        // Null: removed while we listed.
        if (facts !== null) found.push(facts);
      }
    } catch (error) {
      throw fileError(error);
    }
    return found;
  }

  async remove(key: string): Promise<void> {
    await this.#remove(key);
  }

  async removeAll(prefix: string): Promise<{ readonly objects: number; readonly bytes: number }> {
    const found = await this.list(prefix);
    const removed = await mapLimited(found, PARALLEL, async (facts) =>
      (await this.#remove(facts.key)) ? facts : null,
    );
    const below = isKey(prefix.slice(0, -1)) ? await foldersBelow(this.#keys.root, prefix) : [];
    const folders = new Set([...below, ...found.flatMap(({ key }) => foldersOf(key, prefix))]);
    // Deepest first; a folder that was written to meanwhile is not empty and stays.
    for (const folder of [...folders].sort((a, b) => b.length - a.length))
      await rmdir(join(this.#keys.root, folder)).catch(() => undefined);
    const gone = removed.filter((facts) => facts !== null);
    return { objects: gone.length, bytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  /** Removes what writers left behind that were killed more than `olderThanMs` ago. */
  async removeUnfinished(olderThanMs: number): Promise<void> {
    for (const folder of [this.#keys.partial, this.#keys.locks]) {
      for (const name of await readdir(folder).catch((): string[] => [])) {
        const path = join(folder, name);
        // Locks of a full disk are links that lead nowhere.
        const stats = await lstat(path).catch(() => null);
        if (stats !== null && Date.now() - stats.mtimeMs > olderThanMs)
          await rm(path, { recursive: true, force: true });
      }
    }
  }

  async #remove(key: string): Promise<boolean> {
    return this.#commit.remove(key).catch((error: unknown) => {
      throw outputError(error);
    });
  }

  /** Opened only when somebody reads, so that a stream which nobody reads holds nothing. */
  async *#chunks(facts: ObjectFacts, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
    const { key } = facts;
    const file = await open(this.#keys.pathOf(key)).catch((error: unknown) => {
      throw readError(key, error);
    });
    try {
      if (factsOf(key, await file.stat({ bigint: true })).tag !== facts.tag) throw objectChanged(key);
      if (facts.bytes === 0) return;
      if (facts.bytes <= SMALL_BYTES)
        yield readFileSync(file.fd).subarray(
          range?.start,
          range?.end === undefined ? undefined : range.end + 1,
        );
      else yield* file.createReadStream({ ...range, highWaterMark: CHUNK_BYTES, autoClose: false });
    } catch (error) {
      throw readError(key, error);
    } finally {
      await file.close();
    }
  }

  /** Makes the file itself the object; null for what can only be copied: from another disk, by a link, or no file. */
  async #take(key: string, path: string, condition: WriteCondition): Promise<ObjectFacts | null> {
    this.#keys.pathOf(key);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return null;
    try {
      await withFile(path, 'r+', dataSync);
      return await this.#commit.commit(path, key, condition);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EXDEV') return null;
      throw outputError(error);
    }
  }

  async #write(
    key: string,
    condition: WriteCondition | undefined,
    fill: (partial: string) => Promise<void>,
  ): Promise<ObjectFacts> {
    this.#keys.pathOf(key);
    const partial = join(this.#keys.partial, randomUUID());
    try {
      mkdirSync(this.#keys.partial, { recursive: true, mode: this.#keys.mode });
      await fill(partial);
      return await this.#commit.commit(partial, key, condition);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }
}

async function writeStream(partial: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(partial, 'wx');
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function withFile<T>(path: string, flags: string, work: (file: number) => Promise<T>): Promise<T> {
  const file = openSync(path, flags);
  try {
    return await work(file);
  } finally {
    closeSync(file);
  }
}

async function clone(from: string, to: string, bytes: number): Promise<void> {
  const how = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
  if (bytes <= SMALL_BYTES) copyFileSync(from, to, how);
  else await copyFile(from, to, how);
}

function readError(key: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR'
    ? objectNotFound(key, error)
    : fileError(error);
}
