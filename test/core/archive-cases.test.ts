import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCases, MOST_IGNORED, type ArchiveMember } from '../../core/archive-cases.ts';
import { naturalOrder } from '../../core/natural-order.ts';

const file = (name: string, change: Partial<ArchiveMember> = {}): ArchiveMember => ({
  name,
  folder: false,
  bytes: 1,
  fault: null,
  ...change,
});

/** `name = CT` or `name ! code` of every case. */
function found(...members: readonly (string | ArchiveMember)[]): string[] {
  const all = members.map((member) => (typeof member === 'string' ? file(member) : member));
  return findCases(all, 1000).cases.map(({ name, member, error }) =>
    error === null ? `${name} = ${all[member]!.name}` : `${name} ! ${error.code}`,
  );
}

const ignoredOf = (...names: readonly string[]): string[] =>
  findCases(
    names.map((name) => file(name)),
    1000,
  ).ignored.map(({ name, reason }) => `${name}: ${reason}`);

describe('the cases of an archive', () => {
  it.each([
    ['a folder a case', ['b/raw.nii.gz', 'a/raw_0000.nii.gz'], ['a = a/raw_0000.nii.gz', 'b = b/raw.nii.gz']],
    ['flat files', ['b.nii', 'a_0000.nii.gz'], ['a = a_0000.nii.gz', 'b = b.nii']],
    ['folders in a folder', ['w/b/raw.nii.gz', 'w/a/raw.nii'], ['a = w/a/raw.nii', 'b = w/b/raw.nii.gz']],
    ['flat files in a folder', ['./w/1.nii.gz', './w/2.nii.gz'], ['1 = ./w/1.nii.gz', '2 = ./w/2.nii.gz']],
    ['flat files beside folders', ['a/raw.nii.gz', 'b.nii.gz'], ['a = a/raw.nii.gz', 'b = b.nii.gz']],
    ['one folder, which is the case', ['a/raw.nii.gz', 'a/liver.nii.gz'], ['a = a/raw.nii.gz']],
    ['both names: the plain one', ['a/raw_0000.nii.gz', 'a/raw.nii.gz'], ['a = a/raw.nii.gz']],
    ['both kinds: the compressed one', ['a/raw.nii', 'a/raw_0000.nii.gz'], ['a = a/raw_0000.nii.gz']],
    ['junk around', ['__MACOSX/a/._raw.nii.gz', 'a/raw.nii.gz', '.DS_Store'], ['a = a/raw.nii.gz']],
    ['a folder called as a file', ['a.nii.gz/raw.nii.gz'], ['a.nii.gz = a.nii.gz/raw.nii.gz']],
    ['capitals', ['A/RAW.NII.GZ'], ['A = A/RAW.NII.GZ']],
  ])('are found: %s', (_, names, expected) => {
    expect(found(...names)).toEqual(expected);
  });

  it('are numbered in the natural order of their names', () => {
    const { cases } = findCases(
      ['case10', 'case9', 'case09', 'Case1', 'case'].map((name) => file(`${name}/raw.nii.gz`)),
      10,
    );

    expect(cases.map(({ caseId, name }) => `${caseId} ${name}`)).toEqual([
      'c0001 Case1',
      'c0002 case',
      'c0003 case09',
      'c0004 case9',
      'c0005 case10',
    ]);
  });

  it('are refused one by one when they cannot be told apart', () => {
    expect(found('a/raw.nii.gz', 'a/raw.nii.gz', 'b/raw.nii.gz')).toEqual([
      'a ! INPUT_DUPLICATE_NAME',
      'b = b/raw.nii.gz',
    ]);
    expect(found('a/raw.nii.gz', 'A/raw.nii.gz', 'b/raw.nii.gz')).toEqual([
      'A ! INPUT_DUPLICATE_NAME',
      'a ! INPUT_DUPLICATE_NAME',
      'b = b/raw.nii.gz',
    ]);
    expect(found('a/raw.nii.gz', 'a.nii.gz')).toEqual([
      'a ! INPUT_DUPLICATE_NAME',
      'a ! INPUT_DUPLICATE_NAME',
    ]);
    expect(found('a\u0001.nii.gz', 'a\u0002.nii.gz')).toEqual([
      'a? ! INPUT_DUPLICATE_NAME',
      'a? ! INPUT_DUPLICATE_NAME',
    ]);
  });

  it.each([
    ['link', 'ARCHIVE_UNSAFE'],
    ['special', 'ARCHIVE_UNSAFE'],
    ['encrypted', 'ARCHIVE_ENCRYPTED'],
    ['too-large', 'ARCHIVE_TOO_LARGE'],
    ['unsupported', 'ARCHIVE_UNREADABLE'],
  ] as const)('are refused one by one when the CT cannot be read: %s', (fault, code) => {
    expect(found(file('a/raw.nii.gz', { fault }), 'b/raw.nii.gz')).toEqual([
      `a ! ${code}`,
      'b = b/raw.nii.gz',
    ]);
  });

  it('are read from the file beside a link to it', () => {
    expect(found(file('a/raw.nii.gz', { fault: 'link' }), 'a/raw_0000.nii.gz')).toEqual([
      'a = a/raw_0000.nii.gz',
    ]);
  });

  it('name what is left aside, with the reason', () => {
    expect(
      ignoredOf(
        'a/raw.nii.gz',
        'a/raw.nii',
        'a/mask.nii.gz',
        'x/y/raw.nii.gz',
        'b.zip',
        'c.dcm',
        'readme.txt',
        '__MACOSX/x',
        `${'n'.repeat(1100)}.nii.gz`,
      ),
    ).toEqual([
      'b.zip: an archive inside the archive is not opened',
      'c.dcm: a DICOM file; convert the series with dcm2niix first',
      'readme.txt: not a CT: only .nii and .nii.gz are read',
      '__MACOSX/x: a file of an operating system',
      `${'n'.repeat(199)}…: its name is longer than 1024 characters`,
      'a/mask.nii.gz: not the CT of its folder: that is raw.nii.gz or raw_0000.nii.gz',
      'x/y/raw.nii.gz: too deep: a case is a folder with raw.nii.gz, inside one other folder at most',
      'a/raw.nii: the same case is read from another file beside it',
    ]);
  });

  it('name at most a hundred of a thousand junk files, and count all', () => {
    const junk = Array.from({ length: 1000 }, (_, n) => file(`junk/${n}.txt`));

    const { cases, ignored, ignoredCount } = findCases([...junk, file('a.nii.gz')], 10);

    expect([cases.length, ignored.length, ignoredCount]).toEqual([1, MOST_IGNORED, 1000]);
  });

  it('say what the archive holds instead when there are none', () => {
    const members = ['1.dcm', '2.dcm', 'a.zip'].map((name) => file(name));

    expect(() => findCases(members, 10)).toThrow(
      expect.objectContaining({
        code: 'ARCHIVE_NO_CASES',
        message: 'The archive holds no case: 2 DICOM files, 1 archives inside it.',
      }),
    );
    expect(() => findCases([file('empty/', { folder: true })], 10)).toThrow('The archive holds no file.');
  });

  it('are counted before any is read', () => {
    const members = Array.from({ length: 11 }, (_, n) => file(`${n}.nii.gz`));

    expect(() => findCases(members, 10)).toThrow(expect.objectContaining({ code: 'ARCHIVE_TOO_MANY_CASES' }));
  });

  it.each(['../a.nii.gz', 'a/../../b', '/a.nii.gz', 'C:/a.nii.gz', 'c:a.nii.gz', 'a\\raw.nii.gz', '..'])(
    'are not looked for in an archive with a member %j, and no error repeats the name',
    (name) => {
      const error = expect.objectContaining({ code: 'ARCHIVE_UNSAFE', details: { member: 2 } });

      expect(() => findCases([file('good.nii.gz'), file(name)], 10)).toThrow(error);
      expect(() => findCases([file('good.nii.gz'), file(name, { folder: true })], 10)).toThrow(error);
    },
  );

  it('are the same with the same ids whatever the order of the members', () => {
    const segment = fc.constantFrom('a', 'A', 'b', 'w', 'case2', 'case10', '__MACOSX', '.x', 'ä');
    const base = fc.constantFrom(
      'raw.nii.gz',
      'raw_0000.nii.gz',
      'raw.nii',
      'x.nii.gz',
      'X.nii',
      'n.txt',
      'a.zip',
    );
    const name = fc
      .tuple(fc.array(segment, { maxLength: 3 }), base)
      .map(([path, end]) => [...path, end].join('/'));
    const shuffled = fc
      .uniqueArray(name, { minLength: 1, maxLength: 12 })
      .chain((names) =>
        fc.tuple(fc.constant(names), fc.shuffledSubarray(names, { minLength: names.length })),
      );
    const outcome = (names: readonly string[]): unknown => {
      try {
        const members = names.map((one) => file(one));
        const { cases, ignoredCount, ignored } = findCases(members, 1000);
        const listed = cases.map((one) => [one.caseId, one.name, names[one.member], one.error?.code]);
        return [listed, ignoredCount, ignored.map((one) => one.name).toSorted()];
      } catch (error) {
        return (error as { code: string }).code;
      }
    };

    fc.assert(
      fc.property(shuffled, ([names, other]) => {
        expect(outcome(other)).toEqual(outcome(names));
      }),
    );
  });
});

describe('the natural order', () => {
  it('is a total order in which only equal names are equal', () => {
    const name = fc.stringMatching(/^[ab01 9]{0,6}$/);

    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(naturalOrder(a, b))).toBe(0 - Math.sign(naturalOrder(b, a)));
        expect(naturalOrder(a, b) === 0).toBe(a === b);
        if (naturalOrder(a, b) <= 0 && naturalOrder(b, c) <= 0)
          expect(naturalOrder(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
