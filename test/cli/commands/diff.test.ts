import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNifti, writeNifti } from '../../../adapters/nifti-file.ts';
import { hpb } from '../../fixtures/hpb-command.ts';
import { resultFolder } from '../../fixtures/result-folder.ts';
import { tempFolder } from '../../fixtures/temp-folder.ts';

describe('hpb diff', () => {
  it('says of each structure how much two results are alike', async () => {
    const out = tempFolder();
    const [a, b] = [await resultFolder(out), await resultFolder(out)];
    const path = join(b.folder, 'liver.nii.gz');
    const { grid, data } = await readNifti(path);
    const half = (data as Uint8Array).map((label, at) => (at % 2 === 0 ? label : 0));
    await writeNifti(path, { grid, data: half });

    const [text, json] = [
      await hpb(['diff', a.zip, b.folder]),
      await hpb(['diff', a.zip, b.folder, '--json']),
    ];

    expect([text.code, json.code], text.stderr).toEqual([0, 0]);
    expect(text.stdout).toMatch(/^liver +liver .* 0\.6667 /m);
    expect(text.stdout).toMatch(/^hepatic_vessels +task008 .* 1\.0000 +0\.00 +0\.00 +0\.00$/m);
    const { structures, onlyInA, onlyInB } = JSON.parse(json.stdout) as {
      structures: { structure: string; dice: number }[];
      onlyInA: string[];
      onlyInB: string[];
    };
    expect([onlyInA, onlyInB]).toEqual([[], []]);
    expect(structures.map(({ structure }) => structure).sort()).toEqual([
      'hepatic_vessels',
      'liver',
      'liver_tumors',
    ]);
  });

  it('says which of them has a mask that the other lacks', async () => {
    const out = tempFolder();
    const [a, b] = [await resultFolder(out), await resultFolder(out)];
    rmSync(join(b.folder, 'task008.nii.gz'));

    const { code, stdout } = await hpb(['diff', a.folder, b.folder]);

    expect(code).toBe(0);
    expect(stdout).toContain('Only in a: task008.nii.gz\n');
    expect(stdout).not.toContain('Only in b');
  });

  it('takes a structure that one of them was not given for no empty one', async () => {
    const out = tempFolder();
    const whole = await resultFolder(out);
    const ct = join(out, 'scan.nii.gz');
    const { grid, data } = await readNifti(join(whole.folder, 'task008.nii.gz'));
    await writeNifti(ct, { grid, data: Int16Array.from(data), slope: 1, intercept: 0 });
    const tumours = join(out, 'mine.nii.gz');
    await writeNifti(tumours, { grid, data: data as Uint8Array });
    const made = await hpb(['report', ct, '--label', `liver_tumors=${tumours}:2`, '--out', out]);
    expect(made.code, made.stderr).toBe(0);

    const { stdout, stderr } = await hpb(['diff', join(out, 'scan'), whole.zip, '--json']);

    const { structures, onlyInA, onlyInB } = JSON.parse(stdout) as {
      structures: { structure: string; dice: number }[];
      onlyInA: string[];
      onlyInB: string[];
    };
    expect(structures, stderr).toMatchObject([{ structure: 'liver_tumors', dice: 1 }]);
    expect(onlyInA).toEqual([]);
    expect(onlyInB.toSorted()).toEqual(['liver.nii.gz', 'task008.nii.gz: hepatic_vessels']);
  });

  it('refuses results of different grids', async () => {
    const out = tempFolder();
    const [a, b] = [await resultFolder(out), await resultFolder(out)];
    const path = join(b.folder, 'liver.nii.gz');
    const { grid, data } = await readNifti(path);
    const affine = grid.affine.map((value, at) => (at === 3 ? value + 5 : value));
    await writeNifti(path, { grid: { ...grid, affine }, data: data as Uint8Array });

    const { code, stderr } = await hpb(['diff', a.zip, b.folder]);

    expect(code).toBe(2);
    expect(stderr).toContain('Code: MASK_GRID_MISMATCH');
  });
});
