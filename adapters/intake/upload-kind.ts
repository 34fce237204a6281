import { constants, gunzipSync } from 'node:zlib';
import { foreignFile } from '../../core/volume/nifti-foreign.ts';
import { niftiSignature } from '../../core/volume/nifti-raw-header.ts';
import { isGzip } from '../nifti-stream.ts';
import { headOf, type ByteSource } from './byte-source.ts';

/** Kinds of archives that are taken apart. */
export type ArchiveKind = 'zip' | 'tar' | 'tar.gz';

/** What an upload is, by its first bytes. */
export interface UploadKind {
  readonly kind: ArchiveKind | 'ct' | 'other';
  /** For a file that is none of these: what it is, as a sentence; null when it is not recognised. */
  readonly sentence: string | null;
}

const HEAD_BYTES = 16 * 1024;
/** A local header, the end of an empty ZIP, a part of a split one. */
const ZIP_MAGICS: readonly string[] = ['504b0304', '504b0506', '504b0708'];

/**
 * Tells what an upload is by its content; `fileName` only decides what to try where the content says nothing, so
 * that the error is about the right kind. Throws what reading the source throws.
 */
export async function uploadKind(source: ByteSource, fileName: string): Promise<UploadKind> {
  const head = await headOf(source, HEAD_BYTES);
  const gzip = isGzip(head);
  const inner = gzip ? inflatedHead(head) : head;
  if (ZIP_MAGICS.includes(head.toString('hex', 0, 4))) return known('zip');
  if (isTar(inner)) return known(gzip ? 'tar.gz' : 'tar');
  if (niftiSignature(inner) !== null) return known('ct');
  const foreign = foreignFile(inner.subarray(0, 512));
  const named = foreign === null && head.length > 0 ? kindOfName(fileName, gzip) : null;
  return named === null ? { kind: 'other', sentence: foreign?.message ?? null } : known(named);
}

const known = (kind: UploadKind['kind']): UploadKind => ({ kind, sentence: null });

/** The first bytes inside a gzip file; empty when they are damaged. 16 KiB inflate to 17 MB at most. */
function inflatedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

/** Old tars have no magic, but every header has a sum of its bytes. An empty tar is all zero. */
function isTar(head: Buffer): boolean {
  const block = head.subarray(0, 512);
  if (block.length < 512) return false;
  if (block.toString('latin1', 257, 262) === 'ustar') return true;
  const stated = Number.parseInt(block.toString('latin1', 148, 156).replaceAll('\0', ' ').trim(), 8);
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  return sum === stated || block.every((byte) => byte === 0);
}

function kindOfName(fileName: string, gzip: boolean): ArchiveKind | 'ct' | null {
  if (/\.nii(\.gz)?$/i.test(fileName)) return 'ct';
  if (gzip) return /\.(tgz|tar\.gz)$/i.test(fileName) ? 'tar.gz' : null;
  if (/\.zip$/i.test(fileName)) return 'zip';
  return /\.tar$/i.test(fileName) ? 'tar' : null;
}
