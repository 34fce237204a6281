"""What follows the masks of a case, done with nibabel, scipy, scikit-image and zipfile by someone who knows them.

Every label is worked on inside its box (`find_objects`), distances inside the box of lesions and vessels, and nothing
is computed twice. Less is made than we make: no mesh is smoothed or simplified, and there is no shaded view, scene of
all meshes, receipt or quality verdict. Figures as JSON on stdout, for bench/results.ts to compare.

plain.py <folder with ct.nii.gz, totalseg.nii.gz, task008.nii.gz> <output folder> <zlib level of the volume>
"""

import base64
import io
import json
import resource
import sys
import time
import zipfile
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist
from skimage import measure

CUBE = np.ones((3, 3, 3), bool)
COLOURS = np.random.default_rng(1).integers(60, 255, (256, 3), np.uint8)
BLOCK = 1 << 20


def ras(image):
    image = nib.as_closest_canonical(image)
    return np.asarray(image.dataobj), image.affine


def grown(box, shape):
    return tuple(slice(max(0, s.start - 1), min(n, s.stop + 1)) for s, n in zip(box, shape))


def figures(ct, where, box, spacing):
    values = ct[box][where]
    parts, count = ndimage.label(where, CUBE)
    sizes = np.sort(np.bincount(parts.ravel())[1:])[::-1]
    at = np.nonzero(where)
    return {
        "voxels": int(values.size),
        "ml": float(values.size * spacing.prod() / 1000),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "range": [int(values.min()), int(values.max())],
        "percentiles": np.percentile(values, [5, 25, 50, 75, 95]).tolist(),
        "components": int(count),
        "sizes": sizes[:100].tolist(),
        "box": [[s.start, s.stop] for s in box],
        "centroid": [float(axis.mean() + s.start) for axis, s in zip(at, box)],
    }


def compressed(array, level=-1):
    raw = array.tobytes()
    blocks = [zlib.compress(raw[at : at + BLOCK], level) for at in range(0, len(raw), BLOCK)]
    head = [len(blocks), BLOCK, len(raw) % BLOCK, *map(len, blocks)]
    return base64.b64encode(np.array(head, "<u4").tobytes()) + base64.b64encode(b"".join(blocks))


def data_array(kind, name, array, parts=1, level=-1):
    head = f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{parts}" format="binary">'
    return head.encode() + compressed(array, level) + b"</DataArray>"


def vtk_file(kind, body):
    head = f'<VTKFile type="{kind}" byte_order="LittleEndian" compressor="vtkZLibDataCompressor">'
    return head.encode() + body + b"</VTKFile>"


def mesh_file(where, corner, spacing):
    padded = np.pad(where, 1).astype(np.float32)
    points, faces, _, _ = measure.marching_cubes(padded, 0.5)
    points = ((points + corner - 1) * spacing).astype(np.float32)
    area = float(measure.mesh_surface_area(points, faces))
    ends = np.arange(3, 3 * len(faces) + 1, 3, dtype=np.int32)
    body = (
        f'<PolyData><Piece NumberOfPoints="{len(points)}" NumberOfPolys="{len(faces)}"><Points>'.encode()
        + data_array("Float32", "Points", points, 3)
        + b"</Points><Polys>"
        + data_array("Int32", "connectivity", faces.astype(np.int32))
        + data_array("Int32", "offsets", ends)
        + b"</Polys></Piece></PolyData>"
    )
    return vtk_file("PolyData", body), area


def volume_file(ct, spacing, level):
    ends = " ".join(f"0 {n - 1}" for n in ct.shape)
    body = f'<ImageData WholeExtent="{ends}" Origin="0 0 0" Spacing="{spacing[0]} {spacing[1]} {spacing[2]}">'
    body += f'<Piece Extent="{ends}"><PointData Scalars="HU">'
    array = data_array("Int16", "HU", np.ravel(ct, order="F"), level=level)
    return vtk_file("ImageData", body.encode() + array + b"</PointData></Piece></ImageData>")


def longest(points):
    if len(points) > 50:
        points = points[ConvexHull(points).vertices]
    return float(pdist(points).max()) if len(points) > 1 else 0.0


