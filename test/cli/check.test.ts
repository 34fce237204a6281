import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKED_CT, tarGzOf, zipOf } from '../fixtures/bad-archives.ts';
import { hpb } from '../fixtures/hpb-command.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

function fileOf(name: string, content: Uint8Array): string {
  const path = join(tempFolder(), name);
  writeFileSync(path, content);
  return path;
}

const jsonLines = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

const MIXED = [
  { name: 'a/raw.nii.gz', content: PACKED_CT },
  { name: 'b/raw.nii.gz', content: PACKED_CT.subarray(0, 300) },
  { name: 'notes.txt', content: Buffer.from('x') },
];

describe('hpb check', () => {
  it('says of an archive which cases it holds, which are fit, and what is left aside', async () => {
    const file = fileOf('cases.tgz', await tarGzOf(MIXED));

    const { code, stdout, stderr } = await hpb(['check', file]);

    expect(stderr).toBe('');
    expect(stdout).toContain(`${file}, case a: fit to run\n  grid         16 x 12 x 12 voxels`);
    expect(stdout).toContain(`${file}, case b: NOT fit to run\n  problem`);
    expect(stdout).toContain(
      `${file}: 2 cases found, 1 fit to run\n  left aside   notes.txt: not a CT: only .nii and .nii.gz are read\n`,
    );
    expect(code).toBe(3);
  });

  it('prints a line of JSON for every case and one for the archive', async () => {
    const file = fileOf('cases.zip', zipOf(MIXED));

    const { code, stdout } = await hpb(['check', '--json', file]);

    expect(jsonLines(stdout)).toMatchObject([
      { file, case: 'a', fit: true, problems: [] },
      { file, case: 'b', fit: false, facts: null, problems: [{ code: 'NIFTI_TRUNCATED' }] },
      { file, cases: 2, fitCases: 1, ignored: [{ name: 'notes.txt' }], ignoredCount: 1 },
    ]);
    expect(code).toBe(3);
  });

  it('says of an archive that cannot be used why', async () => {
    const unsafe = fileOf('unsafe.zip', zipOf([{ name: '../raw.nii.gz', content: PACKED_CT }]));

    const { code, stdout } = await hpb(['check', '--json', unsafe]);

    expect(jsonLines(stdout)).toMatchObject([
      { file: unsafe, fit: false, facts: null, problems: [{ code: 'ARCHIVE_UNSAFE' }] },
    ]);
    expect(code).toBe(2);
  });

  it('holds to the bounds of the settings', async () => {
    const file = fileOf('cases.zip', zipOf(MIXED));

    const { code, stdout } = await hpb(['check', '--json', file], { HPB_MAX_BATCH: '1' });

    expect(jsonLines(stdout)).toMatchObject([{ problems: [{ code: 'ARCHIVE_TOO_MANY_CASES' }] }]);
    expect(code).toBe(2);
  });

  it('takes CTs and archives together, and a CT as it did before', async () => {
    const ct = fileOf('ct.nii.gz', PACKED_CT);
    const archive = fileOf('cases.zip', zipOf(MIXED.slice(0, 1)));

    const { code, stdout } = await hpb(['check', '--json', ct, archive]);

    expect(jsonLines(stdout)).toMatchObject([
      { file: ct, fit: true, facts: { dims: [16, 12, 12] }, problems: [] },
      { file: archive, case: 'a', fit: true },
      { file: archive, cases: 1, fitCases: 1 },
    ]);
    expect(Object.keys(jsonLines(stdout)[0] as object)).toEqual([
      'file',
      'fit',
      'facts',
      'problems',
      'warnings',
    ]);
    expect(code).toBe(0);
  });

  it.each([
    ['a folder', () => tempFolder(), 'INPUT_IS_FOLDER'],
    ['nothing', () => join(tempFolder(), 'nothing.nii.gz'), 'INPUT_NOT_FOUND'],
    [
      'a 7z archive',
      () => fileOf('x.7z', Buffer.from(`377abcaf271c${'00'.repeat(600)}`, 'hex')),
      'INPUT_IS_ARCHIVE',
    ],
    ['a text', () => fileOf('x.nii.gz', Buffer.from('hello')), 'NIFTI_NOT_NIFTI'],
  ])('says what is wrong with %s', async (_, make, problem) => {
    const { code, stdout } = await hpb(['check', '--json', make()]);

    expect(jsonLines(stdout)).toMatchObject([{ fit: false, problems: [{ code: problem }] }]);
    expect(code).toBe(2);
  });
});
