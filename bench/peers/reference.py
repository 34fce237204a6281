"""Measures a label map with numpy, scipy and SimpleITK; figures by name as JSON, for peer-figures.ts to compare."""

import itertools
import json
import sys

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

INSET = 0.25


def longest(points):
    if len(points) > 50:
        try:
            points = points[ConvexHull(points).vertices]
        except QhullError:
            pass
    return float(pdist(points).max())


def face_middles(where):
    """Middles of the faces between inside and outside, voxel coordinates, with the axis of each face."""
    padded = np.pad(where, 1)
    found = []
    for axis in range(3):
        for side in (-1, 1):
            outside = ~np.roll(padded, -side, axis)
            at = np.argwhere(padded & outside) - 1.0
            at[:, axis] += 0.5 * side
            found.append((axis, at))
    return found


def diameters(where, spacing):
    faces = face_middles(where)
    space = longest(np.concatenate([at for _, at in faces]) * spacing)
    flat = np.concatenate([at for axis, at in faces if axis != 2])
    slices = [longest(flat[flat[:, 2] == z] * spacing) for z in np.unique(flat[:, 2])]
    return max(slices), space


def nearest(lesion, vessels, spacing):
    """Smallest distance of voxel centres by scipy, and less the inset along each axis by trying all near pairs."""
    distance = ndimage.distance_transform_edt(~vessels, sampling=spacing)
    centres = float(distance[lesion].min())
    grown = ndimage.binary_dilation(lesion, np.ones((3, 3, 3)))
    if (grown & vessels).any():
        return centres, 0.0, True
    reach = centres + INSET * float(np.linalg.norm(spacing)) + 1e-6
    own = np.argwhere(lesion & (distance <= reach))
    tree = cKDTree(np.argwhere(vessels) * spacing)
    best = np.inf
    for at, near in zip(own, tree.query_ball_point(own * spacing, reach)):
        gaps = np.abs(tree.data[near] / spacing - at)
        gaps = np.maximum(0, gaps - INSET) * spacing
        best = min(best, float(np.linalg.norm(gaps, axis=1).min()))
    return centres, best, False


def crofton(where, spacing):
    """Surface area by Crofton's formula in 13 directions; shares of the sphere by a spiral of points."""
    steps = [s for s in itertools.product((-1, 0, 1), repeat=3) if s > (0, 0, 0)]
    units = np.array(steps) * spacing
    lengths = np.linalg.norm(units, axis=1)
    n = 400_000
    z = 1 - (2 * np.arange(n) + 1) / n
    turn = np.pi * (1 + 5**0.5) * np.arange(n)
    radius = np.sqrt(1 - z * z)
    points = np.stack([radius * np.cos(turn), radius * np.sin(turn), z], 1)
    shares = np.bincount(np.abs(points @ (units / lengths[:, None]).T).argmax(1), minlength=13) / n
    padded = np.pad(where, 1)
    exits = [np.count_nonzero(padded & ~np.roll(padded, step, (0, 1, 2))) for step in steps]
    return float(4 * (shares * exits * spacing.prod() / lengths).sum())


def of_label(name, where, hu, affine, figures):
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    values, at = hu[where], np.argwhere(where)
    figures[name + " ml"] = int(where.sum()) * abs(np.linalg.det(affine[:3, :3])) / 1000
    figures[name + " HU mean"], figures[name + " HU std"] = values.mean(), values.std()
    for q in (5, 25, 50, 75, 95):
        figures[f"{name} HU p{q}"] = np.percentile(values, q)
    for axis, mm in zip("xyz", affine[:3] @ np.append(at.mean(0), 1)):
        figures[f"{name} centroid {axis}"] = mm
    parts, count = ndimage.label(where, np.ones((3, 3, 3)))
    figures[name + " components"] = count
    figures[name + " largest component"] = np.bincount(parts.ravel())[1:].max()
    box = tuple(slice(a, b + 1) for a, b in zip(at.min(0), at.max(0)))
    figures[name + " area mm2"] = crofton(where[box], spacing)
    if np.ptp(spacing) < 1e-3:
        image = sitk.GetImageFromArray(np.pad(where[box], 1).transpose(2, 1, 0).astype(np.uint8))
        image.SetSpacing(spacing.tolist())
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.SetComputePerimeter(True)
        shape.Execute(image)
        figures[name + " area mm2 (ITK)"] = shape.GetPerimeter(1)


def of_lesions(tumours, vessels, liver, affine, figures):
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    parts, count = ndimage.label(tumours, np.ones((3, 3, 3)))
    figures["lesions"] = count
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    touching = 0
    # Largest first, equal ones as they come in memory.
    first = [np.flatnonzero((parts == part).ravel(order="F"))[0] for part in range(1, count + 1)]
    for n, part in enumerate(sorted(range(1, count + 1), key=lambda p: (-sizes[p - 1], first[p - 1]))):
        where = parts == part
        name = f"lesion {n + 1}"
        figures[name + " ml"] = int(where.sum()) * spacing.prod() / 1000
        figures[name + " axial mm"], figures[name + " longest mm"] = diameters(where, spacing)
        if vessels.any():
            _, figures[name + " to vessel mm"], touches = nearest(where, vessels, spacing)
            touching += touches
        figures[name + " outside %"] = 100 * np.count_nonzero(where & ~liver) / where.sum()
    figures["touching"] = touching


def main():
    raw = sys.stdin.buffer.read()
    end = raw.index(b"\n")
    head, body = json.loads(raw[:end]), raw[end + 1 :]
    count = int(np.prod(head["dims"]))
    mask = np.frombuffer(body, np.uint8, count).reshape(head["dims"], order="F")
    hu = np.frombuffer(body, "<f8", count, count).reshape(head["dims"], order="F")
    affine = np.array(head["affine"]).reshape(4, 4)
    figures = {}
    for name, label in head["labels"].items():
        if (mask == label).any():
            of_label(name, mask == label, hu, affine, figures)
    sets = head["sets"]
    if sets is not None:
        liver, vessels, tumours = (np.isin(mask, sets[name]) for name in ("liver", "vessels", "tumours"))
        of_lesions(tumours, vessels, liver, affine, figures)
    print(json.dumps({name: float(value) for name, value in figures.items()}))


main()
