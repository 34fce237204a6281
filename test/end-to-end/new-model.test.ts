import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeNifti } from '../../adapters/nifti-file.ts';
import { weightSet } from '../../core/models/weights.ts';
import { metadataSchema } from '../../core/results/metadata-schema.ts';
import { makePhantom, phantomGrid } from '../../core/volume/phantom.ts';
import { hpb, ROOT } from '../fixtures/hpb-command.ts';

const folder = mkdtempSync(join(tmpdir(), 'hpb-new-model-'));
const demo = join(ROOT, 'container', 'engine', 'demo-weights', 'totalseg');
const ct = join(folder, 'phantom.nii.gz');
beforeAll(() => writeNifti(ct, makePhantom({ seed: 4, grid: phantomGrid('small') }).ct));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Weights in the layout of `liver_segments`, from the demo network for vessels. */
function installStandIn(root: string): void {
  const [vessels, segments, rough] = (['ts8', 'ts570', 'ts298'] as const).map(weightSet);
  cpSync(join(demo, rough!.folder), join(root, rough!.folder), { recursive: true });
  execFileSync(join(ROOT, '.venv', 'bin', 'python'), [
    join(ROOT, 'test', 'fixtures', 'widen_model.py'),
    join(demo, vessels!.folder, vessels!.trainer),
    join(root, segments!.folder, segments!.trainer),
    '9',
  ]);
}

describe('liver_segments, a model that is a catalogue entry and nothing else', () => {
  it('says which command gets its weights when they are missing', async () => {
    const { code, stderr } = await hpb(
      ['segment', ct, '--model', 'liver_segments', '--out', join(folder, 'none')],
      {
        HPB_DATA_ROOT: join(folder, 'data'),
      },
    );

    expect(code).toBe(20);
    expect(stderr).toContain('hpb models pull liver_segments');
  });

  it('runs through the real engine once weights in its layout are there', async () => {
    const weights = join(folder, 'weights');
    installStandIn(weights);
    const out = join(folder, 'out');
    const { code, stderr } = await hpb(['segment', ct, '--model', 'liver_segments', '--out', out], {
      HPB_DATA_ROOT: join(folder, 'data'),
      TOTALSEG_WEIGHTS_PATH: weights,
    });
    expect(code, stderr).toBe(0);
    const metadata = metadataSchema.parse(
      JSON.parse(readFileSync(join(out, 'phantom', 'metadata.json'), 'utf8')),
    );

    expect(metadata.structures.map(({ name }) => name)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((segment) => `liver_segment_${segment}`),
    );
    expect(metadata.structures[0]!.volumeMl).toBeGreaterThan(10);
    // The rough network is a demo one, and known by its mark wherever it lies.
    expect(metadata.demo).toBe(true);
  });
});
