import { describe, expect, it } from 'vitest';
import { engineCall } from '../../../core/engine-protocol.ts';
import { engineCallOf, MODEL_IDS, modelEntry, REQUEST_MODELS } from '../../../core/models/catalogue.ts';
import { memoryNeeded } from '../../../core/models/memory.ts';
import { WEIGHTS } from '../../../core/models/weights.ts';

const options = { fast: true, folds: [0], tta: false };
const location = { nnunetV1ModelFolder: '/v1', totalSegmentatorRoot: '/ts' };
const gridOf = (n: number, mm: number) => ({
  dims: [n, n, n] as const,
  affine: [mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, mm, 0, 0, 0, 0, 1],
});

describe('every model of the catalogue', () => {
  it.each(MODEL_IDS)('%s gives a call that the engine protocol takes', (id) => {
    expect(() => engineCall.parse(engineCallOf(id, options, location))).not.toThrow();
  });

  it.each(MODEL_IDS)('%s writes a file of its own, with labels from 1 up', (id) => {
    const entry = modelEntry(id);

    expect(MODEL_IDS.filter((other) => modelEntry(other).output === entry.output)).toEqual([id]);
    expect(
      Object.keys(entry.labels)
        .map(Number)
        .every((value) => value >= 1 && value <= 255),
    ).toBe(true);
  });

  it.each(MODEL_IDS)('%s names weight sets that exist, in both speeds', (id) => {
    for (const fast of [true, false]) {
      for (const set of modelEntry(id).weights({ ...options, fast })) expect(WEIGHTS).toHaveProperty(set);
    }
  });

  it.each(MODEL_IDS)('%s needs more memory for a larger CT', (id) => {
    const small = memoryNeeded(gridOf(100, 1), id, options);
    const large = memoryNeeded(gridOf(512, 1), id, options);

    expect(small).toBeGreaterThan(2 ** 30);
    expect(large).toBeGreaterThan(small);
  });
});

describe('requests', () => {
  it('take `both` as liver and task008 of one CT', () => {
    expect(REQUEST_MODELS['both']).toEqual(['liver', 'task008']);
  });

  it('choose the 3 mm liver model by default and the 1.5 mm one on request', () => {
    expect(engineCallOf('liver', options, location)).toMatchObject({ fast: true, roiSubset: ['liver'] });
    expect(engineCallOf('liver', { ...options, fast: false }, location)).toMatchObject({ fast: false });
  });

  it('never ask for a fast variant that a task does not have', () => {
    expect(engineCallOf('liver_vessels', options, location)).toMatchObject({ fast: false });
  });
});
