import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UploadedPart } from '../core/ports.ts';
import { factsOf, fileStats } from './file-commit.ts';
import { outputError } from './file-error.ts';
import { FileStoreKeys } from './file-store-keys.ts';
import { releaseChunk } from './release-chunk.ts';
import { multipartNotFound, partsIncomplete } from './store-errors.ts';

const UPLOAD = 'upload.json';
const PART = /^part-(\d{5})$/;
const partName = (part: number): string => `part-${String(part).padStart(5, '0')}`;

/** Uploads in parts as folders beside the objects of a `FileObjectStore`; they outlive a restart. */
export class FileMultipart {
  readonly #keys: FileStoreKeys;

  /** @param root Folder of the store. */
  constructor(root: string) {
    this.#keys = new FileStoreKeys(root);
  }

  /** Begins an upload and returns its id. Throws `OBJECT_NOT_FOUND` for a key that the store cannot have. */
  async start(key: string): Promise<string> {
    this.#keys.pathOf(key);
    const id = randomUUID();
    try {
      await mkdir(join(this.#keys.multipart, id), { recursive: true, mode: this.#keys.mode });
      await writeFile(join(this.#keys.multipart, id, UPLOAD), JSON.stringify({ key }));
    } catch (error) {
      throw outputError(error);
    }
    return id;
  }

  /** Stores a part of exactly what `chunks` yields, in place of an earlier one. Returns its tag. */
  async putPart(key: string, id: string, part: number, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    const folder = await this.#folder(key, id);
    const partial = join(this.#keys.partial, randomUUID());
    try {
      await mkdir(this.#keys.partial, { recursive: true, mode: this.#keys.mode });
      const file = await open(partial, 'wx');
      try {
        for await (const chunk of chunks) await file.writeFile(chunk);
        await file.datasync();
      } finally {
        await file.close();
      }
      const tag = factsOf(key, await stat(partial, { bigint: true })).tag;
      await rename(partial, join(folder, partName(part))).catch((error: NodeJS.ErrnoException) => {
        // Aborted or completed while we wrote.
        throw error.code === 'ENOENT' ? multipartNotFound(error) : error;
      });
      return tag;
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }

  /** Parts that have arrived, in order. Throws `UPLOAD_NOT_FOUND`. */
  async list(key: string, id: string): Promise<readonly UploadedPart[]> {
    const folder = await this.#folder(key, id);
    const names = await readdir(folder).catch((error: unknown) => {
      throw multipartNotFound(error);
    });
    const parts: UploadedPart[] = [];
    for (const name of names.sort()) {
      const number = PART.exec(name)?.[1];
      const stats = number === undefined ? null : fileStats(join(folder, name));
      if (stats !== null) {
        const { bytes, tag } = factsOf(key, stats);
        parts.push({ part: Number(number), bytes, tag });
      }
    }
    return parts;
  }

  /**
   * The bytes of `parts`, one after the other. A chunk is good until the next one is asked for.
   *
   * @throws HpbError UPLOAD_NOT_FOUND, also while they are read; UPLOAD_INCOMPLETE when a part is not there, or not the one that is meant.
   */
  async joined(key: string, id: string, parts: readonly UploadedPart[]): Promise<AsyncIterable<Uint8Array>> {
    const arrived = new Map((await this.list(key, id)).map((one) => [one.part, one]));
    if (parts.length === 0) throw partsIncomplete('none was given');
    parts.forEach(({ part, tag }, index) => {
      if (index > 0 && parts[index - 1]!.part >= part) throw partsIncomplete(`part ${part} is out of order`);
      if (arrived.get(part)?.tag !== tag) throw partsIncomplete(`part ${part} has not arrived as given`);
    });
    return readAll(parts.map(({ part }) => join(this.#keys.multipart, id, partName(part))));
  }

  /** Forgets an upload with its parts; an unknown one is no error. */
  async remove(key: string, id: string): Promise<void> {
    const folder = await this.#folder(key, id).catch(() => null);
    if (folder !== null) await this.#discard(folder);
  }

  /** Forgets uploads that nobody has brought a part to for `olderThanMs`. Returns how many. */
  async removeStale(olderThanMs: number): Promise<number> {
    let removed = 0;
    for (const id of await readdir(this.#keys.multipart).catch((): string[] => [])) {
      const folder = join(this.#keys.multipart, id);
      const at = await lastChange(folder);
      if (at === null || Date.now() - at <= olderThanMs) continue;
      await this.#discard(folder);
      removed += 1;
    }
    return removed;
  }

  /** When the last part arrived, or the upload began, ms since 1970; null for an unknown one. */
  async lastPartAt(key: string, id: string): Promise<number | null> {
    const folder = await this.#folder(key, id).catch(() => null);
    return folder === null ? null : lastChange(folder);
  }

  /** Moved away first, so that a part which arrives now finds nothing to be put into. */
  async #discard(folder: string): Promise<void> {
    const aside = join(this.#keys.partial, randomUUID());
    try {
      await mkdir(this.#keys.partial, { recursive: true, mode: this.#keys.mode });
      await rename(folder, aside);
      await rm(aside, { recursive: true, force: true });
    } catch (error) {
      // Somebody else was first.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw outputError(error);
    }
  }

  async #folder(key: string, id: string): Promise<string> {
    if (!/^[0-9a-f-]{36}$/.test(id)) throw multipartNotFound();
    const folder = join(this.#keys.multipart, id);
    const text = await readFile(join(folder, UPLOAD), 'utf8').catch((error: unknown) => {
      throw multipartNotFound(error);
    });
    if ((JSON.parse(text) as { key: string }).key !== key) throw multipartNotFound();
    return folder;
  }
}

/** The time of its folder is that of the last part: each is moved into it. */
async function lastChange(folder: string): Promise<number | null> {
  return stat(folder).then(
    ({ mtimeMs }) => Math.floor(mtimeMs),
    () => null,
  );
}

async function* readAll(paths: readonly string[]): AsyncGenerator<Uint8Array> {
  try {
    for (const path of paths)
      for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
        yield chunk;
        releaseChunk(chunk);
      }
  } catch (error) {
    // Somebody else has completed or aborted the upload meanwhile.
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? multipartNotFound(error) : error;
  }
}
