import { hash } from 'node:crypto';
import { readFileSync, renameSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FileChunks } from '../../adapters/input-file.ts';
import { isGzip } from '../../adapters/nifti-stream.ts';
import { HpbError } from '../../core/errors.ts';
import type { CaseContext } from '../case-context.ts';

/** Up to here a CT is read in one synchronous call: a few would wait for threads that write others' results. */
const SMALL_BYTES = 2 ** 18;

/** The CT as it came, on the local disk. */
export interface FetchedCt {
  /** Ends in `.nii` or `.nii.gz` as its content says: the engines go by the name. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Copies the CT of a case from the store and hashes it.
 *
 * @throws HpbError INPUT_NOT_FOUND when it is not there, INPUT_REPLACED when it is not the one that was
 * checked, or whose checksum was promised.
 */
export async function fetchCt({ ports, task, scratch }: CaseContext): Promise<FetchedCt> {
  const download = join(scratch.in, 'download');
  await ports.store.getFile(task.inputKey, download).catch((error: unknown) => {
    throw error instanceof HpbError && error.code === 'OBJECT_NOT_FOUND' ? inputMissing() : error;
  });
  const file = await hashed(download);
  if (task.inputSha256 !== undefined && file.sha256 !== task.inputSha256) throw inputReplaced();
  const path = join(scratch.in, file.gzip ? 'ct.nii.gz' : 'ct.nii');
  renameSync(download, path);
  return { path, sha256: file.sha256, bytes: file.bytes };
}

interface Hashed {
  readonly gzip: boolean;
  readonly sha256: string;
  readonly bytes: number;
}

async function hashed(path: string): Promise<Hashed> {
  if (statSync(path).size <= SMALL_BYTES) {
    const content = readFileSync(path);
    return { gzip: isGzip(content), sha256: hash('sha256', content), bytes: content.length };
  }
  const file = await open(path);
  try {
    const source = new FileChunks(file, (await file.stat()).size);
    const first = await source.next();
    const gzip = isGzip(first);
    for (let chunk = first; chunk.length > 0; chunk = await source.next()) source.hash(chunk);
    return { gzip, sha256: source.sha256(), bytes: source.bytes };
  } finally {
    await file.close();
  }
}

function inputMissing(): HpbError {
  return new HpbError('INPUT_NOT_FOUND', 'The CT of this case is not in the store (any more).', {
    remedy: 'Upload the CT again and start a new job.',
  });
}

function inputReplaced(): HpbError {
  return new HpbError('INPUT_REPLACED', 'The CT of this case is not the one that was checked, or promised.', {
    remedy: 'Upload the CT again and start a new job; one that was right before was changed in the store.',
  });
}
