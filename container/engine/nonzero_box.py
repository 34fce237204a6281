"""Bounding boxes, by projections instead of coordinate lists."""

import numpy as np


def nonzero_box(voxels):
    """
    [[first, last + 1], ...] of the nonzero voxels per axis. nnU-Net fills holes first, which takes minutes on a
    large CT and cannot change the box: a hole is enclosed. ValueError when there is none.
    """
    nonzero = voxels != 0
    box = []
    for axis in range(nonzero.ndim):
        others = tuple(other for other in range(nonzero.ndim) if other != axis)
        hits = np.flatnonzero(nonzero.any(axis=others))
        if len(hits) == 0:
            raise ValueError('the image holds nothing but zeros')
        box.append([int(hits[0]), int(hits[-1]) + 1])
    return box
