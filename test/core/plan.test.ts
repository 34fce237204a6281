import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryNeededForCase } from '../../core/models/case-memory.ts';
import { caseIdOf } from '../../core/layout.ts';
import { planShards, planTimes, SIZE_TIERS, sizeTier, type PlannableCase } from '../../core/plan.ts';

const planned = fc
  .array(fc.record({ seconds: fc.integer({ min: 1, max: 4_000 }), tier: fc.constantFrom(...SIZE_TIERS) }), {
    maxLength: 120,
  })
  .map((cases) => cases.map((one, index): PlannableCase => ({ ...one, caseId: caseIdOf(index + 1) })));
const bounds = fc.record({
  slots: fc.integer({ min: 1, max: 20 }),
  shardCases: fc.integer({ min: 1, max: 16 }),
  shardSeconds: fc.integer({ min: 60, max: 4_000 }),
});

describe('a plan', () => {
  it('holds every case exactly once', () => {
    fc.assert(
      fc.property(planned, bounds, (cases, limits) => {
        const ids = planShards(cases, limits).flatMap((shard) => shard.cases.map(({ caseId }) => caseId));

        expect([...ids].sort()).toEqual(cases.map(({ caseId }) => caseId).sort());
      }),
    );
  });

  it('keeps the bounds of a shard, and one machine size in it', () => {
    fc.assert(
      fc.property(planned, bounds, (cases, limits) => {
        for (const shard of planShards(cases, limits)) {
          expect(shard.cases.length).toBeLessThanOrEqual(limits.shardCases);
          expect(shard.cases.length === 1 || shard.seconds <= limits.shardSeconds).toBe(true);
          expect(new Set(shard.cases.map(({ tier }) => tier.memoryMib))).toEqual(
            new Set([shard.tier.memoryMib]),
          );
        }
      }),
    );
  });

  it('is the same whatever the order of the cases', () => {
    fc.assert(
      fc.property(planned, bounds, (cases, limits) => {
        expect(planShards([...cases].reverse(), limits)).toEqual(planShards(cases, limits));
      }),
    );
  });

  it('gives every slot work', () => {
    const cases = Array.from({ length: 6 }, (_, index) => ({
      caseId: caseIdOf(index + 1),
      seconds: 10,
      tier: SIZE_TIERS[0],
    }));

    const shards = planShards(cases, { slots: 3, shardCases: 8, shardSeconds: 1_000 });

    expect(shards.map((shard) => shard.cases.length)).toEqual([2, 2, 2]);
  });
});

describe('the times of a plan', () => {
  const shard = {
    tier: SIZE_TIERS[0],
    cases: [{ caseId: caseIdOf(1), seconds: 50, tier: SIZE_TIERS[0] }],
    seconds: 50,
  };
  const limits = { slots: 2, queueSeconds: 100, caseTimeoutSeconds: 1_000, publishSeconds: 900 };

  it('let a case alone in its shard use all of its time', () => {
    expect(planTimes([shard], limits).attemptSeconds).toEqual([1_600]);
  });

  it('grow with the rounds that the slots need', () => {
    const one = planTimes([shard, shard], limits).shardSeconds;
    const two = planTimes([shard, shard, shard], limits).shardSeconds;

    expect([one, two]).toEqual([1_700, 3_300]);
  });

  it('stay within the life of an execution', () => {
    const many = Array.from({ length: 1_000 }, () => shard);

    expect(planTimes(many, { ...limits, slots: 1 }).shardSeconds).toBeLessThan(7 * 24 * 3_600);
  });
});

describe('the size of a machine', () => {
  const run = { models: ['liver', 'task008'], options: { fast: true, folds: [0], tta: false } } as const;
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

  it('grows with the CT', () => {
    const sizes = [100, 400, 600].map(
      (edge) => sizeTier({ dims: [edge, edge, edge], affine }, run).memoryMib,
    );

    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBeGreaterThan(1);
  });

  it('is one whose memory the check of the worker finds enough', () => {
    const sizes = fc.record({ edge: fc.integer({ min: 50, max: 900 }), fast: fc.boolean() });
    fc.assert(
      fc.property(sizes, ({ edge, fast }) => {
        const grid = { dims: [edge, edge, edge] as const, affine };
        const { models, options } = { ...run, options: { ...run.options, fast } };
        const needed = memoryNeededForCase(grid, models, options);
        const bytes = sizeTier(grid, { models, options }).memoryMib * 2 ** 20;

        expect(bytes >= needed || bytes === SIZE_TIERS[2].memoryMib * 2 ** 20).toBe(true);
      }),
    );
  });

  it('is the largest for a CT that fits nowhere', () => {
    expect(sizeTier({ dims: [2_000, 2_000, 2_000], affine }, run)).toEqual(SIZE_TIERS[2]);
  });
});