def lesions_of(task, liver, spacing):
    """Per lesion: volume, diameters over voxel corners, distance to the nearest vessel voxel, part outside the liver."""
    box = ndimage.find_objects((task > 0).astype(np.uint8))[0]
    task, liver = task[box], liver[box]
    parts, count = ndimage.label(task == 2, CUBE)
    distance = ndimage.distance_transform_edt(task != 1, sampling=spacing)
    found = []
    for part, own in enumerate(ndimage.find_objects(parts), 1):
        where = parts[own] == part
        shell = where & ~ndimage.binary_erosion(np.pad(where, 1))[1:-1, 1:-1, 1:-1]
        at = np.argwhere(shell)
        slices = [longest(at[at[:, 2] == z][:, :2] * spacing[:2]) for z in np.unique(at[:, 2])]
        found.append(
            {
                "ml": float(where.sum() * spacing.prod() / 1000),
                "axial": max(slices),
                "longest": longest(at * spacing),
                "vessel": float(distance[own][where].min()),
                "outside": float(np.count_nonzero(where & (liver[own] == 0) & (task[own] == 0)) / where.sum()),
            }
        )
    return found


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def plane(ct, labels):
    grey = (np.clip((ct + 110) / 350, 0, 1) * 255).astype(np.uint8)
    pixels = np.repeat(grey[..., None], 3, -1)
    inside = labels > 0
    pixels[inside] = (0.6 * pixels[inside] + 0.4 * COLOURS[labels[inside]]).astype(np.uint8)
    return png(np.ascontiguousarray(pixels.swapaxes(0, 1)[::-1]))


def pictures(ct, total, task, centre):
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        cut = tuple(centre[axis] if n == axis else slice(None) for n in range(3))
        yield f"previews/{name}.png", plane(ct[cut], np.where(task[cut] > 0, task[cut] + 200, total[cut]))
    projected = np.where(task == 1, ct, -1024).max(1)
    yield "previews/vessels.png", plane(projected, np.zeros(projected.shape, np.uint8))


def report(found, lesions, files):
    rows = "".join(f"<tr><td>{name}<td>{f['ml']:.1f}<td>{f['mean']:.0f}" for name, f in found.items())
    rows += "".join(f"<tr><td>{f['ml']:.2f}<td>{f['longest']:.1f}<td>{f['vessel']:.1f}" for f in lesions)
    images = "".join(
        f'<img src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        for name, content in files.items()
        if name.endswith(".png")
    )
    return f"<!doctype html><table>{rows}</table>{images}".encode()


def make(source, target, level):
    ct, affine = ras(nib.load(source / "ct.nii.gz"))
    masks = {name: ras(nib.load(source / f"{name}.nii.gz"))[0] for name in ("totalseg", "task008")}
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    found, files = {}, {}
    for name, mask in masks.items():
        for label, box in enumerate(ndimage.find_objects(mask), 1):
            if box is None:
                continue
            where = mask[box] == label
            key = f"{name}/{label}"
            found[key] = figures(ct, where, box, spacing)
            corner = np.array([s.start for s in box])
            files[f"segmentations/{name}_{label}.vtp"], found[key]["area"] = mesh_file(where, corner, spacing)
    total, task = masks["totalseg"], masks["task008"]
    lesions = lesions_of(task, total == 5, spacing)
    centre = [round(c) for c in found["totalseg/5"]["centroid"]]
    files.update(pictures(ct, total, task, centre))
    files["ct_volume.vti"] = volume_file(ct, spacing, level)
    files["report.html"] = report(found, lesions, files)
    files["metadata.json"] = json.dumps({"structures": found, "lesions": lesions}).encode()
    with zipfile.ZipFile(target / "results.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mask in masks.items():
            path = target / f"{name}.nii.gz"
            nib.save(nib.Nifti1Image(mask, affine), path)
            archive.write(path, path.name, zipfile.ZIP_STORED)
        for name, content in files.items():
            # What is compressed already is stored, as in our own ZIP.
            stored = name.endswith((".vti", ".vtp", ".png"))
            archive.writestr(name, content, zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED)
    return found, lesions


def main():
    start = time.perf_counter()
    cpu = time.process_time()
    found, lesions = make(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
    seconds = time.perf_counter() - start
    cpu = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "cpuSeconds": cpu, "peakBytes": peak, "structures": found, "lesions": lesions}))


main()
