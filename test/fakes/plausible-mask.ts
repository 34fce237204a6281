import { readNifti, writeNifti } from '../../adapters/nifti-file.ts';
import type { EngineCall, RunResult } from '../../core/engine-protocol.ts';
import { voxelCount, type Grid, type LabelMap } from '../../core/volume/volume.ts';

/** Label values that a fake mask of this call holds. */
function labelsOf(call: EngineCall): readonly number[] {
  if (call.engine === 'nnunet-v1') return [1, 2];
  return call.multilabel && call.task === 'total' ? [1, 5] : [1];
}

/** A mask on the grid of a CT: slabs of the labels one above the other in the middle half of the volume. */
export function plausibleMask(grid: Grid, call: EngineCall): LabelMap {
  const [nx, ny, nz] = grid.dims;
  const labels = labelsOf(call);
  const data = new Uint8Array(voxelCount(grid.dims));
  const inside = (at: number, n: number): boolean => at >= n / 4 && at < (3 * n) / 4;
  for (let k = 0; k < nz; k++)
    for (let j = 0; j < ny; j++)
      for (let i = 0; i < nx; i++)
        if (inside(i, nx) && inside(j, ny) && inside(k, nz))
          data[i + nx * (j + ny * k)] = labels[Math.floor(((k - nz / 4) / (nz / 2)) * labels.length)]!;
  return { grid, data };
}

/** Reads the CT, writes a plausible mask and says so as the engine host does. */
export async function writePlausibleMask(ct: string, call: EngineCall, output: string): Promise<RunResult> {
  const mask = plausibleMask((await readNifti(ct)).grid, call);
  await writeNifti(output, mask, { level: 1 });
  return resultOf(mask);
}

/** The result line of a run that wrote this mask. */
export function resultOf(mask: LabelMap): RunResult {
  const labelVoxels: Record<string, number> = {};
  for (const label of mask.data) if (label > 0) labelVoxels[label] = (labelVoxels[label] ?? 0) + 1;
  const seconds = { load: 0.25, crop: 0, preprocess: 0.125, predict: 1, export: 0.125 };
  return {
    device: 'cpu',
    seconds,
    forwardSeconds: 0.75,
    tiles: 4,
    labelVoxels,
    cropEmpty: false,
    peakRssBytes: 2 ** 30,
    peakVramBytes: null,
  };
}

/** Greeting of a fake engine. */
export const FAKE_HELLO = {
  protocol: 1,
  versions: { python: '3.11.7', torch: '0.0.0-fake' },
  device: 'cpu',
  deviceName: null,
} as const;
