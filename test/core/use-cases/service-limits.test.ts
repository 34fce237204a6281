import { describe, expect, it } from 'vitest';
import { planShards, SIZE_TIERS } from '../../../core/plan.ts';
import { parseSettings } from '../../../core/settings.ts';
import { serviceLimits } from '../../../core/use-cases/service-limits.ts';
import { caseIdOf } from '../../../core/layout.ts';

describe('the shards of a job', () => {
  it.each([1, 60])('hold as many cases on a machine that takes %d times as long', (slowness) => {
    const limits = serviceLimits(parseSettings({ HPB_SHARD_CASES: '8' }), { slots: 1, slowness });
    const cases = Array.from({ length: 16 }, (_, at) => ({
      caseId: caseIdOf(at + 1),
      tier: SIZE_TIERS[0],
      seconds: 20 * slowness,
    }));

    expect(planShards(cases, limits).map((shard) => shard.cases.length)).toEqual([8, 8]);
  });
});
