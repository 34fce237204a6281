"""Reads ZIP archives strictly, by APPNOTE.TXT; the directory counts, not the local headers."""

import hashlib
import io
import struct
import zipfile
import zlib

from faults import Member, Refused, text_of, too_much

END = struct.Struct("<4s4H2LH")
RECORD = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
MOST_UNPACKED = 2**30


def read(raw):
    return Zip(raw)


class Zip:
    def __init__(self, raw):
        self.raw, self.open, self.faults = raw, False, set()
        start, count = self.end()
        self.records, cursor = self.directory(start, count)
        self.members = [self.member(record) for record in self.records]
        if raw[cursor : cursor + 4] == b"PK\1\2":
            self.faults.add("ARCHIVE_UNREADABLE")
        extents = sorted([(r["at"], r["at"] + 30 + len(r["name"]) + r["packed"]) for r in self.records] + [(start, start)])
        if any(end > later for (_, end), (later, _) in zip(extents, extents[1:])):
            self.faults.add("ARCHIVE_UNSAFE")
        if sum(record["size"] for record in self.records) > MOST_UNPACKED:
            self.faults.add("ARCHIVE_TOO_LARGE")

    def end(self):
        """Where the directory begins and how many records it has; what follows the end record is its comment."""
        at = self.raw.rfind(b"PK\5\6", max(0, len(self.raw) - 65557))
        while at >= 0 and at > len(self.raw) - END.size:
            at = self.raw.rfind(b"PK\5\6", 0, at + 3)
        if at < 0:
            raise Refused("ARCHIVE_UNREADABLE")
        _, disk, _, _, count, _, start, comment = END.unpack_from(self.raw, at)
        if comment != len(self.raw) - at - END.size or disk != 0:
            raise Refused("ARCHIVE_UNREADABLE")
        if count == 0xFFFF or start == 0xFFFFFFFF:
            # ZIP64, which no input of this corpus needs: damage, and readers differ in what they make of it.
            raise Refused("ARCHIVE_UNREADABLE", open=True)
        return start, count

    def directory(self, start, count):
        records, cursor = [], start
        for _ in range(count):
            if cursor + RECORD.size > len(self.raw):
                raise Refused("ARCHIVE_UNREADABLE")
            (magic, _, _, flags, method, _, _, crc, packed, size, name, extra, comment, _, _, attributes, at) = RECORD.unpack_from(self.raw, cursor)  # fmt: skip
            if magic != b"PK\1\2":
                raise Refused(*self.faults, "ARCHIVE_UNREADABLE")
            if flags & 0x40:
                self.faults.add("ARCHIVE_ENCRYPTED")
            body = cursor + RECORD.size
            cursor = body + name + extra + comment
            if cursor > len(self.raw):
                raise Refused(*self.faults, "ARCHIVE_UNREADABLE")
            record = {"name": self.raw[body : body + name], "flags": flags, "method": method, "crc": crc, "packed": packed, "size": size, "mode": attributes >> 16, "at": at}  # fmt: skip
            self.extras(record, self.raw[body + name : body + name + extra])
            self.check(record)
            records.append(record)
        return records, cursor

    def check(self, record):
        sealed = 12 if record["flags"] & 1 else 0
        if record["method"] == 0 and record["packed"] != record["size"] + sealed:
            self.faults.add("ARCHIVE_UNREADABLE")

    def extras(self, record, extra):
        """ZIP64 sizes; anything else is skipped, but must have the length that it says."""
        at = 0
        while at < len(extra) - 3:
            kind, length = struct.unpack_from("<2H", extra, at)
            data = extra[at + 4 : at + 4 + length]
            if len(data) < length:
                self.faults.add("ARCHIVE_UNREADABLE")
                return
            # A name in an extra field: readers differ in whether they look at it.
            self.open = self.open or kind == 0x7075
            if kind == 1:
                self.wide(record, data)
            at += 4 + length
        if 0xFFFFFFFF in (record["size"], record["packed"], record["at"]):
            self.open = True

    def wide(self, record, data):
        for field in ("size", "packed", "at"):
            if record[field] == 0xFFFFFFFF and len(data) >= 8:
                (record[field],) = struct.unpack_from("<Q", data)
                data = data[8:]

    def member(self, record):
        name = text_of(record["name"], "cp437")
        kind = record["mode"] & 0o170000
        folder = name.endswith("/") or kind == 0o040000
        return Member(name, folder, record["size"], None if folder else fault_of(record, kind), record["at"])

    def content(self, index):
        record = self.records[index]
        corrupt = Refused("ARCHIVE_MEMBER_CORRUPT")
        if record["at"] + LOCAL.size > len(self.raw):
            raise corrupt
        magic, *_, name, extra = LOCAL.unpack_from(self.raw, record["at"])
        start = record["at"] + LOCAL.size + name + extra
        data = self.raw[start : start + record["packed"]]
        if magic != b"PK\3\4" or len(data) < record["packed"]:
            raise corrupt
        if record["method"] == 8:
            data = inflated(data, record["size"])
        if data is None or len(data) != record["size"] or zlib.crc32(data) != record["crc"]:
            raise corrupt
        return data

    def witness(self, outcomes, cases):
        """What zipfile unpacks of the cases that are read, where it does; it also looks at the local names."""
        agreed = "none"
        try:
            archive = zipfile.ZipFile(io.BytesIO(self.raw))
            infos = archive.infolist()
        except Exception:
            return agreed
        for (_, outcome), (_, index, _) in zip(outcomes, cases):
            if isinstance(outcome, str):
                try:
                    content = archive.read(infos[index])
                except Exception:
                    continue
                if hashlib.sha256(content).hexdigest() != outcome:
                    return "differs"
                agreed = "agrees"
        return agreed


def fault_of(record, kind):
    if kind not in (0, 0o100000):
        return "ARCHIVE_UNSAFE"
    if record["flags"] & 1:
        return "ARCHIVE_ENCRYPTED"
    if record["method"] not in (0, 8):
        return "ARCHIVE_UNREADABLE"
    return "ARCHIVE_TOO_LARGE" if record["size"] > 2**31 + 2**27 or too_much(record["size"], record["packed"]) else None


def inflated(data, most):
    """The content, at most one byte more than it should be; None when it is damaged."""
    stream = zlib.decompressobj(-15)
    try:
        content = stream.decompress(data, most + 1)
    except zlib.error:
        return None
    while not stream.eof and len(content) <= most:
        try:
            more = stream.decompress(stream.unconsumed_tail, most + 1 - len(content))
        except zlib.error:
            return None
        if not more and not stream.eof:
            return None
        content += more
    return content
