import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HpbError } from '../../core/errors.ts';
import {
  applyJobEvent,
  beginAttempt,
  isFinal,
  jobDocument,
  type JobDocument,
  type JobEvent,
} from '../../core/job.ts';
import type { JobId } from '../../core/layout.ts';

const job: JobDocument = {
  layoutVersion: 1,
  jobId: 'job-12345678' as JobId,
  state: 'QUEUED',
  attempt: 1,
  batch: true,
  models: ['liver'],
  options: { fast: true, folds: [0], tta: false },
  createdAt: 1,
  updatedAt: 1,
  endedAt: null,
  deadlineAt: null,
  counts: null,
  error: null,
  attempts: [{ attempt: 1, startedAt: 1, endedAt: null, state: null, code: null }],
  zip: null,
};
const error = new HpbError('JOB_TIMEOUT', 'Late.', { remedy: 'Retry.' }).toDocument();
const counts = { total: 2, succeeded: 1, failed: 1 };

const anyEvent = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 7 }))
  .map(([attempt, kind]): JobEvent => {
    const events: readonly JobEvent[] = [
      { attempt, event: 'prepare' },
      { attempt, event: 'run', counts, deadlineAt: 9 },
      { attempt, event: 'publish' },
      { attempt, event: 'fail', error },
      { attempt, event: 'cancel', error },
      { attempt, event: 'finish', state: 'SUCCEEDED', counts, zip: null, error: null },
      { attempt, event: 'finish', state: 'PARTIAL', counts, zip: null, error: null },
      { attempt, event: 'finish', state: 'FAILED', counts, zip: null, error },
    ];
    return events[kind]!;
  });

function applyAll(events: readonly JobEvent[]): readonly JobDocument[] {
  const history = [job];
  events.forEach((event, index) => {
    const next = applyJobEvent(history.at(-1)!, event, index + 2);
    if (next !== null) history.push(next);
  });
  return history;
}

describe('events of a job, in any order and however often', () => {
  it('end it at most once, and nothing changes it after that', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const history = applyAll(events);
        const finals = history.filter(({ state }) => isFinal(state));

        expect(finals.length).toBeLessThanOrEqual(1);
        if (finals.length === 1) expect(history.at(-1)).toBe(finals[0]);
      }),
    );
  });

  it('always leave a valid document whose end is told alike by job and attempt', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const last = applyAll(events).at(-1)!;

        expect(jobDocument.parse(last)).toEqual(last);
        expect(last.attempts.at(-1)!.state).toBe(isFinal(last.state) ? last.state : null);
        expect(last.endedAt !== null).toBe(isFinal(last.state));
      }),
    );
  });

  it('end it by the first final event of its attempt', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 30 }), (events) => {
        const first = events.find(
          ({ attempt, event }) => attempt === 1 && ['finish', 'fail', 'cancel'].includes(event),
        );

        expect(isFinal(applyAll(events).at(-1)!.state)).toBe(first !== undefined);
      }),
    );
  });
});

describe('another attempt', () => {
  it('is not touched by what the one before still says', () => {
    const ended = applyJobEvent(job, { attempt: 1, event: 'cancel', error }, 5)!;
    const begun = beginAttempt(ended, 6);

    expect(begun).toMatchObject({ state: 'QUEUED', attempt: 2, error: null, endedAt: null });
    expect(applyJobEvent(begun, { attempt: 1, event: 'fail', error }, 7)).toBeNull();
  });
});
