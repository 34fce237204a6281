import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caseIdOf } from '../../../core/layout.ts';
import { folderNames } from '../../../core/results/job-manifest.ts';

const namesOf = (...names: readonly string[]): readonly string[] => [
  ...folderNames(names.map((name, index) => ({ caseId: caseIdOf(index + 1), name }))).values(),
];

describe('folder names in a ZIP', () => {
  it.each([
    ['case 1', 'case 1'],
    ['Müller', 'Müller'],
    ['../../etc/passwd', '_.._etc_passwd'],
    ['a\u0000b\nc', 'a_b_c'],
    ['a\u202egnp', 'a_gnp'],
    ['C:\\x', 'C__x'],
    ['CON', '_CON'],
    ['manifest.json', '_manifest.json'],
    ['Receipt.json', '_Receipt.json'],
    ['dots. .', 'dots'],
    ['', 'c0001'],
    ['...', 'c0001'],
  ])('%j is %j', (name, folder) => {
    expect(namesOf(name)).toEqual([folder]);
  });

  it('of cases that differ in case only, or not at all, are told apart', () => {
    expect(namesOf('a', 'A', 'a', 'a_2')).toEqual(['a', 'A_2', 'a_3', 'a_2_2']);
  });

  it('fit into the 255 bytes that a file system takes, also in letters of several bytes', () => {
    const long = '\u{809d}'.repeat(100);
    const folders = namesOf(long, `${long}2`, '\u{1fac0}'.repeat(100));

    expect(new Set(folders).size).toBe(3);
    for (const folder of folders) expect(Buffer.byteLength(folder)).toBeLessThanOrEqual(255);
  });

  it('are unique, and one plain segment, whatever the callers call their cases', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 150 }), { maxLength: 20 }), (names) => {
        const folders = namesOf(...names);

        expect(new Set(folders.map((name) => name.toLowerCase())).size).toBe(names.length);
        for (const folder of folders) {
          expect(folder).toMatch(/^[^/\\\p{Cc}.][^/\\\p{Cc}]*$/u);
          expect(folder.isWellFormed()).toBe(true);
        }
      }),
    );
  });
});
