"""Measures a label map with numpy, scipy and SimpleITK; figures by name as JSON, for peer-figures.ts to compare."""

import itertools
import json
import sys

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist


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


CORNERS = list(itertools.product((0, 1), repeat=3))


def surface(where):
    """Triangles of the surface net, voxel coordinates: a corner in every cube of mixed voxel centres."""
    padded = np.pad(where, 1)
    cubes = [padded[tuple(slice(c, n - 1 + c) for c, n in zip(corner, padded.shape))] for corner in CORNERS]
    total, count = np.zeros(cubes[0].shape + (3,)), np.zeros(cubes[0].shape)
    for (m, a), (n, b) in itertools.combinations(list(enumerate(CORNERS)), 2):
        if np.abs(np.subtract(a, b)).sum() == 1:
            crossed = cubes[m] != cubes[n]
            total[crossed] += np.add(a, b) / 2
            count[crossed] += 1
    at = np.argwhere(count > 0)
    points = np.full(total.shape, np.nan)
    points[tuple(at.T)] = total[tuple(at.T)] / count[tuple(at.T)][:, None] + at - 1
    found = []
    for axis in range(3):
        u, v = (np.eye(3, dtype=int)[other] for other in range(3) if other != axis)
        ahead = np.roll(padded, -1, axis)
        one = np.argwhere(padded != ahead)
        inside = padded[tuple(one.T)]
        a, b, c, d = (points[tuple((one - shift).T)] for shift in (u + v, v, 0 * u, u))
        # The quad's diagonal goes from its first corner, and which is first depends on the side that is inside.
        quads = [np.where(inside[:, None], p, q) for p, q in net_order(axis, (a, b, c, d))]
        found += [np.stack([quads[0], quads[1], quads[2]], 1), np.stack([quads[0], quads[2], quads[3]], 1)]
    return np.concatenate(found)


def net_order(axis, corners):
    """Corners of a quad as the net turns them, for an edge that leaves the inside and for one that enters it."""
    low_low, high_low, high_high, low_high = corners
    turned = {
        0: (low_low, high_low, high_high, low_high),
        1: (low_low, low_high, high_high, high_low),
        2: (low_low, high_low, high_high, low_high),
    }[axis]
    return list(zip(turned, reversed(turned)))


def to_segment(p, a, b):
    step = b - a
    part = np.clip(((p - a) * step).sum(1) / np.maximum((step**2).sum(1), 1e-30), 0, 1)
    return ((a + part[:, None] * step - p) ** 2).sum(1)


def to_face(p, t):
    """Squared distance to the plane where the point lies over the face, else infinity."""
    u, v, w = t[:, 1] - t[:, 0], t[:, 2] - t[:, 0], p - t[:, 0]
    uu, uv, vv, uw, vw = (np.einsum("ij,ij->i", a, b) for a, b in ((u, u), (u, v), (v, v), (u, w), (v, w)))
    area = uu * vv - uv * uv
    area[area < 1e-30] = np.inf
    s, r = (vv * uw - uv * vw) / area, (uu * vw - uv * uw) / area
    off = w - s[:, None] * u - r[:, None] * v
    return np.where((s >= 0) & (r >= 0) & (s + r <= 1) & np.isfinite(area), (off**2).sum(1), np.inf)


def segments_apart(a, b, c, d):
    """Least of the ends' distances, and of the lines' where both nearest points lie on the segments."""
    ends = [to_segment(a, c, d), to_segment(b, c, d), to_segment(c, a, b), to_segment(d, a, b)]
    u, v, w = b - a, d - c, a - c
    uu, uv, vv, uw, vw = (np.einsum("ij,ij->i", p, q) for p, q in ((u, u), (u, v), (v, v), (u, w), (v, w)))
    skew = uu * vv - uv * uv
    skew[skew < 1e-12] = np.inf
    s, t = (uv * vw - vv * uw) / skew, (uu * vw - uv * uw) / skew
    crossing = ((w + s[:, None] * u - t[:, None] * v) ** 2).sum(1)
    on = (s > 0) & (s < 1) & (t > 0) & (t < 1)
    return np.minimum(np.min(ends, 0), np.where(on, crossing, np.inf))


def triangles_apart(a, b):
    least = [np.minimum(to_face(a[:, n], b), to_face(b[:, n], a)) for n in range(3)]
    for n, m in itertools.product(range(3), repeat=2):
        least.append(segments_apart(a[:, n], a[:, (n + 1) % 3], b[:, m], b[:, (m + 1) % 3]))
    return float(np.sqrt(np.min(least)))


def nearest(lesion, vessels, spacing):
    """Distance of the surfaces; the pairs of triangles that can be nearest are found by their corners."""
    if (ndimage.binary_dilation(lesion, np.ones((3, 3, 3))) & vessels).any():
        return 0.0, True
    own, other = surface(lesion) * spacing, surface(vessels) * spacing
    tree = cKDTree(other.mean(1))
    radii = [np.linalg.norm(t - t.mean(1, keepdims=True), axis=2).max() for t in (own, other)]
    most = tree.query(own.mean(1))[0].min() + sum(radii)
    pairs = [(n, m) for n, near in enumerate(tree.query_ball_point(own.mean(1), most)) for m in near]
    return triangles_apart(*(t[list(at)] for t, at in zip((own, other), zip(*pairs)))), False


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
            figures[name + " to vessel mm"], touches = nearest(where, vessels, spacing)
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
