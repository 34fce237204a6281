import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../container/memory-budget.ts';
import type { Release } from '../../container/turns.ts';
import { memoryNeededTogether, type CaseMemory } from '../../core/models/case-memory.ts';

const GB = 1e9;
const need = (workerGb: number, engineGb: number): CaseMemory => ({
  workerBytes: workerGb * GB,
  engineBytes: engineGb * GB,
});

/** Takes memory for all needs at once; `admitted` grows as they are let in. */
function takeAll(budget: MemoryBudget, needs: readonly CaseMemory[], presentBytes: number) {
  const admitted: { readonly index: number; readonly release: Release }[] = [];
  for (const [index, one] of needs.entries())
    void budget.take(one, presentBytes).then((release) => admitted.push({ index, release }));
  return admitted;
}

describe('the memory budget', () => {
  it('lets cases in while their CTs and the most that the engine needs for one of them fit', async () => {
    const admitted = takeAll(new MemoryBudget(), [need(1, 4), need(1, 6), need(1, 2), need(2, 2)], 9.7 * GB);
    await setImmediate();

    expect(admitted.map(({ index }) => index)).toEqual([0, 1, 2]);
    admitted[0]!.release();
    await setImmediate();
    // 1 + 1 + 2 for the worker and 6 for the engine are too much until the second is gone.
    expect(admitted).toHaveLength(3);
    admitted[1]!.release();
    await setImmediate();
    expect(admitted.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  it('lets in one alone that is too large, since the input check says so better', async () => {
    const admitted = takeAll(new MemoryBudget(), [need(50, 50), need(0.1, 0.1)], GB);
    await setImmediate();

    expect(admitted.map(({ index }) => index)).toEqual([0]);
    admitted[0]!.release();
    await setImmediate();
    expect(admitted.map(({ index }) => index)).toEqual([0, 1]);
  });

  it('takes back a case once, however often it is given back', async () => {
    const budget = new MemoryBudget();
    const admitted = takeAll(budget, [need(1, 1), need(1, 1)], 10 * GB);
    await setImmediate();
    const both = budget.bytes;
    admitted[0]!.release();
    admitted[0]!.release();

    expect(both - budget.bytes).toBe(GB);
  });

  it('is never exceeded by several, lets all in, and in their order, whoever ends first', async () => {
    const cases = fc.array(
      fc.record({ workerBytes: fc.nat({ max: 4e9 }), engineBytes: fc.nat({ max: 9e9 }) }),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(
        cases,
        fc.integer({ min: 1e9, max: 16e9 }),
        fc.infiniteStream(fc.nat()),
        async (needs, present, picks) => {
          const admitted = takeAll(new MemoryBudget(), needs, present);
          const held = new Set<number>();
          for (let ended = 0, seen = 0; ended < needs.length; ended++) {
            await setImmediate();
            for (; seen < admitted.length; seen++) held.add(admitted[seen]!.index);
            const together = memoryNeededTogether([...held].map((index) => needs[index]!));
            expect(held.size === 1 || together <= present).toBe(true);
            const index = [...held][picks.next().value % held.size]!;
            held.delete(index);
            admitted.find((one) => one.index === index)!.release();
          }
          expect(admitted.map((one) => one.index)).toEqual([...needs.keys()]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
