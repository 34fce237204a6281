import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { HpbError } from '../core/errors.ts';
import type { ViewerSource } from '../core/use-cases/viewer-source.ts';
import { fileError } from './file-error.ts';

/**
 * The package of a case as it lies in a folder, unpacked.
 *
 * @throws HpbError INPUT_NOT_FOUND, INPUT_UNREADABLE; INPUT_UNREADABLE for something that is no folder.
 */
export async function packageFolder(folder: string): Promise<ViewerSource> {
  try {
    if (!(await stat(folder)).isDirectory()) throw noFolder();
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const files = await Promise.all(paths.toSorted().map((path) => listed(folder, path)));
    return {
      files,
      read: (name) => readFile(join(folder, name)),
      stream: async (name) => createReadStream(join(folder, name)) as AsyncIterable<Buffer>,
    };
  } catch (error) {
    throw fileError(error);
  }
}

async function listed(folder: string, path: string): Promise<ViewerSource['files'][number]> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { name: relative(folder, path).split(sep).join('/'), bytes, sha256: hash.digest('hex') };
}

function noFolder(): HpbError {
  return new HpbError('INPUT_UNREADABLE', 'The results to publish are no folder.', {
    remedy: 'Give the folder of a case that `hpb segment` made, or that `hpb fetch --unpack` unpacked.',
  });
}
