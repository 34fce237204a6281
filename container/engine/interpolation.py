"""
Interpolation on all cores, bit for bit what scipy and both nnU-Nets give on one: on a card it takes longer than the
networks do.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from scipy.ndimage import _nd_image, map_coordinates
from skimage.transform import resize

#: Below this many values threads cost more than they bring.
LEAST_VALUES = 500_000

scipy_zoom, scipy_filter = _nd_image.zoom_shift, _nd_image.spline_filter1d


class Cores:
    """The threads of this process that interpolate; one until `use` says more. Their tasks never wait for others."""

    def __init__(self):
        self._threads, self._pool = 1, None

    def use(self, threads):
        self._threads, self._pool = threads, ThreadPoolExecutor(threads)

    def each(self, task, things):
        """`task` of every thing; the first error is raised when all have ended."""
        if self._threads == 1:
            for thing in things:
                task(thing)
            return
        done = [self._pool.submit(task, thing) for thing in things]
        for one in done:
            one.exception()
        for one in done:
            one.result()

    def parts(self, length):
        """[(first, last + 1), ...]: `length` in as many parts as there are threads, of nearly the same size."""
        return list(pairwise(length * part // self._threads for part in range(self._threads + 1)))

    def are_worth(self, values):
        # Slices of a plane are shared out as a whole, by `slices_resampled`.
        return self._threads > 1 and values.ndim > 2 and values.size >= LEAST_VALUES


cores = Cores()


def use_cores(threads):
    """From here on scipy's zoom of volumes and its spline filter run on so many threads, in the whole process."""
    cores.use(threads)
    _nd_image.zoom_shift, _nd_image.spline_filter1d = zoom_shift, spline_filter1d


def zoom_shift(filtered, zoom, shift, output, *how):
    """scipy's, slabs of the output side by side. It adds the shift to whole numbers first: a whole one changes no bit."""
    if not cores.are_worth(output) or shift is not None:
        scipy_zoom(filtered, zoom, shift, output, *how)
        return

    def slab(limits):
        first, end = limits
        start = np.zeros(output.ndim)
        start[0] = first
        scipy_zoom(filtered, zoom, start, output[first:end], *how)

    cores.each(slab, cores.parts(len(output)))


def spline_filter1d(values, order, axis, output, mode):
    """scipy's: the lines along an axis know nothing of each other."""
    if not cores.are_worth(values):
        scipy_filter(values, order, axis, output, mode)
        return
    across = 1 if axis % values.ndim == 0 else 0

    def lines(limits):
        part = (slice(None),) * across + (slice(*limits),)
        scipy_filter(values[part], order, axis, output[part], mode)

    cores.each(lines, cores.parts(values.shape[across]))


def slice_by_slice(resample_data_or_seg):
    """
    nnU-Net's function of that name (both have it), with thick slices apart on all cores: it resamples every slice in its
    plane, then takes for each new slice the nearest old one, by coordinates of all voxels. Slices that none takes are
    left out here.
    """

    def resample(data, new_shape, is_seg=False, axis=None, order=3, do_separate_z=False, order_z=0, **more):
        shape = tuple(int(size) for size in new_shape)
        if is_seg or not do_separate_z or order_z != 0 or data.shape[1:] == shape:
            return resample_data_or_seg(data, new_shape, is_seg, axis, order, do_separate_z, order_z, **more)
        thick = int(np.ravel(axis)[0])
        result = np.empty((len(data), *shape), more.get('dtype_out') or data.dtype)
        for channel, resampled in zip(data, result):
            slices_resampled(channel, resampled, thick, order)
        return result

    return resample


def slices_resampled(volume, result, axis, order):
    """Fills `result`: `volume` resampled in the planes across `axis`, the nearest slice along it."""
    volume, result = np.moveaxis(volume, axis, 0), np.moveaxis(result, axis, 0)
    taken = nearest_slices(len(volume), len(result))

    def fill(index):
        plane = resize(volume[index].astype(float), result.shape[1:], order, mode='edge', anti_aliasing=False)
        result[taken == index] = plane

    cores.each(fill, np.unique(taken))


def nearest_slices(old, new):
    """The slice that nnU-Net takes for each of `new` ones: an axis rounds by itself, whatever the others do."""
    if old == new:
        return np.arange(old)
    places = old / new * (np.arange(new) + 0.5) - 0.5
    return map_coordinates(np.arange(old, dtype=float), [places], order=0, mode='nearest').astype(np.intp)
