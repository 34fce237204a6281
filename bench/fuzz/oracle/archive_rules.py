"""What an archive of cases must be and which cases it holds, written from APPNOTE.TXT, POSIX ustar and pax, and the
sentences of docs/architecture.md and the API's answers alone.

`judge(raw)` gives `{"cases": [[name, sha256 of the CT or the codes of its refusal], ...]}` or `{"codes": [...]}` for an
archive that is refused as a whole; `open` tells that the standards leave it open what the bytes mean.
"""

import functools
import hashlib
import re
import unicodedata
import zlib

import nifti_rules
import tar_rules
import zip_rules
from faults import Refused

MOST_CASES = 100
SYSTEM = re.compile(r"^(__MACOSX$|\.|thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
CT = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
RAW = re.compile(r"^raw(_0000)?\.nii(\.gz)?$", re.IGNORECASE)
FLAT = re.compile(r"^(.+?)(_0000)?\.nii(\.gz)?$", re.IGNORECASE | re.DOTALL)
DIGITS = "0123456789"
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def judge(raw):
    try:
        kind = kind_of(raw)
        if kind is None:
            raise Refused("ARCHIVE_UNREADABLE")
        archive = zip_rules.read(raw) if kind == "zip" else tar_rules.read(raw, kind == "tar.gz")
        if archive.faults:
            return {"codes": sorted(archive.faults), "open": archive.open}
        cases = find_cases(archive.members)
    except Refused as refusal:
        return {"codes": sorted(refusal.codes), "open": refusal.open}
    outcomes = [[name, outcome(archive, member, fault)] for name, member, fault in cases]
    return {"cases": outcomes, "open": archive.open, "witness": archive.witness(outcomes, cases)}


def kind_of(raw):
    if raw[:4] in (b"PK\3\4", b"PK\5\6", b"PK\7\x08"):
        return "zip"
    packed = raw[:2] == b"\x1f\x8b"
    head = raw[:16384]
    if packed:
        try:
            head = first_inflated(head)
        except zlib.error:
            head = b""
    if not is_tar(head[:512]):
        return None
    return "tar.gz" if packed else "tar"


def first_inflated(head):
    parts, rest = [], head
    while rest[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(31)
        parts.append(member.decompress(rest))
        rest = member.unused_data
    if rest.strip(b"\0"):
        raise zlib.error("something else follows")
    return b"".join(parts)


def is_tar(block):
    if len(block) < 512:
        return False
    return block[257:262] == b"ustar" or block == bytes(512) or tar_rules.sum_fits(block)


def find_cases(members):
    """`(name, member, fault)` of every case in the order of their ids."""
    candidates = []
    for index, member in enumerate(members):
        segments = safe_segments(member.name)
        if member.folder or len(member.name.encode("utf-16-le", "surrogatepass")) // 2 > 1024:
            continue
        if not segments or any(SYSTEM.search(part) for part in segments) or not CT.search(segments[-1]):
            continue
        candidates.append((index, segments))
    around = wrapper(candidates)
    groups = {}
    for index, segments in candidates:
        path = segments[around:]
        stem, channel, packed = FLAT.match(path[-1]).groups()
        rank = 4 * bool(members[index].fault) + 2 * (not packed) + bool(channel)
        if len(path) == 1:
            groups.setdefault(("flat", stem), []).append((rank, index, stem))
        elif len(path) == 2 and RAW.search(path[1]):
            groups.setdefault(("folder", path[0]), []).append((rank, index, path[0]))
    if not groups:
        raise Refused("ARCHIVE_NO_CASES")
    if len(groups) > MOST_CASES:
        raise Refused("ARCHIVE_TOO_MANY_CASES")
    cases = [case_of(group, members) for group in groups.values()]
    lower = [name.lower() for name, *_ in cases]
    return [
        (name, index, "INPUT_DUPLICATE_NAME" if lower.count(name.lower()) > 1 else fault)
        for name, index, fault in sorted(cases, key=functools.cmp_to_key(lambda a, b: by_name(a[0], b[0]) or a[1] - b[1]))
    ]  # fmt: skip


def case_of(group, members):
    best = min(group)
    twice = sum(rank == best[0] for rank, *_ in group) > 1
    return shown(best[2]), best[1], "INPUT_DUPLICATE_NAME" if twice else members[best[1]].fault


def safe_segments(name):
    segments = name.split("/")
    if "\\" in name or name.startswith("/") or re.match(r"[a-z]:", name, re.IGNORECASE) or ".." in segments:
        raise Refused("ARCHIVE_UNSAFE")
    return [part for part in segments if part not in ("", ".")]


def wrapper(candidates):
    tops = {segments[0] for _, segments in candidates}
    inside = all(
        len(segments) > 1 and not (len(segments) == 2 and RAW.search(segments[1])) for _, segments in candidates
    )
    return 1 if len(tops) == 1 and inside else 0


def shown(name):
    clean = "".join("?" if unicodedata.category(c) in INVISIBLE else c for c in unicodedata.normalize("NFC", name))
    return clean if len(clean) <= 200 else clean[:199] + "…"


def by_name(a, b):
    """Numbers by value, text by code units; None of our names differ in anything else."""
    parts = [re.findall(r"[0-9]+|[^0-9]+", name) for name in (a, b)]
    for one, other in zip(*parts):
        keys = [int(one), int(other)] if one[0] in DIGITS and other[0] in DIGITS else [code_units(one), code_units(other)]
        if keys[0] != keys[1]:
            return -1 if keys[0] < keys[1] else 1
    return len(parts[0]) - len(parts[1])


def code_units(text):
    return text.encode("utf-16-be", "surrogatepass")


def outcome(archive, index, fault):
    if fault is not None:
        return [fault]
    try:
        content = archive.content(index)
    except Refused as refusal:
        return sorted(refusal.codes)
    verdict = nifti_rules.judge(content)
    return verdict["codes"] if "codes" in verdict else hashlib.sha256(content).hexdigest()
