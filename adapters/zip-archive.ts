import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { HpbError } from '../core/errors.ts';
import { outputError } from './file-error.ts';

/** A file that goes into an archive. */
export interface ZipMember {
  /** Relative path with `/`, as it stands in the archive. */
  readonly name: string;
  /** Local path of the content. */
  readonly path: string;
}

/** Size and lower-case hex SHA-256 of a written file. */
export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** Local parts, not UTC: with `forceDosTimestamp` the archive then is the same in every time zone. */
const MTIME = new Date(1980, 0, 1);
const MODE = 0o100644;
/** Content that is compressed already. */
const STORED = /\.(gz|png|zip|mz3)$/;

/**
 * Writes a ZIP that appears whole or not at all. The same members give the same bytes: sorted by name, fixed time
 * and mode. Throws `DISK_FULL` or `OUTPUT_UNWRITABLE`.
 */
export async function writeZip(path: string, members: readonly ZipMember[]): Promise<WrittenFile> {
  const sorted = [...members].sort((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find(({ name }, at) => name === sorted[at + 1]?.name);
  if (twice !== undefined)
    throw new HpbError('UNEXPECTED', `The archive would hold ${twice.name} twice.`, {
      remedy: 'Report this with the models that were asked for.',
    });
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  // Without this a member that cannot be read would leave the output waiting for ever.
  zip.on('error', (error: Error) => output.destroy(error));
  for (const { name, path } of sorted)
    zip.addFile(path, name, {
      mtime: MTIME,
      mode: MODE,
      forceDosTimestamp: true,
      compress: !STORED.test(name),
    });
  zip.end();
  const partial = join(dirname(path), `.${basename(path)}.${randomUUID()}.partial`);
  const hash = createHash('sha256');
  let bytes = 0;
  async function* hashed(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(output, hashed, createWriteStream(partial, { flags: 'wx' }));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw outputError(error);
  }
  return { bytes, sha256: hash.digest('hex') };
}
