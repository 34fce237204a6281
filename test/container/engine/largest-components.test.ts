import { expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

/**
 * Random masks through nnU-Net's own post-processing and through ours. Classes as `postprocessing.json` can name
 * them: none (all that occur), single ones, joint regions, some that do not occur; with and without smallest sizes.
 */
const SCRIPT = `
import numpy as np
from nnunet.postprocessing.connected_components import remove_all_but_the_largest_connected_component as plain
from largest_components import keep_largest_components

CLASSES = (None, [], [1], [2, 1], [[1, 2]], [[1, 2], 3], [3, [1, 2], 1], [7])

def limits(random, mask, classes, volume):
    if random.random() < 0.4:
        return None
    keys = [int(label) for label in np.unique(mask) if label] if classes is None else classes
    return {
        tuple(key) if isinstance(key, list) else key: float(random.integers(1, 12)) * volume for key in keys
    }

def answer():
    random = np.random.default_rng(7)
    counts = {'cases': 0, 'changed': 0, 'different': 0}
    for case in range(80):
        shape = tuple(random.integers(4, 11, 3))
        mask = (random.integers(1, 4, shape) * (random.random(shape) < random.uniform(0.05, 0.6))).astype(np.uint8)
        if case % 3 == 0:
            mask = mask.repeat(2, 0)
        classes = CLASSES[case % len(CLASSES)]
        volume = float(random.choice([1.0, 0.75 * 0.75 * 1.5, 2.7]))
        smallest = limits(random, mask, classes, volume)
        expected, _, _ = plain(mask.copy(), classes, volume, smallest)
        found = keep_largest_components(mask.copy(), classes, volume, smallest)
        counts['cases'] += 1
        counts['changed'] += int((expected != mask).any())
        counts['different'] += int((expected != found).any())
    return counts
`;

it('leaves of a mask what the post-processing of nnU-Net v1 leaves', () => {
  const counts = engineAnswer(SCRIPT) as { cases: number; changed: number; different: number };

  expect(counts).toMatchObject({ cases: 80, different: 0 });
  // Where nothing is removed, agreement would say nothing.
  expect(counts.changed).toBeGreaterThan(40);
});
