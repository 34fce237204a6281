import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caseEstimate } from '../../../core/estimate-answer.ts';
import { estimateCase } from '../../../core/estimate.ts';
import {
  calibratedCardBytes,
  calibratedSeconds,
  calibration,
  fitCalibration,
  machineSeconds,
  measuredRuns,
  type MeasuredRun,
} from '../../../core/models/calibration.ts';
import { engineWork, secondsNeeded } from '../../../core/models/seconds.ts';
import type { Dims, Grid } from '../../../core/volume/volume.ts';

const T4 = 'Tesla T4';
const options = { fast: true, folds: [0], tta: false };
const gridOf = (slices: number): Grid => ({
  dims: [512, 512, slices] as unknown as Dims,
  affine: [0.8, 0, 0, 0, 0, 0.8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
});
const run = (over: Partial<MeasuredRun> = {}): MeasuredRun => ({
  model: 'task008',
  options,
  grid: gridOf(200),
  device: T4,
  seconds: 60,
  cardBytes: null,
  ...over,
});
/** A machine that takes so long for a case and for a million voxels of work. */
const runsOf = (base: number, slope: number, sizes: readonly number[]): MeasuredRun[] =>
  sizes.map((slices) => {
    const grid = gridOf(slices);
    return run({ grid, seconds: base + slope * engineWork(grid, 'task008', options) });
  });

describe('a calibration', () => {
  it('finds what a case costs and what a million voxels cost, and foretells grids it has not seen', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 60, noNaN: true }),
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        (base, slope) => {
          const figures = fitCalibration(runsOf(base, slope, [100, 150, 300, 500]))!;
          const grid = gridOf(800);

          const foretold = calibratedSeconds(grid, 'task008', { options, figures })!;

          expect(foretold).toBeCloseTo(base + slope * engineWork(grid, 'task008', options), 3);
          expect(figures.models['task008']!.medianError).toBeLessThan(1e-6);
          expect(calibration.parse(structuredClone(figures))).toEqual(figures);
        },
      ),
    );
  });

  it('is scaled to slower machines when it is of a T4, and used as it is when it is of theirs', () => {
    const grid = gridOf(200);
    const on = (device: string, slowness: number): number => {
      const figures = fitCalibration(runsOf(100, 0, [100, 300, 500]).map((one) => ({ ...one, device })));
      return machineSeconds(grid, 'task008', { options, slowness, figures });
    };
    const uncalibrated = secondsNeeded(grid, 'task008', options);

    expect([on(T4, 1), on(T4, 60), on('cpu', 60), on('NVIDIA L4', 1)]).toEqual([100, 6_000, 100, 100]);
    expect([on('cpu', 1), on('NVIDIA L4', 60)]).toEqual([uncalibrated, 60 * uncalibrated]);
  });

  it('counts test-time augmentation and folds as the passes that they are', () => {
    const figures = fitCalibration(runsOf(5, 0.2, [100, 300, 500]))!;
    const seconds = (over: Partial<typeof options>): number =>
      calibratedSeconds(gridOf(200), 'task008', { options: { ...options, ...over }, figures })! - 5;

    expect(seconds({ tta: true }) / seconds({})).toBeCloseTo(8, 3);
    expect(seconds({ folds: [0, 1, 2] }) / seconds({})).toBeCloseTo(3, 3);
  });

  it('of one run, or of grids of one size, keeps the shape of the formula and scales it', () => {
    const grid = gridOf(200);
    const twice = run({ seconds: 2 * secondsNeeded(grid, 'task008', options) });

    for (const runs of [[twice], [twice, twice, twice, twice]]) {
      const figures = fitCalibration(runs)!;
      expect(calibratedSeconds(grid, 'task008', { options, figures })).toBeCloseTo(twice.seconds, 3);
      expect(calibratedSeconds(gridOf(400), 'task008', { options, figures })!).toBeGreaterThan(twice.seconds);
    }
  });

  it('never foretells less than nothing', () => {
    const falling = [100, 300, 500].map((slices) => run({ grid: gridOf(slices), seconds: 600 - slices }));
    const figures = fitCalibration(falling)!;

    expect(figures.models['task008']!.seconds).toMatchObject({ slope: 0 });
    expect(calibratedSeconds(gridOf(2_000), 'task008', { options, figures })).toBeGreaterThan(0);
  });

  it('is of one device: that with the most runs, or the one that is asked for', () => {
    const runs = [run(), run(), run({ device: 'cpu', seconds: 900 })];

    expect(fitCalibration(runs)).toMatchObject({ device: T4, runs: 2 });
    expect(fitCalibration(runs, 'cpu')).toMatchObject({ device: 'cpu', runs: 1 });
    expect(fitCalibration(runs, 'mps')).toBeNull();
    expect(fitCalibration([])).toBeNull();
  });

  it('keeps the fast variant apart, and knows GPU memory only where runs told it', () => {
    const liver = { model: 'liver', cardBytes: 4e9 } as const;
    const fine = { ...options, fast: false };
    const figures = fitCalibration([run(), run(liver), run({ ...liver, options: fine, cardBytes: 6e9 })])!;

    expect(Object.keys(figures.models)).toEqual(['liver', 'liver-fast', 'task008']);
    expect(calibratedCardBytes(gridOf(200), 'liver', { options: fine, figures })).toBeCloseTo(6e9, -3);
    expect(calibratedCardBytes(gridOf(200), 'task008', { options, figures })).toBeNull();
    expect(calibratedSeconds(gridOf(200), 'totalseg', { options, figures })).toBeNull();
  });
});

