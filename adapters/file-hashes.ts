import { randomUUID } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { sha256OfFile } from './sha256-of-file.ts';

/** Size and checksum of a file. */
export interface FileHash {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const indexSchema = z.record(
  z.string(),
  z.object({ bytes: z.number(), modifiedMs: z.number(), sha256: z.string() }),
);

/** Checksums of large files, remembered by path, size and time of change. */
export interface FileHashes {
  /** The checksum of a file; the file is read only when it changed since the last time, or with `fresh`. */
  hash(path: string, options?: { readonly fresh: boolean }): Promise<FileHash>;
  /** Writes what was learned. A data root that cannot be written costs time at the next start, nothing else. */
  save(): Promise<void>;
}

/** Opens the index `weights-sha256.json` of a data root; the folders of the hashed files are never written. */
export async function openFileHashes(dataRoot: string): Promise<FileHashes> {
  const indexFile = join(dataRoot, 'weights-sha256.json');
  const learned: z.infer<typeof indexSchema> = {};
  const known = readIndex(indexFile);
  return {
    async hash(path, options) {
      const real = realpathSync.native(path);
      const { size, mtimeMs } = statSync(real);
      const entry = known[real];
      if (options?.fresh !== true && entry?.bytes === size && entry.modifiedMs === mtimeMs)
        return { bytes: size, sha256: entry.sha256 };
      const sha256 = await sha256OfFile(real);
      known[real] = { bytes: size, modifiedMs: mtimeMs, sha256 };
      learned[real] = known[real];
      return { bytes: size, sha256 };
    },
    async save() {
      if (Object.keys(learned).length === 0) return;
      const partial = `${indexFile}.${randomUUID()}`;
      try {
        await mkdir(dirname(indexFile), { recursive: true });
        // Read again: another process may have learned something meanwhile.
        await writeFile(partial, JSON.stringify({ ...readIndex(indexFile), ...learned }));
        await rename(partial, indexFile);
      } catch {
        await rm(partial, { force: true }).catch(() => {});
      }
    },
  };
}

// Synchronous: every case asks for it, and four turns of the thread pool are milliseconds when others use it.
function readIndex(path: string): z.infer<typeof indexSchema> {
  try {
    return indexSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}
