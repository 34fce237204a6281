import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { datatypeOf } from '../../../core/volume/nifti-datatypes.ts';
import { encodeNiftiHeader } from '../../../core/volume/nifti-encode.ts';
import type { Dims } from '../../../core/volume/volume.ts';
import { hpbHere } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

/** A file with the header of such a CT and hardly any voxels. */
function headerFile(name: string, dims: Dims, mm = 1): string {
  const affine = [-mm, 0, 0, 0, 0, -mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, 1];
  const bytes = Buffer.concat([
    encodeNiftiHeader({ dims, affine }, datatypeOf(new Int16Array())),
    Buffer.alloc(2_000),
  ]);
  const path = join(tempFolder(), name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(bytes) : bytes);
  return path;
}

describe('hpb estimate', () => {
  it('says by the header alone what a CT would take, and that time and cost are uncalibrated', async () => {
    const file = headerFile('scan.nii.gz', [512, 512, 300]);

    const { code, stdout, stderr } = await hpbHere(['estimate', file]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      `${file}: would fit\n  grid         512 x 512 x 300 voxels of 1.00 x 1.00 x 1.00 mm`,
    );
    expect(stdout).toMatch(/time .* on a T4 \(uncalibrated\): liver .*, task008/);
    expect(stdout).toMatch(/cost .*\(uncalibrated\)/);
    expect(stdout).toMatch(/g4dn\.4xlarge +62\.9 GB +yes +\d\.\d{3} +\d\.\d{3}/);
    expect(stdout).toMatch(/this machine .*(yes|no)/);
  });

  it('refuses a CT that is too large, with the options that would fit, and ends with 3 when others fit', async () => {
    const large = headerFile('large.nii', [1_000, 1_000, 1_000], 1.2);
    const small = headerFile('small.nii', [200, 200, 200]);

    const { code, stdout } = await hpbHere(['estimate', '--json', '--model', 'task008', large, small]);
    const [first, second] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);

    expect(code).toBe(3);
    expect(first).toMatchObject({
      file: large,
      problems: [{ code: 'CT_EXCEEDS_MEMORY' }],
      estimate: { fits: false, ways: [{ changes: ['crop'], crop: { axis: 2 } }] },
    });
    expect(second).toMatchObject({ file: small, problems: [], estimate: { fits: true, calibrated: false } });
  });

  it.each([
    ['nothere.json', 'INPUT_NOT_FOUND'],
    ['.', 'INPUT_UNREADABLE'],
  ])('does not go on without the calibration that it was given: %s', async (name, errorCode) => {
    const file = headerFile('scan.nii', [64, 64, 64]);

    const { code, stdout, stderr } = await hpbHere([
      'estimate',
      file,
      '--calibration',
      join(tempFolder(), name),
    ]);

    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(errorCode);
  });

  it('says of a file that is no CT why, and ends with 2', async () => {
    const file = join(tempFolder(), 'letter.nii.gz');
    writeFileSync(file, 'Dear colleague');

    const { code, stdout } = await hpbHere(['estimate', file]);

    expect(code).toBe(2);
    expect(stdout).toContain(`${file}: would be REFUSED\n  problem`);
    expect(stdout).toContain('[NIFTI_NOT_NIFTI]');
  });
});
