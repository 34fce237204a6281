import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateCase } from '../../core/estimate.ts';
import { caseEstimate } from '../../core/estimate-answer.ts';
import { cardMemoryNeeded } from '../../core/models/card-memory.ts';
import { memoryNeededForCase } from '../../core/models/case-memory.ts';
import { MODEL_IDS, type ModelId } from '../../core/models/catalogue.ts';
import { SIZE_TIERS, sizeTier, type ModelRun } from '../../core/plan.ts';
import type { Dims } from '../../core/volume/volume.ts';

const LARGEST = SIZE_TIERS[2].memoryMib * 2 ** 20;
const both: ModelRun = { models: ['liver', 'task008'], options: { fast: true, folds: [0], tta: false } };
const finer = (...models: ModelId[]): ModelRun => ({ models, options: { ...both.options, fast: false } });

/** Axes to the left, to the front and to the head; edges in mm. */
const scan = (dims: Dims, [x, y, z]: readonly [number, number, number] = [1, 1, 1]) => ({
  grid: { dims, affine: [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1] },
});
const usual = scan([512, 512, 300], [0.8, 0.8, 1]);

describe('an estimate', () => {
  it('of a usual CT fits, with the cost where it fits and none where it does not', () => {
    const estimate = estimateCase(usual, both, LARGEST);

    expect(estimate).toMatchObject({ fits: true, problems: [], ways: [], calibrated: false });
    expect(estimate.sizes.at(-1)).toMatchObject({ machine: 'g4dn.4xlarge', fits: true });
    for (const { fits, onDemandUsd, spotUsd } of estimate.sizes) {
      expect(onDemandUsd !== null).toBe(fits);
      if (fits) expect(spotUsd).toBeLessThan(onDemandUsd!);
    }
    expect(caseEstimate.parse(estimate)).toEqual(estimate);
  });

  it('names as the first machine that fits the one that the planner takes', () => {
    const edges = fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 20, max: 900 }))) as fc.Arbitrary<
      [number, number, number]
    >;
    const runs = fc.record({ models: fc.subarray([...MODEL_IDS], { minLength: 1 }), fast: fc.boolean() });
    fc.assert(
      fc.property(edges, runs, (dims, { models, fast }) => {
        const run = { models, options: { ...both.options, fast } };
        const first = estimateCase(scan(dims), run, LARGEST).sizes.find(({ fits }) => fits);

        if (first !== undefined)
          expect(first.memoryBytes).toBe(sizeTier(scan(dims).grid, run).memoryMib * 2 ** 20);
      }),
    );
  });

  it('takes longer with more folds and with augmentation, and costs more', () => {
    const secondsWith = (change: Partial<ModelRun['options']>): number =>
      estimateCase(usual, { ...both, options: { ...both.options, ...change } }, LARGEST).seconds;

    expect(secondsWith({ folds: [0, 1] })).toBeGreaterThan(secondsWith({}));
    expect(secondsWith({ tta: true })).toBeGreaterThan(secondsWith({ folds: [0, 1] }));
  });

  it('is refused for what else the header says, though the memory is enough', () => {
    const { problems } = estimateCase(scan([2_000, 2_000, 2_000]), both, LARGEST);
    const estimate = estimateCase({ ...usual, problems }, both, LARGEST);

    expect(estimate).toMatchObject({ fits: false, problems, ways: [] });
  });

  it('says that a T4 does not hold all of the sums of a large CT, and refuses nothing for it', () => {
    const { models } = estimateCase(scan([512, 512, 1_000], [1.5, 1.5, 1.5]), finer('totalseg'), Infinity);

    expect(models[0]).toMatchObject({ model: 'totalseg', cardHoldsAll: false });
    expect(cardMemoryNeeded(usual.grid, 'totalseg', both.options)).toBeLessThan(models[0]!.cardBytes);
  });
});

