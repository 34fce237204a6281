import { constants, gunzipSync } from 'node:zlib';
import { HpbError } from '../../core/errors.ts';
import { NiftiDecoder } from '../../core/volume/nifti-decoder.ts';
import type { NiftiHeader } from '../../core/volume/nifti-header.ts';
import { isGzip } from '../nifti-stream.ts';
import { headOf, type ByteSource } from './byte-source.ts';

/** Enough for a header behind the longest name that gzip programs store; inflates to 17 MB at most. */
const HEAD_BYTES = 16 * 1024;

/**
 * The header of a CT, by its first bytes; nothing is said about what follows them.
 *
 * @throws HpbError NIFTI_*, INPUT_IS_* for another kind of file, and what reading the source throws.
 */
export async function peekHeader(source: ByteSource): Promise<NiftiHeader> {
  const head = await headOf(source, HEAD_BYTES);
  const decoder = new NiftiDecoder({ headerOnly: true });
  decoder.push(isGzip(head) ? inflated(head) : head);
  return decoder.header ?? decoder.finish().header;
}

function inflated(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new HpbError('NIFTI_BAD_GZIP', 'The file is damaged: its gzip data cannot be inflated.', {
      remedy: 'Copy or upload the file again; `gzip -t FILE` must be silent.',
      cause: error,
    });
  }
}
