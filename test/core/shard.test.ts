import { describe, expect, it } from 'vitest';
import { caseIdOf, isCaseId, isJobId } from '../../core/layout.ts';
import { segmentOptions, shard } from '../../core/shard.ts';

const valid = {
  layoutVersion: 1,
  jobId: 'job-12345678',
  attempt: 1,
  cases: [{ caseId: 'c0001', inputKey: 'k', models: ['liver'], options: {}, timeoutSeconds: 60 }],
};

describe('a shard document', () => {
  it('fills in the options of the service this project replaces', () => {
    expect(shard.parse(valid).cases[0]!.options).toEqual({ fast: true, folds: [0], tta: false });
  });

  it.each([
    ['an unknown model', { cases: [{ ...valid.cases[0], models: ['brain'] }] }],
    ['no case', { cases: [] }],
    ['a case id that is a name', { cases: [{ ...valid.cases[0], caseId: 'smith' }] }],
    ['another layout version', { layoutVersion: 2 }],
    ['a job id with a slash', { jobId: '../../etc/passwd' }],
  ])('refuses %s', (_, change) => {
    expect(shard.safeParse({ ...valid, ...change }).success).toBe(false);
  });
});

describe('folds', () => {
  it('are sorted and unique', () => {
    expect(segmentOptions.parse({ folds: [3, 0, 3] }).folds).toEqual([0, 3]);
  });

  it.each([[[5]], [[-1]], [[0.5]], [[]]])('refuse %j', (folds) => {
    expect(segmentOptions.safeParse({ folds }).success).toBe(false);
  });
});

describe('ids', () => {
  it('of cases are ordinals', () => {
    expect(caseIdOf(1)).toBe('c0001');
    expect(isCaseId(caseIdOf(12345))).toBe(true);
    expect(isCaseId('c1')).toBe(false);
  });

  it.each(['a', 'A-upper-case', 'trailing-', 'dots..dots', 'x'.repeat(65)])('of jobs are not %s', (text) => {
    expect(isJobId(text)).toBe(false);
  });
});
