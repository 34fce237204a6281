import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { randomIds } from '../../adapters/random-ids.ts';
import { executionName, isJobId, isUploadId } from '../../core/layout.ts';

describe('ids', () => {
  it('are ids that keys can be built of, and never the same twice', () => {
    const jobs = Array.from({ length: 100 }, () => randomIds.jobId());
    const uploads = Array.from({ length: 100 }, () => randomIds.uploadId());

    expect(jobs.every(isJobId)).toBe(true);
    expect(uploads.every(isUploadId)).toBe(true);
    expect(new Set([...jobs, ...uploads]).size).toBe(200);
  });

  it('derived from a text are the same for the same text, and do not tell it', () => {
    const id = randomIds.derivedJobId('order 66 of Miller');

    expect(id).toBe(randomIds.derivedJobId('order 66 of Miller'));
    expect(id).not.toBe(randomIds.derivedJobId('order 67 of Miller'));
    expect(isJobId(id)).toBe(true);
    expect(id).not.toContain('miller');
  });

  it('leave room for the attempt in the name of an execution', () => {
    expect(executionName(randomIds.derivedJobId('x'), 999).length).toBeLessThanOrEqual(80);
  });

  it('know SHA-256', () => {
    expect(randomIds.sha256('é')).toBe(createHash('sha256').update('é', 'utf8').digest('hex'));
  });
});
