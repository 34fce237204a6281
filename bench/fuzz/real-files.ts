import { gunzipSync } from 'node:zlib';
import { readFile } from 'node:fs/promises';
import { HpbError } from '../../core/errors.ts';
import { encodeNiftiHeader } from '../../core/volume/nifti-encode.ts';
import { niftiDatatype } from '../../core/volume/nifti-datatypes.ts';
import { parseNiftiHeader } from '../../core/volume/nifti-header.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';

/** Slices of a real CT that are kept: mutations are of its header and of what surrounds the voxels. */
const KEPT_BYTES = 64 * 1024;

/** Uncompressed little-endian NIfTI-1 files to mutate: phantoms, and the beginning of the caller's own CTs. */
export async function realFiles(paths: readonly string[]): Promise<readonly Buffer[]> {
  return [...phantoms(), ...(await Promise.all(paths.map(shortened)))];
}

function phantoms(): Buffer[] {
  const orientations = ['RAS', 'LPS', 'PIR'];
  return orientations.map((orientation, seed) => {
    const grid = phantomGrid('small', { dims: [20, 16, 14], spacing: [16, 16, 16], orientation });
    const { data } = makePhantom({ seed, grid }).ct;
    return Buffer.concat([encodeNiftiHeader(grid, niftiDatatype(4)!), new Uint8Array(data.buffer)]);
  });
}

/** The header as it is but for the count of slices, and as many of them as fit `KEPT_BYTES` (one at least). */
async function shortened(path: string): Promise<Buffer> {
  const bytes = await readFile(path);
  const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
  const { grid, voxOffset, datatype, version, littleEndian } = parseNiftiHeader(plain);
  if (version !== 1 || !littleEndian)
    throw new HpbError('BAD_OPTION', 'A CT to mutate must be NIfTI-1, little-endian.', {
      remedy: 'Most tools write that: save it again, for example with nibabel.',
    });
  const slice = grid.dims[0] * grid.dims[1] * datatype.bytes;
  const slices = Math.min(grid.dims[2], Math.max(1, Math.floor(KEPT_BYTES / slice)));
  const kept = Buffer.from(plain.subarray(0, voxOffset + slices * slice));
  kept.writeInt16LE(slices, 46);
  return kept;
}
