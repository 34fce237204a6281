"""nnU-Net v1's post-processing: all but the largest component of a class go, unless they are large enough."""

import numpy as np
from scipy.ndimage import label


def keep_largest_components(image, classes, voxel_volume, smallest_kept):
    """
    The same result as nnunet's remove_all_but_the_largest_connected_component with one pass over each class
    instead of one over each component. `image` is changed in place.

    classes: labels or tuples of labels that count as one; None means every label that occurs.
    smallest_kept: class -> volume in mm3 from which a component stays although a larger one exists; None keeps
    the largest alone. All components of the largest size stay.
    """
    if classes is None:
        found = np.unique(image)
        classes = [int(value) for value in found if value > 0]
    if 0 in classes:
        raise ValueError('post-processing cannot remove background')
    for entry in classes:
        entry = tuple(entry) if isinstance(entry, (list, tuple)) else entry
        mask = np.isin(image, entry) if isinstance(entry, tuple) else image == entry
        components, count = label(mask)
        if count < 2:
            continue
        sizes = np.bincount(components.ravel(), minlength=count + 1) * voxel_volume
        remove = sizes != sizes[1:].max()
        if smallest_kept is not None and remove[1:].any():
            remove &= sizes < smallest_kept[entry]
        remove[0] = False
        image[remove[components]] = 0
    return image
