import { describe, expect, it } from 'vitest';
import { growthOf } from '../../../bench/leaks/growth.ts';

const MB = 1e6;

describe('growth of memory', () => {
  it('is the slope after the warm-up, whatever single peaks there are', () => {
    const leaking = Array.from(
      { length: 100 },
      (_, at) => 500 * MB + 2 * MB * at + (at % 17 === 0 ? 300 * MB : 0),
    );

    expect(growthOf([900 * MB, ...leaking], 1).bytesACase / MB).toBeCloseTo(2, 0);
    expect(growthOf([900 * MB, ...leaking], 1).first).toBe(800 * MB);
  });

  it('is none for memory that only goes up and down', () => {
    const flat = Array.from({ length: 100 }, (_, at) => 500 * MB + 50 * MB * (at % 4));

    expect(Math.abs(growthOf(flat, 0).bytesACase)).toBeLessThan(0.1 * MB);
  });
});
