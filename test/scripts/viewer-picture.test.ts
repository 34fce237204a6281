import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { viewerPicture } from '../../scripts/viewer-picture.ts';
import { chromiumPath } from '../fixtures/browser.ts';
import { resultFolder } from '../fixtures/result-folder.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const MINUTE = 60_000;

it(
  'volume and meshes of a result open in vtk.js in a browser, the meshes within the volume and to be seen',
  async () => {
    const folder = tempFolder();
    const { folder: result } = await resultFolder(join(folder, 'out'));
    const out = join(folder, 'scene.png');

    const { volume, meshes, complaints } = await viewerPicture(result, { out, browserPath: chromiumPath() });

    expect(complaints).toEqual([]);
    expect(Object.keys(meshes)).toContain('liver');
    for (const [name, box] of Object.entries(meshes))
      for (const axis of [0, 1, 2]) {
        expect(box[2 * axis], name).toBeGreaterThanOrEqual(volume[2 * axis]! - 1);
        expect(box[2 * axis + 1], name).toBeLessThanOrEqual(volume[2 * axis + 1]! + 1);
      }
    const { data } = PNG.sync.read(readFileSync(out));
    let coloured = 0;
    for (let at = 0; at < data.length; at += 4)
      coloured += Number(Math.abs(data[at]! - data[at + 1]!) + Math.abs(data[at + 1]! - data[at + 2]!) > 40);
    expect(coloured / (data.length / 4)).toBeGreaterThan(0.005);
  },
  2 * MINUTE,
);
