import { describe, expect, it } from 'vitest';
import { ProgressTracker } from '../../container/case-progress.ts';
import { caseIdOf } from '../../core/layout.ts';
import type { ModelId } from '../../core/models/catalogue.ts';
import type { CaseProgress } from '../../core/progress.ts';
import { JOB } from './worker-bench.ts';

/** A tracker on a clock that the test moves; `documents` are those written. */
function tracked(models: readonly ModelId[] = ['liver', 'task008']) {
  const time = { seconds: 100 };
  const seen: CaseProgress[] = [];
  const documents: CaseProgress[] = [];
  const tracker = new ProgressTracker({
    jobId: JOB,
    caseId: caseIdOf(1),
    models,
    options: { fast: true, folds: [0], tta: false },
    clock: { now: () => time.seconds * 1000, seconds: () => time.seconds },
    store: {
      put: async (key, body) => {
        documents.push(JSON.parse(String(body)) as CaseProgress);
        return { key, bytes: body.length, tag: String(documents.length), modifiedAt: time.seconds * 1000 };
      },
    },
    onProgress: (progress) => seen.push(progress),
  });
  return { tracker, time, seen, documents };
}

describe('progress of a case', () => {
  it('guesses the time left from the share done, once there is something to go by', () => {
    const { tracker, time, seen } = tracked(['liver']);

    tracker.stage('segment');
    time.seconds += 1;
    tracker.engine('liver', { stage: 'predict', done: 1, total: 2 });
    time.seconds += 9;
    tracker.engine('liver', { stage: 'predict', done: 2, total: 2 });

    expect(seen.map(({ secondsLeft }) => secondsLeft === null)).toEqual([true, true, false]);
    const { fraction, secondsLeft } = seen.at(-1)!;
    expect(secondsLeft).toBeCloseTo((10 * (1 - fraction)) / fraction, 6);
  });

  it('gives every model its part, in order', () => {
    const { tracker, seen } = tracked();

    for (const model of ['liver', 'task008'] as const)
      tracker.engine(model, { stage: 'export', done: 1, total: 1 });

    expect(seen[0]!.fraction).toBeGreaterThan(0.2);
    expect(seen[0]!.fraction).toBeLessThan(0.5);
    expect(seen[1]!.fraction).toBeCloseTo(0.88, 6);
  });

  it('does not fall when an engine reports an earlier stage again', () => {
    const { tracker, seen } = tracked();

    tracker.engine('liver', { stage: 'predict', done: 5, total: 10 });
    tracker.engine('liver', { stage: 'crop', done: 0, total: 1 });

    expect(seen[1]!.fraction).toBe(seen[0]!.fraction);
  });

  it('is written at most once a second, and at the end', async () => {
    const { tracker, time, seen, documents } = tracked();

    for (let done = 0; done < 30; done++) {
      tracker.engine('liver', { stage: 'predict', done, total: 30 });
      time.seconds += 0.125;
    }
    await tracker.end(true);

    expect(seen).toHaveLength(31);
    expect(documents).toHaveLength(5);
    expect(documents.at(-1)).toMatchObject({ fraction: 1, stage: 'publish' });
  });

  it('is written once for a case of less than a second', async () => {
    const { tracker, time, seen, documents } = tracked();

    tracker.stage('fetch');
    time.seconds += 0.9;
    await tracker.end(true);

    expect(seen.at(-1)).toMatchObject({ fraction: 1 });
    expect(documents).toMatchObject([{ stage: 'fetch' }]);
  });
});
