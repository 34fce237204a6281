import { viewerFrameOf, type ViewerFrame } from '../volume/meshes/viewer-frame.ts';
import type { Volume, VoxelArray } from '../volume/volume.ts';
import { writeVtkFile, type Deflate, type WriteAt } from './vtk-file.ts';

const LOWEST = -32768;
const HIGHEST = 32767;
/** What a voxel without a number becomes: air. */
const AIR_HU = -1024;

/**
 * Writes a CT as a VTK XML ImageData file (`.vti`): int16 HU (rounded, clamped), voxels in RAS+ order, origin 0 and no
 * direction, as the viewer's frame says. Voxels are put in order and compressed block by block, so that no second
 * volume is held.
 */
export function writeVti(
  ct: Volume,
  to: { readonly deflate: Deflate; readonly writeAt: WriteAt },
): Promise<void> {
  const frame = viewerFrameOf(ct.grid);
  const [nx, ny, nz] = frame.dims;
  const extent = `0 ${nx - 1} 0 ${ny - 1} 0 ${nz - 1}`;
  const array = {
    name: 'HU',
    type: 'Int16',
    componentCount: 1,
    bytes: 2 * nx * ny * nz,
    slice: huBytes(ct, frame),
  } as const;
  return writeVtkFile(
    'ImageData',
    array,
    to,
    (hu) =>
      `<ImageData WholeExtent="${extent}" Origin="0 0 0" Spacing="${frame.spacing.join(' ')}">\n` +
      `<Piece Extent="${extent}">\n<PointData Scalars="HU">${hu}</PointData>\n</Piece>\n</ImageData>`,
  );
}

/** Bytes of the voxels in the frame's order. */
function huBytes(ct: Volume, frame: ViewerFrame): (begin: number, end: number) => Uint8Array {
  const { grid, data } = ct;
  const [nx, ny] = frame.dims;
  const strides = [1, grid.dims[0], grid.dims[0] * grid.dims[1]] as const;
  const step = frame.axes.map(({ from, flip }) => (flip ? -strides[from]! : strides[from]!));
  const first = frame.axes.reduce(
    (sum, { from, flip }) => sum + (flip ? strides[from]! * (grid.dims[from]! - 1) : 0),
    0,
  );
  const [sx, sy, sz] = step as [number, number, number];
  return (begin, end) => {
    const values = new Int16Array((end - begin) / 2);
    for (let at = 0; at < values.length;) {
      const voxel = begin / 2 + at;
      const x = voxel % nx;
      const row = (voxel - x) / nx;
      const y = row % ny;
      const read = first + x * sx + y * sy + ((row - y) / ny) * sz;
      const count = Math.min(nx - x, values.length - at);
      copyHu(ct, data, values, { at, count, read, step: sx });
      at += count;
    }
    return new Uint8Array(values.buffer);
  };
}

function copyHu(
  { slope, intercept }: Volume,
  data: VoxelArray,
  values: Int16Array,
  run: { readonly at: number; readonly count: number; readonly read: number; readonly step: number },
): void {
  const end = run.at + run.count;
  let read = run.read;
  if (data instanceof Int16Array && slope === 1 && intercept === 0) {
    for (let at = run.at; at < end; at++, read += run.step) values[at] = data[read]!;
    return;
  }
  for (let at = run.at; at < end; at++, read += run.step) {
    const hu = slope * data[read]! + intercept;
    values[at] = Number.isNaN(hu) ? AIR_HU : Math.max(LOWEST, Math.min(HIGHEST, Math.round(hu)));
  }
}
