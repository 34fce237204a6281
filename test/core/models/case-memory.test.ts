import { describe, expect, it } from 'vitest';
import { engineMemoryNeeded, memoryNeededForCase } from '../../../core/models/case-memory.ts';
import { REQUEST_MODELS, type ModelId } from '../../../core/models/catalogue.ts';
import { memoryNeeded } from '../../../core/models/memory.ts';

const options = { fast: true, folds: [0], tta: false };
const gridOf = (n: number) => ({
  dims: [n, n, n] as const,
  affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
});
const grid = gridOf(256);
const both = REQUEST_MODELS['both']!;

describe('the memory that the engine needs for a request', () => {
  it('is that of the model when there is one', () => {
    expect(engineMemoryNeeded(grid, ['liver'], options)).toBe(memoryNeeded(grid, 'liver', options));
  });

  it('is more than that of the largest of several, since the others stay loaded', () => {
    const largest = Math.max(...both.map((model) => memoryNeeded(grid, model, options)));
    const together = both.reduce((sum, model) => sum + memoryNeeded(grid, model, options), 0);

    expect(engineMemoryNeeded(grid, both, options)).toBeGreaterThan(largest);
    expect(engineMemoryNeeded(grid, both, options)).toBeLessThan(together);
  });

  it('does not depend on the order of the models', () => {
    expect(engineMemoryNeeded(grid, both.toReversed(), options)).toBe(
      engineMemoryNeeded(grid, both, options),
    );
  });

  it('grows with the folds that stay loaded beside a larger model', () => {
    const models = ['totalseg', 'task008'] as const;
    const fine = { ...options, fast: false };
    const folds = { ...fine, folds: [0, 1, 2, 3, 4] };

    const small = gridOf(64);

    expect(memoryNeeded(small, 'totalseg', fine)).toBeGreaterThan(memoryNeeded(small, 'task008', folds));
    expect(engineMemoryNeeded(small, models, folds)).toBeGreaterThan(engineMemoryNeeded(small, models, fine));
  });

  it('counts a network once that two models share', () => {
    const small = gridOf(64);
    const beside = (...models: readonly ModelId[]): number =>
      engineMemoryNeeded(small, models, options) -
      Math.max(...models.map((model) => memoryNeeded(small, model, options)));

    // liver has the network of totalseg and the rough one; liver and liver_vessels have the rough one in common.
    const network = beside('liver', 'liver_vessels');
    expect(network).toBeGreaterThan(100e6);
    expect(beside('totalseg', 'liver')).toBeLessThan(network / 2);
    expect(beside('totalseg', 'liver_vessels')).toBeGreaterThanOrEqual(network);
  });
});

describe('the memory that a case needs', () => {
  it('is that of the engine and that of the worker, which holds the CT', () => {
    const beside = (n: number) =>
      memoryNeededForCase(gridOf(n), both, options) - engineMemoryNeeded(gridOf(n), both, options);

    expect(beside(64)).toBeGreaterThan(100e6);
    expect(beside(512) - beside(64)).toBeGreaterThanOrEqual((512 ** 3 - 64 ** 3) * 2);
  });
});
