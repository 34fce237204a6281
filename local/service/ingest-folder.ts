import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { cp, lstat, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import { asHpbError, type ErrorCode, type ErrorDocument } from '../../core/errors.ts';
import type { ZipMember } from '../../adapters/zip-archive.ts';
import type { Log } from '../../core/ports.ts';
import { READY_MARK, readyFolder, readyFolders, UNFINISHED } from './ready-folders.ts';

/** A file that lies in the folder and has come to rest, or a folder that is ready. */
export interface DroppedFile {
  readonly path: string;
  readonly name: string;
  /** Of a folder: its files. */
  readonly members?: readonly ZipMember[];
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
  /** Told why a file stays where it is, once for each reason. */
  readonly log: Pick<Log, 'warn'>;
  /** Size and time of a file have to stay the same for so long, ms. */
  readonly restMs?: number;
}

interface SeenFile {
  readonly version: string;
  readonly sinceMs: number;
  /** Why it was not taken, as the log was told. */
  readonly told?: ErrorCode;
  /** Whether it has become a job, and only its removal is left. */
  readonly taken?: boolean;
}

const REST_MS = 2000;
/** Of a name, on the file systems of Linux. */
const MAX_NAME_BYTES = 255;
const REASON = '.reason.json';

/**
 * A drop box: what lies in the folder, and has come to rest, becomes a job and is removed once the job is accepted.
 * Folders in it are left alone until `_READY` is in them.
 */
export class IngestFolder {
  readonly #options: IngestFolderOptions;
  readonly #seen = new Map<string, SeenFile>();
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
    await this.#rename();
    const files = await this.#files();
    for (const name of this.#seen.keys())
      if (!files.some((file) => file.name === name)) this.#seen.delete(name);
    for (const file of files) {
      const { restMs = REST_MS } = this.#options;
      const before = this.#seen.get(file.name);
      const now = performance.now();
      if (before?.version !== file.version)
        this.#seen.set(file.name, { version: file.version, sinceMs: now });
      else if (now - before.sinceMs >= restMs)
        await this.#take(file).catch((error) => this.#tell(file, error));
    }
  }

  /** A file that stays is tried again in every round, and those after it are none the worse for it. */
  #tell({ name }: DroppedFile, thrown: unknown): void {
    const { code } = asHpbError(thrown);
    const seen = this.#seen.get(name);
    if (seen === undefined || seen.told === code) return;
    this.#seen.set(name, { ...seen, told: code });
    this.#options.log.warn('ingest:failed', { code });
  }

  /** Gives files whose names are of another encoding than UTF-8, and cannot be told so, one that can. */
  async #rename(): Promise<void> {
    const { folder, restMs = REST_MS } = this.#options;
    const names = await readdir(folder, { encoding: 'buffer' });
    for (const raw of names.filter((name) => !isUtf8(name))) {
      const from = Buffer.concat([Buffer.from(`${folder}/`), raw]);
      const to = join(folder, plainName(raw));
      const facts = await lstat(from).catch(() => null);
      const rests = facts?.isFile() === true && Date.now() - facts.mtimeMs >= restMs;
      // One of that name is taken first.
      if (rests && (await lstat(to).catch(() => null)) === null)
        await rename(from, to).catch(() => undefined);
    }
  }

  async #files(): Promise<readonly DroppedFile[]> {
    const { folder } = this.#options;
    const entries = await readdir(folder, { withFileTypes: true });
    const files: DroppedFile[] = [];
    for (const entry of entries) {
      // Links too: nobody would be told otherwise that they are not taken.
      const isDrop = entry.isFile() || entry.isSymbolicLink();
      if (!isDrop || UNFINISHED.test(entry.name)) continue;
      const file = await droppedFile(folder, entry.name);
      // Null: taken away while we looked.
      if (file !== null) files.push(file);
    }
    files.push(...(await readyFolders(folder)));
    return files.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #take(file: DroppedFile): Promise<void> {
    const seen = this.#seen.get(file.name)!;
    try {
      if (seen.taken !== true) await this.#options.take(file);
      this.#seen.set(file.name, { ...seen, taken: true });
    } catch (thrown) {
      const error = asHpbError(thrown).toDocument();
      if (!this.#options.isFinal(error)) throw thrown;
      if (await this.#isThere(file)) await this.#reject(file, error);
      return;
    }
    if (await this.#isThere(file)) await written(removeDrop(file));
  }

  /** Not when another one has taken its place meanwhile, which the next look finds. */
  async #isThere({ name, version, members }: DroppedFile): Promise<boolean> {
    const { folder } = this.#options;
    const now = await (members === undefined
      ? droppedFile(folder, name)
      : readyFolder(folder, name, members));
    return now?.version === version;
  }

  async #reject(file: DroppedFile, error: ErrorDocument): Promise<void> {
    const place = await written(freePlace(this.#options.rejected, file.name.replaceAll('/', '-')));
    // The reason first: a file without one would be a riddle.
    await written(writeFile(`${place}${REASON}`, `${JSON.stringify(error, null, 2)}\n`));
    await rename(file.path, place).catch(async () => {
      // Another disk.
      await written(cp(file.path, place, { recursive: true, mode: constants.COPYFILE_FICLONE }));
      await written(rm(file.path, { recursive: true }));
    });
  }
}

/** Of a folder what was taken, and the folder where nothing else has come into it. */
async function removeDrop({ path, members }: DroppedFile): Promise<void> {
  if (members === undefined) return rm(path, { force: true });
  // First: without it what cannot be removed is not taken once more.
  await rm(join(path, READY_MARK), { force: true });
  for (const member of members) await rm(member.path, { force: true });
  const folders = new Set(members.map((member) => dirname(member.path)));
  // Deepest first.
  for (const folder of [...folders, path].sort((a, b) => b.length - a.length))
    await rmdir(folder).catch(() => undefined);
}

async function written<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw outputError(error);
  });
}

async function droppedFile(folder: string, name: string): Promise<DroppedFile | null> {
  const path = join(folder, name);
  const facts = await lstat(path, { bigint: true }).catch(() => null);
  if (facts === null) return null;
  return { path, name, bytes: Number(facts.size), version: `${facts.ino}-${facts.size}-${facts.mtimeNs}` };
}

/**
 * A path for a file, `name` or `name.2`, `name.3`, …: an earlier one of that name, and its reason, stay. A name is cut
 * when that of the reason would be too long.
 */
async function freePlace(folder: string, name: string): Promise<string> {
  const taken = new Set(await readdir(folder));
  for (let count = 1; ; count++) {
    const end = count === 1 ? '' : `.${count}`;
    const free = `${cut(name, MAX_NAME_BYTES - Buffer.byteLength(`${end}${REASON}`))}${end}`;
    if (!taken.has(free) && !taken.has(`${free}${REASON}`)) return join(folder, free);
  }
}

/** The name that these bytes are in Latin-1, as old systems write them; with a line for each strange one if that is too long. */
function plainName(raw: Buffer): string {
  const name = raw.toString('latin1');
  return Buffer.byteLength(name) <= MAX_NAME_BYTES ? name : name.replaceAll(/[\x80-\xff]/g, '_');
}

/** The beginning of a name that fits in so many bytes; no letter is cut in two. */
function cut(name: string, maxBytes: number): string {
  const letters = Array.from(name);
  while (Buffer.byteLength(letters.join('')) > maxBytes) letters.pop();
  return letters.join('');
}
