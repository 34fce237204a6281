import { randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { HpbError } from '../core/errors.ts';
import type { ObjectFacts, ObjectStore } from '../core/ports.ts';
import { fileError, outputError } from './file-error.ts';

/** Writes in progress, inside the root so that the last step is a rename. No key starts with a dot. */
const PARTIAL = '.partial';

/**
 * Objects as files below a folder, which is made at the first write. Keys are relative paths of plain segments; any
 * other key is `OBJECT_NOT_FOUND`, so nothing outside the folder can be reached. Files are copied in and out (as
 * clones where the file system can): a caller who edits his copy does not edit the object. Throws `DISK_FULL` and
 * `OUTPUT_UNWRITABLE` on writing.
 */
export class FileObjectStore implements ObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async put(key: string, body: string | Uint8Array): Promise<void> {
    await this.#write(key, (partial) => writeFile(partial, body, { flag: 'wx' }));
  }

  async putFile(key: string, path: string): Promise<void> {
    await this.#write(key, async (partial) => {
      const { isFile } = await stat(path).then(
        (facts) => ({ isFile: facts.isFile() }),
        (error: unknown) => {
          throw fileError(error);
        },
      );
      if (!isFile)
        throw new HpbError('INPUT_IS_FOLDER', 'A folder was to be stored as a file.', {
          remedy: 'Give a file.',
        });
      await clone(path, partial);
    });
  }

  async get(key: string): Promise<Uint8Array> {
    return readFile(this.#pathOf(key)).catch((error: unknown) => {
      throw missing(key, error);
    });
  }

  async getFile(key: string, path: string): Promise<void> {
    const source = this.#pathOf(key);
    const partial = `${path}.${randomUUID()}.partial`;
    try {
      if ((await this.head(key)) === null) throw notFound(key);
      await mkdir(dirname(path), { recursive: true });
      await clone(source, partial);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }

  async head(key: string): Promise<ObjectFacts | null> {
    const facts = await stat(this.#pathOf(key)).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw fileError(error);
    });
    return facts?.isFile() ? { key, bytes: facts.size } : null;
  }

  async list(prefix: string): Promise<readonly ObjectFacts[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    if (folder !== '' && !isKey(folder.slice(0, -1))) return [];
    const found: ObjectFacts[] = [];
    await this.#walk(folder, prefix, found);
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async remove(key: string): Promise<void> {
    await rm(this.#pathOf(key), { force: true }).catch((error: unknown) => {
      if (!isMissing(error)) throw outputError(error);
    });
  }

  async #walk(folder: string, prefix: string, found: ObjectFacts[]): Promise<void> {
    const entries = await readdir(join(this.#root, folder), { withFileTypes: true }).catch(
      (error: unknown) => {
        if (isMissing(error)) return [];
        throw fileError(error);
      },
    );
    for (const entry of entries) {
      const key = `${folder}${entry.name}`;
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory()) {
        if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`))
          await this.#walk(`${key}/`, prefix, found);
      } else if (entry.isFile() && key.startsWith(prefix)) {
        const facts = await this.head(key);
        // Removed while we listed.
        if (facts !== null) found.push(facts);
      }
    }
  }

  async #write(key: string, fill: (partial: string) => Promise<void>): Promise<void> {
    const target = this.#pathOf(key);
    const partial = join(this.#root, PARTIAL, randomUUID());
    try {
      await mkdir(join(this.#root, PARTIAL), { recursive: true });
      await mkdir(dirname(target), { recursive: true });
      await fill(partial);
      await rename(partial, target);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => undefined);
      throw outputError(error);
    }
  }

  #pathOf(key: string): string {
    if (!isKey(key)) throw notFound(key);
    return join(this.#root, ...key.split('/'));
  }
}

/** Segments that mean the same on every file system: no dots in front, no separators, no control characters. */
function isKey(key: string): boolean {
  return (
    key.length <= 1024 &&
    key.split('/').every((segment) => /^[A-Za-z0-9_][\w .@+=,()-]{0,254}$/.test(segment))
  );
}

async function clone(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
}

function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function missing(key: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  return isMissing(error) || code === 'EISDIR' ? notFound(key) : fileError(error);
}

function notFound(key: string): HpbError {
  return new HpbError('OBJECT_NOT_FOUND', `The store has no object ${JSON.stringify(key.slice(0, 200))}.`, {
    remedy: 'It was removed, or never written. Look at the job that it belongs to.',
  });
}
