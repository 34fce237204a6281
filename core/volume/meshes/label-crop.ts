import type { Triple } from '../statistics.ts';
import type { Dims, LabelMap } from '../volume.ts';

/** One label cut out with a border of one voxel, so that its surface is closed also where the scan ends. */
export interface LabelCrop {
  readonly dims: Dims;
  /** 1 inside the label, else 0; x fastest. */
  readonly data: Uint8Array;
  /** Voxel index, in the label map, of the crop's first voxel. */
  readonly origin: Triple;
}

/** Cuts a label out of its map. `box`: its bounding box, voxel indices, both ends inclusive. */
export function cropLabel(
  { grid, data }: LabelMap,
  label: number,
  box: { readonly min: Triple; readonly max: Triple },
): LabelCrop {
  const [nx, ny] = grid.dims;
  const size = (axis: 0 | 1 | 2): number => box.max[axis] - box.min[axis] + 3;
  const dims: Dims = [size(0), size(1), size(2)];
  const crop = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (let k = box.min[2]; k <= box.max[2]; k++) {
    for (let j = box.min[1]; j <= box.max[1]; j++) {
      const row = nx * (j + ny * k);
      let at = 1 + dims[0] * (j - box.min[1] + 1 + dims[1] * (k - box.min[2] + 1));
      for (let p = row + box.min[0]; p <= row + box.max[0]; p++, at++) if (data[p] === label) crop[at] = 1;
    }
  }
  return { dims, data: crop, origin: [box.min[0] - 1, box.min[1] - 1, box.min[2] - 1] };
}
