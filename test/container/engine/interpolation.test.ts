import { expect, it } from 'vitest';
import { engineAnswer } from '../../fixtures/engine-python.ts';

/** Resampling as scipy and both nnU-Nets do it on one core, then by ours with small volumes shared out as well. */
const SCRIPT = `
import warnings
import numpy as np
import interpolation
from nnunet.preprocessing import preprocessing as version1
from nnunetv2.preprocessing.resampling import default_resampling as version2
from scipy import ndimage
from scipy.ndimage import _nd_image

warnings.simplefilter('ignore')
interpolation.LEAST_VALUES = 1

def on_one_core():
    _nd_image.zoom_shift, _nd_image.spline_filter1d = interpolation.scipy_zoom, interpolation.scipy_filter

def zooms(random):
    volume = random.normal(size=random.integers(2, 30, 3)) * 1000
    volume = volume.astype(random.choice(['<f8', '<f4', '<i2', '<i4', '>i2']))
    zoom = random.uniform(0.3, 2.6, 3)
    how = {
        'order': int(random.integers(0, 6)),
        'mode': str(random.choice(['nearest', 'constant', 'reflect', 'mirror', 'wrap', 'grid-constant'])),
        'grid_mode': bool(random.integers(2)),
        'output': [None, np.float64][random.integers(2)],
    }
    return lambda: ndimage.zoom(volume, zoom, **how)

def resamplings(random, ours):
    volume = (random.normal(size=(2, *random.integers(3, 24, 3))) * 1000).astype(np.float32)
    shape, axis, order = random.integers(2, 30, 3), int(random.integers(3)), int(random.choice([1, 3]))
    if random.random() < 0.2:
        shape[axis] = volume.shape[1 + axis]
    module = [version1, version2][random.integers(2)]
    function = module.resample_data_or_seg
    function = interpolation.slice_by_slice(function) if ours else function
    thick = bool(random.integers(4))
    return lambda: function(volume, shape, False, [axis] if module is version1 else axis, order, thick, 0)

def answer():
    counts = {'zooms': 0, 'resamplings': 0, 'different': 0}
    for case in range(240):
        kind = ['zooms', 'resamplings'][case % 2]
        results = []
        for ours in (False, True):
            on_one_core()
            if ours:
                interpolation.use_cores(3)
            random = np.random.default_rng(case)
            results.append((zooms(random) if kind == 'zooms' else resamplings(random, ours))())
        plain, own = results
        counts[kind] += 1
        counts['different'] += int(plain.dtype != own.dtype or not np.array_equal(plain, own))
    return counts
`;

it('gives on several cores the very bits that scipy and both nnU-Nets give on one', () => {
  expect(engineAnswer(SCRIPT)).toMatchObject({ zooms: 120, resamplings: 120, different: 0 });
});

/** What one part meets is not lost in its thread, and the next zoom works. */
const FAILURE = `
import interpolation

def answer():
    interpolation.use_cores(3)
    def task(number):
        if number == 1:
            raise MemoryError('part 1')
    try:
        interpolation.cores.each(task, range(5))
    except MemoryError as problem:
        said = str(problem)
    done = []
    interpolation.cores.each(done.append, range(5))
    return {'said': said, 'done': sorted(done), 'parts': interpolation.cores.parts(10)}
`;

it('raises what went wrong in one part, after all have ended', () => {
  expect(engineAnswer(FAILURE)).toEqual({
    said: 'part 1',
    done: [0, 1, 2, 3, 4],
    parts: [
      [0, 3],
      [3, 6],
      [6, 10],
    ],
  });
});
