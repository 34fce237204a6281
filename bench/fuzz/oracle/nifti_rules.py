"""What a NIfTI file must be to be taken as a CT, written from nifti1.h, nifti2.h, RFC 1952 and docs/reference alone.

`judge(raw)` gives `{"codes": [...]}` with every rule that the file breaks, or `{"volume": {...}}`; `open` tells that
a number is so near to a limit that rounding decides. nibabel, where it reads the file, must see the same voxels and the
same affine: `witness` is "agrees", "differs" or "none".
"""

import hashlib
import io
import logging
import math
import struct
import zlib

import nibabel as nib
import numpy as np

np.seterr(all="ignore")
logging.getLogger("nibabel").setLevel(logging.CRITICAL)
nib.imageglobals.logger.setLevel(logging.CRITICAL)

NOT_A_NIFTI = ["NIFTI_SHORT_HEADER", "NIFTI_NOT_NIFTI", "INPUT_IS_DICOM", "INPUT_IS_ARCHIVE"]
MOST_VOXEL_BYTES = 2**31
MOST_INFLATED = 64 * 2**20
PIECE = 64
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


def gunzip(raw):
    """Content of all members, and the codes of what is wrong with them."""
    content, rest = [], raw
    inflated = 0
    while True:
        member = zlib.decompressobj(31)
        data = rest
        try:
            # In small pieces, so that what comes before damage is seen.
            while data and not member.eof:
                piece = member.decompress(data[:PIECE], 8 * PIECE)
                content.append(piece)
                inflated += len(piece)
                data = (member.unused_data or member.unconsumed_tail) + data[PIECE:]
                if inflated > MOST_INFLATED:
                    return b"".join(content), {"NIFTI_TRAILING_DATA", "NIFTI_BAD_GZIP", "NIFTI_TRUNCATED"}
            if not member.eof:
                content.append(member.flush())
        except zlib.error:
            # What came before the damage counts: the reader looks at the header as soon as it has it.
            return b"".join(content), {"NIFTI_BAD_GZIP"}
        if not member.eof:
            return b"".join(content), {"NIFTI_TRUNCATED"}
        rest = data
        if rest.strip(b"\0") == b"":
            return b"".join(content), set()
        if rest[:2] != b"\x1f\x8b":
            codes = {"NIFTI_TRAILING_DATA"}
            return b"".join(content), codes | ({"NIFTI_TRUNCATED"} if rest == b"\x1f" else set())


def signature(data):
    if len(data) < 4:
        return None
    for order in "<>":
        (size,) = struct.unpack(order + "i", data[:4])
        if size in (348, 540):
            return order, size
    return None


def fields(data, order, size):
    def at(offset, code, count=1):
        return struct.unpack_from(f"{order}{count}{code}", data, offset)

    if size == 348:
        return {
            "magic": data[344:348], "dim": at(40, "h", 8), "datatype": at(70, "h")[0], "pixdim": at(76, "f", 8),
            "offset": at(108, "f")[0], "slope": at(112, "f")[0], "inter": at(116, "f")[0], "qcode": at(252, "h")[0],
            "scode": at(254, "h")[0], "quatern": at(256, "f", 6), "srow": at(280, "f", 12),
        }  # fmt: skip
    return {
        "magic": data[4:12], "dim": at(16, "q", 8), "datatype": at(12, "h")[0], "pixdim": at(104, "d", 8),
        "offset": at(168, "q")[0], "slope": at(176, "d")[0], "inter": at(184, "d")[0], "qcode": at(344, "i")[0],
        "scode": at(348, "i")[0], "quatern": at(352, "d", 6), "srow": at(400, "d", 12),
    }  # fmt: skip


