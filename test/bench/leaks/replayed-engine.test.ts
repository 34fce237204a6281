import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeNifti } from '../../../adapters/nifti-file.ts';
import { ReplayedEngine } from '../../../bench/leaks/replayed-engine.ts';
import type { EngineRun } from '../../../core/engine-port.ts';
import { engineCallOf } from '../../../core/models/catalogue.ts';
import { smallCt } from '../../container/worker-bench.ts';
import { FakeEngine } from '../../fakes/fake-engine.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const weights = { nnunetV1ModelFolder: '/weights', totalSegmentatorRoot: '/weights' };
const callOf = (fast: boolean) => engineCallOf('liver', { fast, folds: [0], tta: false }, weights);

it('asks the engine once for a CT and a call, and copies its mask when they come again', async () => {
  const folder = tempFolder();
  const engine = new FakeEngine();
  const replayed = new ReplayedEngine(engine, folder);
  const maskOf = async (path: string, name: string, fast = true): Promise<Buffer> => {
    const output = join(folder, name);
    const request: EngineRun = { call: callOf(fast), output, onProgress: () => undefined };
    const opened = await replayed.open(path);
    await opened.run(request);
    await opened.close();
    return readFileSync(output);
  };
  const [first, again, other] = ['a', 'b', 'c'].map((name) => join(folder, `${name}.nii.gz`));
  await writeNifti(first!, smallCt(1));
  writeFileSync(again!, readFileSync(first!));
  await writeNifti(other!, smallCt(2));

  const masks = [await maskOf(first!, 'm1'), await maskOf(again!, 'm2')];
  expect(engine.calls).toHaveLength(1);
  expect(masks[1]).toEqual(masks[0]);

  await maskOf(again!, 'm3', false);
  await maskOf(other!, 'm4');
  expect(engine.calls).toHaveLength(3);
  expect(engine.openNow).toBe(0);
});
