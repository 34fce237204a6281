import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { outputError } from '../../adapters/file-error.ts';
import type { WrittenFile, ZipMember } from '../../adapters/zip-archive.ts';

/** A file of the package with what its receipt says of it. */
export interface PackagedFile extends ZipMember, WrittenFile {}

/** Up to here a file is written or read in one synchronous call, faster than the thread pool could be asked to. */
const SMALL_BYTES = 2 ** 16;
const PIECE_BYTES = 2 ** 18;

/** Makes a folder below the files of a case. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function madeFolder(out: string, name: string): Promise<void> {
  try {
    await mkdir(join(out, name), { recursive: true });
  } catch (error) {
    throw outputError(error);
  }
}

/** Writes a file of a case into a folder that is there. Throws DISK_FULL, OUTPUT_UNWRITABLE. */
export async function written(
  out: string,
  name: string,
  content: string | Uint8Array,
): Promise<PackagedFile> {
  const path = join(out, name);
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  try {
    if (bytes.length <= SMALL_BYTES) writeFileSync(path, bytes);
    else await writeFile(path, bytes);
  } catch (error) {
    throw outputError(error);
  }
  return { name, path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A file with its size and hash; large ones are read piece by piece. */
export async function hashedFile({ name, path }: ZipMember): Promise<PackagedFile> {
  const hash = createHash('sha256');
  const { size } = statSync(path);
  if (size <= SMALL_BYTES) hash.update(readFileSync(path));
  else
    for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>)
      hash.update(piece);
  return { name, path, bytes: size, sha256: hash.digest('hex') };
}
