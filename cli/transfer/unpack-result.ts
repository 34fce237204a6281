import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { outputError } from '../../adapters/file-error.ts';
import { HpbError } from '../../core/errors.ts';

/**
 * Unpacks a result ZIP into a folder beside it that bears its name without `.zip`, in place of what an earlier call
 * unpacked there. The folder appears whole or not at all.
 *
 * @returns the folder.
 * @throws HpbError OBJECT_CHECKSUM_MISMATCH when the archive is damaged or names a place outside of the folder,
 * OUTPUT_UNWRITABLE when the folder holds something that is not of the result; then nothing is changed.
 */
export async function unpackResult(zip: string): Promise<string> {
  const folder = zip.replace(/\.zip$/i, '');
  const building = join(dirname(zip), `.hpb-${randomUUID()}`);
  try {
    await mkdir(join(building, 'new'), { recursive: true });
    await extract(zip, join(building, 'new'));
    await requireNothingElse(folder, join(building, 'new'));
    // A folder cannot be renamed onto one that holds something: the old one steps aside first.
    await rename(folder, join(building, 'old')).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(join(building, 'new'), folder);
    return folder;
  } catch (error) {
    throw outputError(error);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}

/** What is replaced is gone: only files of names that the result has may be. */
async function requireNothingElse(folder: string, unpacked: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const foreign = entries.find((name) => !existsSync(join(unpacked, name)));
  if (foreign === undefined) return;
  throw new HpbError(
    'OUTPUT_UNWRITABLE',
    `${folder} holds ${foreign}, which is not of this result. Nothing was changed.`,
    { remedy: 'Choose another folder with --out, or move what is there elsewhere.' },
  );
}

async function extract(zip: string, folder: string): Promise<void> {
  let archive: ZipFile | undefined;
  try {
    archive = await openPromise(zip, { validateEntrySizes: true });
    // yauzl refuses absolute names, `..` and backslashes itself.
    for await (const entry of archive.eachEntry()) await extractEntry(archive, entry, folder);
  } catch (error) {
    const isOfTheDisk = /^E(?!RR_)/.test((error as NodeJS.ErrnoException).code ?? '');
    if (error instanceof HpbError || isOfTheDisk) throw error;
    throw damaged();
  } finally {
    archive?.close();
  }
}

async function extractEntry(archive: ZipFile, entry: Entry, folder: string): Promise<void> {
  const path = join(folder, entry.fileName);
  if (entry.fileName.endsWith('/')) {
    await mkdir(path, { recursive: true });
    return;
  }
  await mkdir(dirname(path), { recursive: true });
  let sum = 0;
  async function* summed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      sum = crc32(chunk, sum);
      yield chunk;
    }
  }
  await pipeline(await archive.openReadStreamPromise(entry), summed, createWriteStream(path));
  if (sum !== entry.crc32) throw damaged();
}

const damaged = (): HpbError =>
  new HpbError('OBJECT_CHECKSUM_MISMATCH', 'The fetched archive cannot be unpacked: it is damaged.', {
    remedy: 'Remove it, fetch it again, and report it if that does not help.',
  });
