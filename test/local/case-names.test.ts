import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseNames } from '../../local/case-names.ts';

describe('the name of a case', () => {
  it.each([
    ['scan.nii.gz', 'scan'],
    ['a/b/scan.nii', 'scan'],
    ['SCAN.NII.GZ', 'SCAN'],
    ['hepaticvessel_001_0000.nii.gz', 'hepaticvessel_001'],
    ['scan.v2.nii.gz', 'scan.v2'],
    ['patient7/raw.nii.gz', 'patient7'],
    ['patient7/raw_0000.nii.gz', 'patient7'],
    ['/raw.nii.gz', 'case'],
    ['patient7/.nii.gz', 'patient7'],
    ['patient7/..nii.gz', 'patient7'],
    ['patient7/...nii.gz', 'patient7'],
    ['patient7/._0000.nii', 'patient7'],
    ['patient7/....nii.gz', '...'],
  ])('of %s is %s', (path, name) => {
    expect(caseNames([path])).toEqual([name]);
  });

  it.each([
    ['raw.nii.gz', basename(process.cwd())],
    ['./raw.nii.gz', basename(process.cwd())],
    ['../raw.nii.gz', basename(dirname(process.cwd())) || 'case'],
    ['patient7/../raw.nii.gz', basename(process.cwd())],
  ])('of %s is that of the folder it really lies in', (path, name) => {
    expect(caseNames([path])).toEqual([name]);
  });

  it('is numbered where several would have the same', () => {
    expect(caseNames(['a/scan.nii', 'b/scan.nii.gz', 'c/scan_0000.nii.gz'])).toEqual([
      'scan',
      'scan-2',
      'scan-3',
    ]);
  });

  it('is not taken from an earlier numbered one', () => {
    expect(caseNames(['scan.nii', 'scan-2.nii', 'b/scan.nii'])).toEqual(['scan', 'scan-2', 'scan-3']);
  });
});
