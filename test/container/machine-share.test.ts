import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MachineShare } from '../../container/machine-share.ts';

describe('the share of a machine', () => {
  it('is all of it for a case that works alone, and half beside another', () => {
    let now = 100;
    const machine = new MachineShare({ seconds: () => now });
    const [first, second] = [machine.ofCase(), machine.ofCase()];
    first.resume();
    now += 10;
    second.resume();
    now += 4;
    first.pause();
    now += 1;

    expect([first.seconds(), second.seconds()]).toEqual([12, 3]);
  });

  it('adds up to the time in which any case worked, however they take turns', () => {
    const steps = fc.array(fc.record({ of: fc.nat({ max: 3 }), seconds: fc.nat({ max: 100 }) }), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, (taken) => {
        let now = 7;
        const machine = new MachineShare({ seconds: () => now });
        const cases = Array.from({ length: 4 }, () => ({ share: machine.ofCase(), works: false }));
        let busy = 0;
        for (const { of, seconds } of taken) {
          const one = cases[of]!;
          if (one.works) one.share.pause();
          else one.share.resume();
          one.works = !one.works;
          now += seconds;
          if (cases.some(({ works }) => works)) busy += seconds;
        }
        expect(cases.reduce((sum, { share }) => sum + share.seconds(), 0)).toBeCloseTo(busy, 6);
      }),
    );
  });
});
