import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ComputePool } from '../../../adapters/compute-pool.ts';
import { readNifti } from '../../../adapters/nifti-file.ts';
import { previewFiles } from '../../../container/stages/preview.ts';
import { runShard } from '../../../container/worker.ts';
import { labelRuns } from '../../../core/volume/label-runs.ts';
import type { Grid } from '../../../core/volume/volume.ts';
import { FakeEngine } from '../../fakes/fake-engine.ts';
import { contentOf } from '../../fixtures/packaged-file.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';
import { resultIn, shardOf, smallCt, workerBench } from '../worker-bench.ts';

const LONG: Grid = { dims: [520, 6, 4], affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };

describe('the previews of a case', () => {
  it('shrink CT and masks to 256 voxels a side', async () => {
    const folder = tempFolder();
    const compute = new ComputePool(1);
    const voxels = 520 * 6 * 4;
    const runs = labelRuns({ grid: LONG, data: new Uint8Array(voxels).fill(1) });
    const ct = { grid: LONG, data: new Int16Array(voxels).fill(50), slope: 1, intercept: 0 };

    const scratch = { out: folder, compute, cancel: new AbortController().signal, format: null, shown: true };
    const files = await previewFiles(scratch, ct, [{ model: 'liver', runs }]);
    await compute.close();

    expect(files.map(({ name }) => name)).toEqual(['preview/ct.nii.gz', 'preview/liver.nii.gz']);
    for (const file of files) {
      const path = join(folder, 'copy.nii.gz');
      writeFileSync(path, contentOf(file));
      expect((await readNifti(path)).grid.dims).toEqual([174, 6, 4]);
    }
  });

  it('are stored beside the files of a case where they are wanted, and are no part of its ZIP', async () => {
    const bench = await workerBench(new FakeEngine(), { previews: true });
    await bench.input(1, smallCt());

    await runShard(shardOf(1), bench.ports);

    const { files, previews = [] } = await resultIn(bench);
    expect(previews.map(({ name }) => name)).toContain('preview/ct.nii.gz');
    expect(files.filter(({ name }) => name.startsWith('preview/'))).toEqual([]);
  });
});
