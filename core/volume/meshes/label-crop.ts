import type { Triple } from '../statistics.ts';
import type { LabelRuns } from '../label-runs.ts';
import type { Dims } from '../volume.ts';

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
  runs: LabelRuns,
  label: number,
  { min, max }: { readonly min: Triple; readonly max: Triple },
): LabelCrop {
  const ny = runs.dims[1];
  const size = (axis: 0 | 1 | 2): number => max[axis] - min[axis] + 3;
  const dims: Dims = [size(0), size(1), size(2)];
  const data = new Uint8Array(dims[0] * dims[1] * dims[2]);
  for (let k = min[2]; k <= max[2]; k++) {
    for (let j = min[1]; j <= max[1]; j++) {
      const start = 1 - min[0] + dims[0] * (j - min[1] + 1 + dims[1] * (k - min[2] + 1));
      const end = runs.firstOfRow[j + ny * k + 1]!;
      for (let run = runs.firstOfRow[j + ny * k]!; run < end; run++)
        if (runs.label[run] === label) data.fill(1, start + runs.from[run]!, start + runs.to[run]! + 1);
    }
  }
  return { dims, data, origin: [min[0] - 1, min[1] - 1, min[2] - 1] };
}
