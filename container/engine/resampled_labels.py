"""nnU-Net resamples the values of all classes and then takes the largest; here a few classes at a time."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np


def resampled_labels(resample, classes, shape, threads):
    """Labels uint8 of `shape`: the first class of the largest `resample(class)`, `threads` of which are made at once."""
    best, labels = None, np.zeros(shape, np.uint8)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, classes, threads):
            group = range(start, min(start + threads, classes))
            for label, values in zip(group, pool.map(resample, group)):
                if best is None:
                    best = values
                    continue
                larger = values > best
                labels[larger] = label
                best[larger] = values[larger]
    return labels
