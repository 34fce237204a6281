"""TotalSegmentator's resampling and cropping arithmetic, without its float64 copies of whole scans."""

import nibabel
import numpy as np
from scipy import ndimage


def resample_linear(image, spacing):
    """
    TotalSegmentator's change_spacing(image, spacing, order=1, dtype=int32). The interpolation works in float64
    whatever the voxels are, so they need not be converted first.
    """
    zooms = np.array(image.header.get_zooms())
    spacing = np.array(spacing)
    if np.array_equal(zooms, spacing):
        return image
    zoom = zooms / spacing
    affine = np.copy(image.affine)
    for axis in range(3):
        affine[:3, axis] = affine[:3, axis] / zoom[axis]
    voxels = np.asanyarray(image.dataobj)
    resampled = ndimage.zoom(voxels, zoom, output=np.float64, order=1, mode='nearest')
    return nibabel.Nifti1Image(resampled.astype(np.int32), affine)


def nearest(labels, shape):
    """
    change_spacing(image of labels, target_shape=shape, order=0, dtype=uint8). Nearest-neighbour zoom treats the
    axes one by one, so what it does to a line of indices says where each voxel comes from.
    """
    for axis, (old, new) in enumerate(zip(labels.shape, shape)):
        if old != new:
            source = ndimage.zoom(np.arange(old, dtype=np.float64), new / old, order=0, mode='nearest').astype(np.intp)
            labels = np.take(labels, source, axis=axis)
    return labels


def bounding_box(mask, margin):
    """[[first, last + 1], ...] of a mask that is not empty, widened by `margin` voxels and kept inside the image."""
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        first, last = int(hits[0]) - int(margin[axis]), int(hits[-1]) + 1 + int(margin[axis])
        box.append([max(0, first), min(mask.shape[axis], last)])
    return box
