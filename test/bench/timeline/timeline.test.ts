import { describe, expect, it } from 'vitest';
import { timelineOf } from '../../../bench/timeline/timeline.ts';
import { timelineSvg } from '../../../bench/timeline/timeline-svg.ts';

/** Lines as a worker writes them; `at` is when they were written, s. */
const line = (at: number, fields: object): string =>
  JSON.stringify({ time: new Date(1_800_000_000_000 + 1000 * at).toISOString(), level: 'debug', ...fields });
const stage = (at: number, caseId: string, name: string, seconds: number): string =>
  line(at, { event: 'case:stage', caseId, stage: name, seconds });

const LOG = [
  line(0, { event: 'worker:start' }),
  stage(1, 'c0001', 'fetch', 1),
  line(5.5, {
    event: 'case:stage',
    caseId: 'c0001',
    stage: 'segment',
    model: 'liver',
    load: 0.5,
    preprocess: 0.5,
    predict: 3,
    export: 0.5,
  }),
  stage(4, 'c0002', 'fetch', 2),
  stage(6, 'c0001', 'segment', 5),
  stage(8, 'c0001', 'publish', 2),
  stage(12, 'c0002', 'segment', 5),
  line(12, { event: 'case:stage', caseId: 'c0002', stage: 'package', bytes: 17 }),
  'Traceback: not of ours',
  '',
].join('\n');

describe('the timeline of a worker', () => {
  it('has the stages of each case from when they began', () => {
    const { cases } = timelineOf(LOG);

    expect(cases.map(({ caseId, stages }) => [caseId, stages])).toEqual([
      [
        'c0001',
        [
          { stage: 'fetch', from: 0, to: 1 },
          { stage: 'segment', from: 1, to: 6 },
          { stage: 'publish', from: 6, to: 8 },
        ],
      ],
      [
        'c0002',
        [
          { stage: 'fetch', from: 2, to: 4 },
          { stage: 'segment', from: 7, to: 12 },
        ],
      ],
    ]);
  });

  it('has the stages of the engine one after the other up to the end of its run', () => {
    const [first] = timelineOf(LOG).cases;

    expect(first!.engine.map(({ model, stage, from, to }) => [model, stage, from, to])).toEqual([
      ['liver', 'load', 1, 1.5],
      ['liver', 'crop', 1.5, 1.5],
      ['liver', 'preprocess', 1.5, 2],
      ['liver', 'predict', 2, 5],
      ['liver', 'export', 5, 5.5],
    ]);
  });

  it('says how long it took, how long it would have, and how busy the engine was', () => {
    const { seconds, engineBusy } = timelineOf(LOG);

    expect(seconds).toEqual({ wall: 12, serial: 15, engine: 10 });
    expect(engineBusy).toBeCloseTo(10 / 11, 3);
  });

  it('is drawn with a bar for each', () => {
    const svg = timelineSvg(timelineOf(LOG), 'A worker');

    expect([...svg.matchAll(/<title>(\w+) [\d.]+ s<\/title>/g)].map(([, name]) => name)).toEqual([
      'fetch',
      'segment',
      'publish',
      'fetch',
      'segment',
    ]);
    expect(svg).toContain('<title>liver: predict 3.00 s</title>');
  });

  it('is empty for a log without stages', () => {
    expect(timelineOf(line(0, { event: 'worker:start' })).cases).toEqual([]);
  });
});
