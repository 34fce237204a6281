import { describe, expect, it } from 'vitest';
import { CELLS, GAPS, unsettled } from './matrix.ts';
import { runCell } from './run-cells.ts';

describe('the fault matrix', () => {
  it('knows of every fault at every stage what becomes of the job, or why it cannot come about', () => {
    expect(unsettled()).toEqual([]);
  });

  it('misses a pair that is left out, and one that is there twice', () => {
    const [first, ...rest] = CELLS;

    const pair = `${first!.row} ${first!.column}`;

    expect(unsettled(rest)).toContain(pair);
    expect(unsettled([first!, ...CELLS])).toContain(pair);
  });

  it('gives a reason of more than a word for each that cannot', () => {
    expect(GAPS.filter(({ why }) => why.split(' ').length < 4)).toEqual([]);
  });

  it.each(CELLS.filter(({ fast }) => fast))('$row while $column', async (cell) => {
    expect((await runCell(cell)).complaint).toBeNull();
  });
});
