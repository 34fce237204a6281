import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_STATES } from '../../core/job.ts';
import * as layout from '../../core/layout.ts';
import { isCaseId, isJobId, isUploadId, type JobId, type UploadId } from '../../core/layout.ts';

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'.split('');
const edge = fc.constantFrom(...letters);
const middle = fc.string({ unit: fc.constantFrom(...letters, '-'), minLength: 6, maxLength: 62 });
const jobIds = fc.tuple(edge, middle, edge).map((parts) => parts.join('') as JobId);
const ordinals = fc.integer({ min: 1, max: 99_999 });
const attempts = fc.integer({ min: 1, max: 999 });
/** From 1970 to the year 2286, ms. */
const times = fc.integer({ min: 0, max: 9_999_999_999_999 });
/** Texts that are nearly what we make, among them some that are. */
const likeOurs = fc.oneof(
  fc.string(),
  fc.stringMatching(/^[a-z0-9-]{5,10}-a\d{1,3}$/),
  fc.stringMatching(/^index\/(jobs|states\/RUNNING|states\/[a-z]{3})\/\d{12,14}-[a-z0-9-]{5,12}$/),
);
const states = fc.constantFrom(undefined, ...JOB_STATES);

describe('ids', () => {
  it('are what their checks take, and nothing that could leave its place in a key', () => {
    fc.assert(
      fc.property(jobIds, ordinals, (jobId, ordinal) => {
        expect(isJobId(jobId)).toBe(true);
        expect(isUploadId(`u-${jobId.slice(0, 62)}`)).toBe(isJobId(`u-${jobId.slice(0, 62)}`));
        expect(isCaseId(layout.caseIdOf(ordinal))).toBe(true);
      }),
    );
    for (const text of [
      '',
      'short',
      'UPPERCASE',
      'with/slash',
      'with..dots',
      '-begins',
      'ends-----',
      'a'.repeat(65),
    ])
      expect(isJobId(text)).toBe(false);
  });
});

describe('keys and names', () => {
  it('of the index say which job they stand for, and since when', () => {
    fc.assert(
      fc.property(jobIds, times, states, (jobId, createdAt, state) => {
        const key = layout.jobIndexKey({ jobId, createdAt }, state);

        expect(key.startsWith(layout.jobIndexPrefix(state))).toBe(true);
        expect(layout.parseJobIndexKey(key)).toEqual({ jobId, createdAt });
      }),
    );
  });

  it('of the index sort the newest job first', () => {
    fc.assert(
      fc.property(jobIds, jobIds, times, times, (one, other, early, late) => {
        fc.pre(early < late);
        const older = layout.jobIndexKey({ jobId: one, createdAt: early });
        const newer = layout.jobIndexKey({ jobId: other, createdAt: late });

        expect(newer < older).toBe(true);
      }),
    );
  });

  it('of executions say which job and attempt they are, in at most 80 characters', () => {
    fc.assert(
      fc.property(jobIds, attempts, (jobId, attempt) => {
        const name = layout.executionName(jobId, attempt);

        expect(layout.parseExecutionName(name)).toEqual({ jobId, attempt });
        expect(name.length).toBeLessThanOrEqual(80);
      }),
    );
  });

  it('of somebody else are not read as ours', () => {
    fc.assert(
      fc.property(likeOurs, (text) => {
        const index = layout.parseJobIndexKey(text);
        const execution = layout.parseExecutionName(text);

        if (index !== null)
          expect([layout.jobIndexKey(index), layout.jobIndexKey(index, 'RUNNING')]).toContain(text);
        if (execution !== null) expect(layout.executionName(execution.jobId, execution.attempt)).toBe(text);
      }),
    );
    for (const key of [
      'index/jobs/',
      'index/jobs/123-too-short',
      'index/states/running/0000000000001-job-000001',
    ])
      expect(layout.parseJobIndexKey(key)).toBeNull();
  });

  it('of one job lie below its prefix, and below that of no other job', () => {
    fc.assert(
      fc.property(jobIds, jobIds, ordinals, attempts, (jobId, other, ordinal, attempt) => {
        fc.pre(jobId !== other);
        const caseId = layout.caseIdOf(ordinal);
        const keys = [
          layout.caseInputKey(jobId, caseId),
          layout.caseResultKey(jobId, caseId),
          layout.caseFileKey(jobId, caseId, 'liver.nii.gz'),
          layout.caseZipKey(jobId, caseId),
          layout.caseProgressKey(jobId, caseId),
          layout.shardKey(jobId, attempt, ordinal),
          layout.shardFailureKey(jobId, attempt, ordinal),
          layout.jobDocumentKey(jobId),
          layout.jobRequestKey(jobId),
          layout.jobCasesKey(jobId),
          layout.jobPlanKey(jobId, attempt),
          layout.jobManifestKey(jobId),
          layout.jobZipKey(jobId),
        ];

        expect(keys.filter((key) => !key.startsWith(layout.jobPrefix(jobId)))).toEqual([]);
        expect(keys.filter((key) => key.startsWith(layout.jobPrefix(other)))).toEqual([]);
        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });

  it('of uploads lie below their prefix', () => {
    const uploadId = 'u-0123456789' as UploadId;

    for (const key of [layout.uploadInputKey(uploadId), layout.uploadDocumentKey(uploadId)])
      expect(key.startsWith(layout.uploadPrefix(uploadId))).toBe(true);
    expect(layout.parseUploadKey(layout.uploadInputKey(uploadId))).toBe(uploadId);
    expect(layout.uploadPrefix(uploadId).startsWith(layout.UPLOADS_PREFIX)).toBe(true);
  });
});
