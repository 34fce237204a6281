import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { fileError, outputError } from '../../adapters/file-error.ts';
import { makeFolder } from '../../adapters/make-folder.ts';

const uploadRecord = z.object({
  layoutVersion: z.literal(1),
  /** Null until the service has opened the upload. */
  uploadId: z.string().nullable(),
  /** Random; makes one job of all tries to start it. */
  token: z.string(),
});

/** What is remembered of a submission until its job has begun, so that the same command goes on with it. */
export type UploadRecord = z.infer<typeof uploadRecord>;

/** Records of submissions under way: small files in a folder of the data root, none of which holds a file name. */
export interface UploadRecords {
  /** What an interrupted command has left, or a new record. */
  load(key: string): Promise<UploadRecord>;
  save(key: string, record: UploadRecord): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Nothing that a service still has is older. */
const KEPT_MS = 30 * 24 * 3_600_000;

/** Opens the records below `folder` and forgets old ones. Writing throws DISK_FULL or OUTPUT_UNWRITABLE. */
export async function openUploadRecords(folder: string): Promise<UploadRecords> {
  await removeOld(folder);
  const pathOf = (key: string): string => join(folder, `${key}.json`);
  return {
    async load(key) {
      try {
        return uploadRecord.parse(JSON.parse(await readFile(pathOf(key), 'utf8')));
      } catch {
        return { layoutVersion: 1, uploadId: null, token: randomUUID() };
      }
    },
    async save(key, record) {
      const partial = join(folder, `${key}.${randomUUID()}.partial`);
      try {
        await makeFolder(folder);
        await writeFile(partial, JSON.stringify(record));
        await rename(partial, pathOf(key));
      } catch (error) {
        await rm(partial, { force: true }).catch(() => undefined);
        throw outputError(error);
      }
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

/**
 * What tells one submission from another: the file as it is now (place, size, time of change) and the service.
 *
 * @throws HpbError INPUT_* when the file is not there.
 */
export async function uploadKey(path: string, endpoint: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
    return createHash('sha256').update([endpoint, dev, ino, size, mtimeNs].join('\n')).digest('hex');
  } catch (error) {
    throw fileError(error);
  }
}

/** Removes files that nobody has touched for a month; a folder that cannot be read holds none. */
export async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => null);
    if (facts !== null && Date.now() - facts.mtimeMs > KEPT_MS)
      await rm(path, { force: true, recursive: true });
  }
}