describe('what would make a CT fit', () => {
  it.each([
    ['fast', finer('totalseg'), scan([400, 400, 400], [1.5, 1.5, 1.5])],
    ['split', finer('totalseg', 'task008', 'liver_vessels', 'liver_segments'), usual],
    ['crop', { ...both, models: ['task008'] as const }, scan([512, 512, 900], [0.8, 0.8, 1])],
  ] as const)('can be to %s', (change, run, { grid }) => {
    // Just enough for the changed request.
    const options = { ...run.options, fast: true };
    const models: readonly ModelId[] = run.models;
    const enough = {
      fast: () => memoryNeededForCase(grid, models, options),
      split: () => Math.max(...models.map((model) => memoryNeededForCase(grid, [model], run.options))),
      crop: () => memoryNeededForCase({ ...grid, dims: [grid.dims[0], grid.dims[1], 400] }, models, options),
    }[change]();

    const { fits, ways, problems } = estimateCase({ grid }, run, enough);

    expect(fits).toBe(false);
    expect(problems.map(({ code }) => code)).toEqual(['CT_EXCEEDS_MEMORY']);
    expect(ways.map(({ changes }) => changes)).toContainEqual([change]);
    if (change === 'crop') {
      expect(ways[0]!.crop).toEqual({ axis: 2, slices: 400, extentMm: 400 });
      expect(problems[0]!.remedy).toContain('crop the CT to 400 slices (400 mm) from head to feet');
    }
  });

  it('fits when it is done, is as little as will do, and leaves room for a liver', () => {
    const dims = fc.tuple(...[1, 2, 3].map(() => fc.integer({ min: 60, max: 1_200 }))) as fc.Arbitrary<
      [number, number, number]
    >;
    const runs = fc.record({ models: fc.subarray([...MODEL_IDS], { minLength: 1 }), fast: fc.boolean() });
    const shares = fc.double({ min: 0.3, max: 0.99, noNaN: true });
    let some = 0;
    fc.assert(
      fc.property(dims, runs, shares, (size, { models, fast }, share) => {
        const run = { models, options: { ...both.options, fast } };
        const limit = share * memoryNeededForCase(scan(size).grid, models, run.options);
        const { ways } = estimateCase(scan(size), run, limit);
        for (const { changes, crop } of ways) {
          some += 1;
          const options = { ...both.options, fast: fast || changes.includes('fast') };
          const jobs = changes.includes('split') ? models.map((model) => [model]) : [models];
          const memoryOf = (slices: number): number => {
            const { grid } = scan([size[0], size[1], slices]);
            return Math.max(...jobs.map((part) => memoryNeededForCase(grid, part, options)));
          };

          expect(memoryOf(crop?.slices ?? size[2])).toBeLessThanOrEqual(limit);
          expect(crop !== null).toBe(changes.includes('crop'));
          if (crop === null) continue;
          expect(crop.extentMm).toBeGreaterThanOrEqual(250);
          expect(memoryOf(crop.slices + 1)).toBeGreaterThan(limit);
        }
        const asText = ways.map(({ changes }) => changes);
        for (const [index, changes] of asText.entries())
          for (const less of asText.slice(0, index))
            expect(less.every((change) => changes.includes(change))).toBe(false);
      }),
    );
    expect(some).toBeGreaterThan(10);
  });

  it('finds the axis from head to feet wherever it is', () => {
    const grid = {
      dims: [900, 512, 512] as const,
      affine: [0, 0.8, 0, 0, 0, 0, 0.8, 0, -1, 0, 0, 0, 0, 0, 0, 1],
    };
    const run: ModelRun = { ...both, models: ['task008'] };
    const limit = memoryNeededForCase({ ...grid, dims: [300, 512, 512] }, run.models, run.options);

    expect(estimateCase({ grid }, run, limit).ways[0]!.crop).toMatchObject({ axis: 0 });
  });

  it('is nothing for a CT of which even a crop is too much', () => {
    const { ways, problems } = estimateCase(scan([2_000, 2_000, 2_000]), both, 4e9);

    expect(ways).toEqual([]);
    expect(problems[0]!.remedy).toMatch(/^No option makes it fit/);
  });
});
