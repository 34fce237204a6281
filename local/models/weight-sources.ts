import { createReadStream } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { openPromise, type ZipFile } from 'yauzl';
import { HpbError } from '../../core/errors.ts';

/** A regular file of a folder or archive. */
export interface SourceFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly bytes: number;
  /** Checksum as the archive states it; null for a file of a folder. */
  readonly crc32: number | null;
  /** Opens its content; an archive's member that is longer than it says ends with an error. */
  readonly read: () => Promise<Readable>;
}

/** A folder or archive that may hold weights. */
export interface WeightSource {
  readonly isFolder: boolean;
  readonly files: readonly SourceFile[];
  close(): void;
}

const MAX_ENTRIES = 20_000;
const MAX_DEPTH = 10;
/** More than any weights ever gain by compression. */
const MAX_RATIO = 100;
const FREE_BYTES = 64 * 2 ** 20;

/**
 * Lists the files of a folder or of a ZIP.
 *
 * @throws HpbError WEIGHTS_ARCHIVE_INVALID for what is neither, for archives with members outside of it, links,
 * encryption, double names, or an unpacked size that no weights have, and for folders with too many files.
 */
export async function openWeightSource(path: string): Promise<WeightSource> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw invalid(`There is nothing at ${path}`);
  if (found.isDirectory()) {
    const files: SourceFile[] = [];
    await listFolder(path, '', files);
    return { isFolder: true, files, close: () => {} };
  }
  // To open a pipe would wait for its writer.
  if (!found.isFile()) throw noSource();
  return openZip(path, found.size);
}

const noSource = (cause?: unknown): HpbError =>
  invalid('The file is neither a folder nor a ZIP archive', cause);

async function listFolder(root: string, folder: string, files: SourceFile[]): Promise<void> {
  for (const name of (await readdir(join(root, folder))).toSorted()) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const facts = await lstat(join(root, path));
    if (facts.isDirectory() && path.split('/').length < MAX_DEPTH) await listFolder(root, path, files);
    else if (facts.isFile())
      files.push({
        path,
        bytes: facts.size,
        crc32: null,
        read: async () => createReadStream(join(root, path)),
      });
    if (files.length > MAX_ENTRIES) throw invalid(`The folder holds more than ${MAX_ENTRIES} files`);
  }
}

async function openZip(path: string, archiveBytes: number): Promise<WeightSource> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { autoClose: false, strictFileNames: true });
  } catch (cause) {
    throw noSource(cause);
  }
  try {
    if (zip.entryCount > MAX_ENTRIES) throw invalid(`The archive holds ${zip.entryCount} members`);
    const files = await listEntries(zip);
    const unpacked = files.reduce((sum, { bytes }) => sum + bytes, 0);
    if (unpacked > archiveBytes * MAX_RATIO + FREE_BYTES)
      throw invalid(`The archive of ${archiveBytes} bytes would unpack to ${unpacked} bytes`);
    return { isFolder: false, files, close: () => zip.close() };
  } catch (error) {
    zip.close();
    throw error;
  }
}

async function listEntries(zip: ZipFile): Promise<readonly SourceFile[]> {
  const files: SourceFile[] = [];
  const names = new Set<string>();
  try {
    for await (const entry of zip.eachEntry()) {
      const name = entry.fileName;
      if (name.endsWith('/')) continue;
      const kind = (entry.externalFileAttributes >>> 16) & 0o170000;
      if (kind !== 0 && kind !== 0o100000) throw invalid(`The archive holds a link or a device: ${name}`);
      if (entry.isEncrypted()) throw invalid('The archive is encrypted');
      if (names.has(name)) throw invalid(`The archive holds ${name} twice`);
      names.add(name);
      files.push({
        path: name,
        bytes: entry.uncompressedSize,
        crc32: entry.crc32,
        read: () => zip.openReadStreamPromise(entry),
      });
    }
  } catch (cause) {
    // yauzl refuses absolute names, `..` and backslashes itself.
    throw cause instanceof HpbError
      ? cause
      : invalid(`The archive is damaged or hostile: ${messageOf(cause)}`, cause);
  }
  return files;
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

/** The refusal of a source of weights. */
export function invalid(message: string, cause?: unknown): HpbError {
  return new HpbError('WEIGHTS_ARCHIVE_INVALID', `${message}.`, {
    remedy:
      'Give the ZIP as its publisher offers it (`hpb models list` shows the addresses), or a folder that holds ' +
      'DatasetNNN_… or Task008_HepaticVessel.',
    ...(cause === undefined ? {} : { cause }),
  });
}
