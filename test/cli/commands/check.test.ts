import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { writeNifti } from '../../../adapters/nifti-file.ts';
import { smallCt } from '../../container/worker-bench.ts';
import { hpb, type CommandResult } from '../../fixtures/hpb-command.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

let folder: string;
let good: string;

beforeEach(async () => {
  folder = tempFolder();
  good = join(folder, 'scan.nii.gz');
  await writeNifti(good, smallCt());
});

/** A file of these bytes. */
function file(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** There are no engines here: the check needs none. */
const check = (...args: string[]): Promise<CommandResult> =>
  hpb(['check', ...args], { HPB_DATA_ROOT: join(folder, 'data'), HPB_VENV: join(folder, 'none') });

describe('hpb check', () => {
  it('tells what a CT is, and ends with 0 when it is fit to run', async () => {
    const { code, stdout } = await check(good);

    expect(code).toBe(0);
    expect(stdout).toContain(`${good}: fit to run`);
    expect(stdout).toContain('40 x 40 x 24 voxels of 4.00 x 4.00 x 5.00 mm, LPS');
    expect(stdout).toMatch(/int16, -?\d+ to -?\d+ HU/);
    expect(stdout).toMatch(/memory +liver \d.* [GM]B, task008 \d.* [GM]B/);
  });

  it('says of each bad file what is wrong and what to do, and ends with 3 when others are fit', async () => {
    const text = file('letter.nii.gz', 'Dear colleague');

    const { code, stdout } = await check(good, text);

    expect(code).toBe(3);
    expect(stdout).toContain(`${good}: fit to run`);
    expect(stdout).toContain(`${text}: NOT fit to run`);
    expect(stdout).toContain('Give a CT as .nii or .nii.gz. [NIFTI_NOT_NIFTI]');
  });

  it('prints one JSON document a file with --json, and ends with 2 when none is fit', async () => {
    const slice = file(
      'slice.dcm',
      Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), Buffer.alloc(400)]),
    );
    const zip = file('series.zip', Buffer.concat([Buffer.from('PK\u0003\u0004'), Buffer.alloc(600, 1)]));
    mkdirSync(join(folder, 'series'));
    const { grid, data } = smallCt();
    const flat = join(folder, 'flat.nii');
    await writeNifti(flat, { grid: { ...grid, dims: [40, 120, 8] }, data, slope: 1, intercept: 0 });

    const { code, stdout } = await check(
      '--json',
      slice,
      zip,
      join(folder, 'series'),
      flat,
      join(folder, 'missing.nii'),
    );

    const documents = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { fit: boolean; problems: { code: string; remedy: string }[] });
    expect(code).toBe(2);
    expect(documents.map(({ fit }) => fit)).toEqual([false, false, false, false, false]);
    expect(documents.map(({ problems }) => problems[0]!.code)).toEqual([
      'INPUT_IS_DICOM',
      'ARCHIVE_UNREADABLE',
      'INPUT_IS_FOLDER',
      'CT_TOO_FEW_SLICES',
      'INPUT_NOT_FOUND',
    ]);
    for (const { problems } of [documents[0]!, documents[2]!])
      expect(problems[0]!.remedy).toContain('dcm2niix -z y -o OUT FOLDER');
  });

  it('gives the facts of a fit CT with --json', async () => {
    const { code, stdout } = await check('--json', '--model', 'liver', good);

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      file: good,
      fit: true,
      facts: {
        dims: [40, 40, 24],
        orientation: 'LPS',
        memoryNeeded: { liver: expect.any(Number) as number },
      },
      problems: [],
    });
  });
});
