import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asHpbError, type ErrorDocument } from '../../core/errors.ts';

/** A file that lies in the folder and has come to rest. */
export interface DroppedFile {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  /** The same for the same version of the same file, whatever process asks. */
  readonly version: string;
}

export interface IngestFolderOptions {
  /** Files dropped here are taken. */
  readonly folder: string;
  /** Where files go that cannot be used, with `<name>.reason.json` beside them. */
  readonly rejected: string;
  /** Makes a job of a file, the same job for the same version; throws what is wrong with it. */
  readonly take: (file: DroppedFile) => Promise<void>;
  /** Whether an error says that the file is bad; others leave it where it is, for the next round. */
  readonly isFinal: (error: ErrorDocument) => boolean;
  /** Size and time of a file have to stay the same for so long, ms. */
  readonly restMs?: number;
}

const REST_MS = 2000;
/** Names under which programs write what is not finished. */
const UNFINISHED = /^\.|\.(part|partial|tmp|crdownload|filepart)$/i;

/**
 * A drop box: what lies in the folder, and has come to rest, becomes a job and is removed once the job is accepted.
 * Folders in it are left alone.
 */
export class IngestFolder {
  readonly #options: IngestFolderOptions;
  readonly #seen = new Map<string, { readonly version: string; readonly sinceMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();

  constructor(options: IngestFolderOptions) {
    this.#options = options;
  }

  /** Makes the folders and looks every `everyMs` from now on. */
  async start(everyMs: number): Promise<void> {
    await mkdir(this.#options.folder, { recursive: true });
    await mkdir(this.#options.rejected, { recursive: true });
    const again = (): void => {
      this.#round = this.look()
        .catch(() => undefined)
        .finally(() => {
          if (this.#timer !== undefined) this.#timer = setTimeout(again, everyMs);
        });
    };
    this.#timer = setTimeout(again, 0);
  }

  /** No further look; one that goes on is waited for. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#round;
  }

  /** Takes every file that has come to rest since an earlier look. */
  async look(): Promise<void> {
    const files = await this.#files();
    for (const name of this.#seen.keys())
      if (!files.some((file) => file.name === name)) this.#seen.delete(name);
    for (const file of files) {
      const { restMs = REST_MS } = this.#options;
      const before = this.#seen.get(file.name);
      const now = performance.now();
      if (before?.version !== file.version)
        this.#seen.set(file.name, { version: file.version, sinceMs: now });
      else if (now - before.sinceMs >= restMs) await this.#take(file);
    }
  }

  async #files(): Promise<readonly DroppedFile[]> {
    const { folder } = this.#options;
    const entries = await readdir(folder, { withFileTypes: true });
    const files: DroppedFile[] = [];
    for (const entry of entries) {
      if (!entry.isFile() || UNFINISHED.test(entry.name)) continue;
      const file = await droppedFile(folder, entry.name);
      // Null: taken away while we looked.
      if (file !== null) files.push(file);
    }
    return files.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #take(file: DroppedFile): Promise<void> {
    try {
      await this.#options.take(file);
    } catch (thrown) {
      const error = asHpbError(thrown).toDocument();
      if (this.#options.isFinal(error) && (await this.#isThere(file))) await this.#reject(file, error);
      return;
    }
    if (await this.#isThere(file)) await rm(file.path, { force: true });
  }

  /** Not when another one has taken its place meanwhile, which the next look finds. */
  async #isThere({ name, version }: DroppedFile): Promise<boolean> {
    return (await droppedFile(this.#options.folder, name))?.version === version;
  }

  async #reject(file: DroppedFile, error: ErrorDocument): Promise<void> {
    const place = await freePlace(this.#options.rejected, file.name);
    // The reason first: a file without one would be a riddle.
    await writeFile(`${place}.reason.json`, `${JSON.stringify(error, null, 2)}\n`);
    await rename(file.path, place).catch(async () => {
      // Another disk.
      await copyFile(file.path, place, constants.COPYFILE_FICLONE);
      await rm(file.path);
    });
  }
}

async function droppedFile(folder: string, name: string): Promise<DroppedFile | null> {
  const path = join(folder, name);
  const facts = await stat(path, { bigint: true }).catch(() => null);
  if (facts === null) return null;
  return { path, name, bytes: Number(facts.size), version: `${facts.ino}-${facts.size}-${facts.mtimeNs}` };
}

/** A path for a file, `name` or `name.2`, `name.3`, …: an earlier one of that name, and its reason, stay. */
async function freePlace(folder: string, name: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  for (let count = 1; ; count++) {
    const free = count === 1 ? name : `${name}.${count}`;
    if (!taken.has(free) && !taken.has(`${free}.reason.json`)) return join(folder, free);
  }
}
