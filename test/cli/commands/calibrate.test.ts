import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeZip } from '../../../adapters/zip-archive.ts';
import { jobZipKey } from '../../../core/layout.ts';
import { datatypeOf } from '../../../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import { workplace } from '../../fixtures/client-workplace.ts';
import { hpbHere } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

const parameters = { fast: true, folds: [0], tta: false };

/** An unpacked result, as far as it matters here. */
function result(folder: string, name: string, over: { demo?: boolean; seconds?: number } = {}): void {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  const { demo = false, seconds = 80 } = over;
  const models = { liver: { total: seconds / 4 }, task008: { total: seconds } };
  const record = { demo, device: 'cuda:0', deviceName: 'Tesla T4', seconds: { models }, peakMemory: {} };
  const metadata = {
    grid: { dims: [512, 512, 300], spacingMm: [0.8, 0.8, 1] },
    provenance: { models: ['liver', 'task008'].map((id) => ({ id, parameters })) },
  };
  writeFileSync(join(place, 'run.json'), JSON.stringify(record));
  writeFileSync(join(place, 'metadata.json'), JSON.stringify(metadata));
}

/** A file with the header of a CT. */
function ctIn(folder: string): string {
  const affine = [-0.8, 0, 0, 0, 0, -0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const path = join(folder, 'ct.nii');
  const header = encodeNiftiHeader({ dims: [512, 512, 200], affine }, datatypeOf(new Int16Array()));
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(2_000)]));
  return path;
}

describe('hpb calibrate', () => {
  it('counts results below folders, demo ones left out, and estimates then say so', async () => {
    const folder = tempFolder();
    result(folder, 'a/one');
    result(folder, 'two', { seconds: 120 });
    result(folder, 'demo', { demo: true, seconds: 1 });
    const out = join(folder, 'figures.json');

    const { code, stdout, stderr } = await hpbHere(['calibrate', folder, '--out', out]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('Calibrated on 4 runs, Tesla T4:');
    expect(JSON.parse(readFileSync(out, 'utf8'))).toMatchObject({
      device: 'Tesla T4',
      models: { 'liver-fast': { runs: 2 }, task008: { runs: 2 } },
    });
    const estimate = await hpbHere(['estimate', ctIn(folder), '--calibration', out]);
    expect(estimate.stdout).toMatch(/time .*\(calibrated on 4 runs, Tesla T4\): liver/);
    expect(estimate.stdout).not.toContain('uncalibrated');
  });

  it('counts the newest jobs of the service, but for those whose results cannot be had', async () => {
    const { run, folder, service, submitted } = await workplace();
    result(folder, 'case');
    const zip = join(folder, 'results.zip');
    const members = ['run.json', 'metadata.json'].map((name) => ({
      name,
      path: join(folder, 'case', name),
    }));
    const written = await writeZip(zip, members);
    const [kept, lost] = [await submitted(), await submitted()].map(({ jobId }) => jobId);
    for (const jobId of [kept!, lost!]) {
      const key = jobZipKey(jobId);
      await service.ports.store.putFile(key, zip);
      const counts = { total: 1, succeeded: 1, failed: 0 };
      const end = {
        event: 'finish',
        state: 'SUCCEEDED',
        counts,
        zip: { key, ...written },
        error: null,
      } as const;
      await service.happen(jobId, end);
    }
    await service.ports.store.remove(jobZipKey(lost!));

    const { code, stdout, stderr } = await run('calibrate', '--jobs', '5');

    expect(code).toBe(0);
    expect(stdout).toContain('Calibrated on 2 runs, Tesla T4:');
    expect(stdout).toContain(join(folder, 'data', 'objects', 'calibration.json'));
    expect(stderr).toContain(`${lost!} is left out`);
    const estimate = await run('estimate', ctIn(folder));
    expect(estimate.stdout).toContain('(calibrated on 2 runs, Tesla T4)');
  });

  it('says what is missing when nothing counts, and refuses a file of something else', async () => {
    const folder = tempFolder();
    result(folder, 'demo', { demo: true });
    const other = join(folder, 'other.json');
    writeFileSync(other, '{"schemaVersion": 7}');

    const nothing = await hpbHere(['calibrate', folder]);
    const unasked = await hpbHere(['calibrate']);
    const refused = await hpbHere(['estimate', other, '--calibration', other]);

    expect(nothing.stderr).toMatch(/No finished case was found.*1 cases of demo weights do not count/s);
    expect(unasked).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('holds no calibration');
  });
});
