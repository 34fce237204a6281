import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { crc32 } from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { HpbError } from '../core/errors.ts';
import type { ReceiptFile } from '../core/results/receipt.ts';
import { fileError } from './file-error.ts';
import { noFileError } from './input-file.ts';

/** The files of a result: a ZIP, or a folder that one was unpacked to. */
export interface ResultPackage {
  /** In the order of their names. */
  readonly names: readonly string[];
  /** Reads a file of at most 64 MiB, or of `most` bytes. */
  read(name: string, most?: number): Promise<Buffer>;
  /** Size and checksum of a file. */
  hash(name: string): Promise<ReceiptFile>;
  close(): void;
}

const MOST_BYTES = 2 ** 26;

/**
 * Opens a result ZIP or folder for reading; nothing is unpacked.
 *
 * @throws HpbError INPUT_NOT_FOUND, INPUT_UNREADABLE; RESULT_UNREADABLE when it is neither.
 */
export async function openResultPackage(path: string): Promise<ResultPackage> {
  try {
    const kind = await stat(path);
    if (kind.isDirectory()) return await openFolder(path);
    if (!kind.isFile()) throw noFileError();
    return await openZip(path);
  } catch (error) {
    throw error instanceof HpbError ? error : fileError(error);
  }
}

type Chunks = AsyncIterable<Buffer>;

/** A package over something that can stream its files. */
function packageOf(
  names: readonly string[],
  open: (name: string) => Promise<Chunks>,
  close: () => void,
): ResultPackage {
  return {
    names: names.toSorted(),
    close,
    read: async (name, most = MOST_BYTES) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of await open(name)) {
        bytes += chunk.length;
        if (bytes > most) throw unreadable(`holds ${name} of more than ${most} bytes`);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
    hash: async (name) => {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of await open(name)) {
        hash.update(chunk);
        bytes += chunk.length;
      }
      return { name, bytes, sha256: hash.digest('hex') };
    },
  };
}

async function openFolder(folder: string): Promise<ResultPackage> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join('/'));
  return packageOf(
    names,
    async (name) => fileChunks(join(folder, name), name),
    () => undefined,
  );
}

async function* fileChunks(path: string, name: string): AsyncGenerator<Buffer> {
  try {
    // To open a pipe would wait for its writer.
    if (!(await stat(path)).isFile()) throw unreadable(`holds ${name}, which is no file`);
    yield* createReadStream(path) as Chunks;
  } catch (error) {
    if (error instanceof HpbError) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw unreadable(`holds ${name}, which cannot be read (${code})`, error);
  }
}

async function openZip(path: string): Promise<ResultPackage> {
  let zip: ZipFile;
  const entries = new Map<string, Entry>();
  try {
    zip = await openPromise(path, { validateEntrySizes: true, autoClose: false });
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      if (entries.has(entry.fileName)) throw unreadable(`holds ${entry.fileName} twice`);
      entries.set(entry.fileName, entry);
    }
  } catch (error) {
    const isOfTheDisk = /^E(?!RR_)/.test((error as NodeJS.ErrnoException).code ?? '');
    if (error instanceof HpbError || isOfTheDisk) throw error;
    throw unreadable('is no ZIP, or a damaged one', error);
  }
  return packageOf(
    [...entries.keys()],
    async (name) => checked(zip, entries.get(name)!),
    () => zip.close(),
  );
}

/** The content of a member, which ends in an error when it is not what the ZIP says. */
async function* checked(zip: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  let sum = 0;
  try {
    for await (const chunk of (await zip.openReadStreamPromise(entry)) as Chunks) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  } catch (cause) {
    throw unreadable(`holds a damaged ${entry.fileName}`, cause);
  }
  if (sum !== entry.crc32) throw unreadable(`holds a damaged ${entry.fileName}`);
}

function unreadable(what: string, cause?: unknown): HpbError {
  return new HpbError('RESULT_UNREADABLE', `The result ${what}.`, {
    remedy: 'Give a results ZIP of hpb, or the folder that one was unpacked to; fetch it again if it is one.',
    cause,
  });
}

/** One case of a result. */
export interface PackagedCaseFiles {
  /** Folder of the case in a batch, with a slash at its end; empty for the result of a single case. */
  readonly folder: string;
  /** Names below that folder. */
  readonly names: readonly string[];
}

/**
 * The cases of a result: that of one case, or one for each folder of a batch.
 *
 * @throws HpbError RESULT_UNREADABLE when there is no metadata.json, so that it is no result of ours.
 */
export function casesOf({ names }: Pick<ResultPackage, 'names'>): readonly PackagedCaseFiles[] {
  const folders = names.flatMap((name) =>
    /^(?:[^/]+\/)?metadata\.json$/.test(name) ? [name.slice(0, -'metadata.json'.length)] : [],
  );
  if (folders.length === 0) throw unreadable('holds no metadata.json');
  const cases = folders.includes('') ? [''] : folders;
  return cases.map((folder) => ({
    folder,
    names: names.filter((name) => name.startsWith(folder)).map((name) => name.slice(folder.length)),
  }));
}