describe('an estimate with a calibration', () => {
  const both = { models: ['liver', 'task008'], options } as const;
  const slow = (device: string) =>
    fitCalibration([run({ device }), run({ device, model: 'liver', seconds: 600 })])!;

  it('of a T4 takes time and cost from it', () => {
    const plain = estimateCase({ grid: gridOf(200) }, both, 60e9);
    const estimate = estimateCase({ grid: gridOf(200) }, both, 60e9, slow(T4));

    expect(plain).toMatchObject({ calibrated: false, calibration: null });
    expect(estimate).toMatchObject({ calibrated: true, calibration: { device: T4, runs: 2 } });
    expect(estimate.seconds).toBeCloseTo(660, 3);
    expect(estimate.sizes.at(-1)!.spotUsd!).toBeGreaterThan(plain.sizes.at(-1)!.spotUsd!);
    expect(caseEstimate.parse(estimate)).toEqual(estimate);
  });

  it('of another device leaves the cost of a T4 alone', () => {
    const plain = estimateCase({ grid: gridOf(200) }, both, 60e9);
    const estimate = estimateCase({ grid: gridOf(200) }, both, 60e9, slow('cpu'));

    expect(estimate).toMatchObject({ calibrated: false, calibration: { device: 'cpu' }, sizes: plain.sizes });
    expect(estimate.seconds).toBeCloseTo(660, 3);
  });

  it('that lacks one of the models is as if there were none', () => {
    const estimate = estimateCase({ grid: gridOf(200) }, both, 60e9, fitCalibration([run()]));

    expect(estimate).toEqual(estimateCase({ grid: gridOf(200) }, both, 60e9));
  });
});

describe('what the documents of a case tell of its runs', () => {
  const record = {
    demo: false,
    device: 'cuda:0',
    deviceName: T4,
    devices: { liver: 'cuda:0', task008: 'cpu' },
    seconds: { models: { liver: { total: 12 }, task008: { total: 90 } } },
    peakMemory: { modelVramBytes: { liver: 3e9, task008: null } },
  };
  const metadata = {
    grid: { dims: [512, 512, 200], spacingMm: [0.8, 0.8, 1] },
    provenance: {
      models: [
        { id: 'liver', parameters: options },
        { id: 'task008', parameters: options },
        { id: 'given', parameters: null },
      ],
    },
  };

  it('is each model with its options, grid and the device that it ran on', () => {
    expect(measuredRuns(record, metadata)).toEqual([
      run({ model: 'liver', seconds: 12, cardBytes: 3e9 }),
      run({ device: 'cpu', seconds: 90 }),
    ]);
  });

  it('is nothing for demo networks, and for documents of others', () => {
    expect(measuredRuns({ ...record, demo: true }, metadata)).toBe('demo');
    expect(measuredRuns({ hello: 1 }, metadata)).toBeNull();
    expect(measuredRuns(record, null)).toBeNull();
  });
});