def qform(head):
    """Method 2 of nifti1.h; None for what is no rotation. The second value: whether rounding decides."""
    b, c, d, *shift = head["quatern"]
    square = 1 - (b * b + c * c + d * d)
    if not all(map(math.isfinite, [square, *shift])):
        return None, False
    unsure = abs(square + 1e-5) < 1e-6
    if square < -1e-5:
        return None, unsure
    if square < 1e-7:
        norm = math.sqrt(b * b + c * c + d * d)
        a, b, c, d = 0.0, b / norm, c / norm, d / norm
    else:
        a = math.sqrt(square)
    turn = np.array([
        [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
        [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
        [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
    ])  # fmt: skip
    edges = np.array(head["pixdim"][1:4], float)
    edges[2] *= -1 if head["pixdim"][0] < 0 else 1
    affine = np.eye(4)
    affine[:3, :3] = turn * edges
    affine[:3, 3] = shift
    return affine, unsure


def affine_faults(affine):
    """Codes of an affine, and whether a limit is too near to tell."""
    if affine is None or not np.isfinite(affine).all():
        return {"NIFTI_BAD_AFFINE"}, False
    edges = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    volume = abs(np.linalg.det(affine[:3, :3]))
    near = any(abs(edge / limit - 1) < 1e-9 for edge in edges for limit in (1e-3, 100))
    least = max(1e-12, 1e-4 * float(edges.prod()))
    near = near or abs(volume / least - 1) < 1e-6
    fault = not all(1e-3 <= edge <= 100 for edge in edges) or not volume > least
    return ({"NIFTI_BAD_AFFINE"} if fault else set()), near


def size_faults(head):
    rank, *axes = head["dim"]
    if not 1 <= rank <= 7:
        return {"NIFTI_BAD_DIMS"}
    used = axes[:rank]
    codes = set()
    if any(axis < 1 or axis > 2**53 - 1 for axis in used):
        codes.add("NIFTI_BAD_DIMS")
    elif rank < 3 or any(axis != 1 for axis in used[3:]):
        codes.add("NIFTI_NOT_3D")
    elif head["datatype"] in TYPES and math.prod(used[:3]) * width(head) > MOST_VOXEL_BYTES:
        codes.add("NIFTI_TOO_LARGE")
    return codes


def width(head):
    return np.dtype(TYPES[head["datatype"]]).itemsize


def magic_faults(head, size):
    good = b"n+1\0" if size == 348 else b"n+2\0\r\n\x1a\n"
    if head["magic"] == good:
        return set()
    pair = b"ni1\0" if size == 348 else b"ni2\0"
    return {"NIFTI_PAIR_FILE"} if head["magic"].startswith(pair) else {"NIFTI_BAD_MAGIC"}


def header_faults(head, size):
    """Codes of all rules that the header breaks, the affine that counts, and whether rounding decides."""
    codes = magic_faults(head, size) | size_faults(head)
    if head["datatype"] not in TYPES:
        codes.add("NIFTI_BAD_DATATYPE")
    offset = head["offset"]
    least = 352 if size == 348 else 544
    if not (math.isfinite(offset) and offset == int(offset) and least <= offset < 64 * 2**20):
        codes.add("NIFTI_BAD_VOX_OFFSET")
    if not all(1e-3 <= mm <= 100 for mm in head["pixdim"][1:4]):
        codes.add("NIFTI_BAD_SPACING")
    affine, near = None, False
    if head["scode"] > 0:
        affine = np.vstack([np.reshape(head["srow"], (3, 4)), [0, 0, 0, 1]])
    elif head["qcode"] > 0:
        affine, near = qform(head)
    else:
        codes.add("NIFTI_NO_ORIENTATION")
    if affine is not None or head["qcode"] > 0:
        faults, unsure = affine_faults(affine)
        codes |= faults
        near = near or unsure
    scaled = head["slope"] != 0 and math.isfinite(head["slope"])
    if scaled and not math.isfinite(head["inter"]):
        codes.add("NIFTI_BAD_SCALING")
    return codes, affine, bool(near)


def judge(raw):
    packed = raw[:2] == b"\x1f\x8b"
    data, codes = gunzip(raw) if packed else (raw, set())
    found = signature(data)
    if found is None:
        return {"codes": sorted(codes | set(NOT_A_NIFTI))}
    order, size = found
    if len(data) < size:
        return {"codes": sorted(codes | {"NIFTI_SHORT_HEADER"})}
    head = fields(data, order, size)
    faults, affine, near = header_faults(head, size)
    codes |= faults
    if faults:
        # A header that promises too much is refused before the rest of the file is looked at, and the other way round.
        return {"codes": sorted(codes | {"NIFTI_TRUNCATED", "NIFTI_TRAILING_DATA"}), "open": near}
    dims = head["dim"][1:4]
    start, wanted = int(head["offset"]), math.prod(dims) * width(head)
    if len(data) < start + wanted:
        codes.add("NIFTI_TRUNCATED")
    if len(data) > start + wanted:
        codes.add("NIFTI_TRAILING_DATA")
    if codes:
        return {"codes": sorted(codes), "open": near}
    stored = np.frombuffer(data, order + TYPES[head["datatype"]], math.prod(dims), start)
    if stored.dtype.itemsize == 8 and stored.dtype.kind in "iu":
        if any(abs(int(value)) > 2**53 - 1 for value in (stored.min(), stored.max())):
            return {"codes": ["NIFTI_BAD_DATATYPE"]}
    return {"volume": volume(head, stored, affine), "open": near, "witness": witness(data, head, size, stored, affine)}


def volume(head, stored, affine):
    scaled = head["slope"] != 0 and math.isfinite(head["slope"])
    values = stored.astype("<f8")
    values[np.isnan(values)] = np.nan
    return {
        "dims": list(head["dim"][1:4]),
        "affine": affine.ravel().tolist(),
        "slope": head["slope"] if scaled else 1,
        "intercept": head["inter"] if scaled else 0,
        "sha256": hashlib.sha256(values.tobytes()).hexdigest(),
    }


def witness(data, head, size, stored, affine):
    """What nibabel sees. It knows no form codes beyond 5 and sets them and odd qfacs right in its own way."""
    if not (head["qcode"] in range(6) and head["scode"] in range(6)):
        return "none"
    if head["scode"] == 0 and head["pixdim"][0] not in (-1, 0, 1):
        return "none"
    kind = nib.Nifti1Image if size == 348 else nib.Nifti2Image
    try:
        image = kind.from_file_map({"image": nib.FileHolder(fileobj=io.BytesIO(data))})
        seen = np.asanyarray(image.dataobj.get_unscaled())
    except Exception:  # nibabel raises what it meets: OverflowError, struct.error, its own
        return "none"
    same = seen.reshape(-1, order="F").astype("f8")
    ours = stored.astype("f8")
    if seen.shape[:3] != tuple(head["dim"][1:4]) or not np.array_equal(same, ours, equal_nan=True):
        return "differs"
    # nibabel keeps a turn of up to 3e-4 rad of a half turn.
    slack = 0 if head["scode"] > 0 else 5e-4 * max(head["pixdim"][1:4])
    return "agrees" if np.abs(image.affine - affine).max() <= slack else "differs"
