"""Reads tar archives strictly: ustar, GNU long names, pax. Blocks of zeros are skipped wherever they are."""

import hashlib
import io
import tarfile

import nifti_rules
from faults import Member, Refused, text_of

BLOCK = 512
FILE, FOLDER, LINK, OTHER = "file", "folder", "link", "special"
KINDS = {
    "0": FILE, "\0": FILE, "7": FILE, "1": LINK, "2": LINK, "3": OTHER, "4": OTHER, "5": FOLDER, "6": OTHER,
}  # fmt: skip


def read(raw, packed):
    return Tar(raw, packed)


def sum_fits(block):
    try:
        stated = number(block[148:156])
    except ValueError:
        return False
    return stated == sum(block) - sum(block[148:156]) + 8 * 32


def number(field):
    if field[0] & 0x80:
        raise ValueError("base 256, which no input of this corpus needs")
    text = field.replace(b"\0", b" ").strip()
    return int(text, 8) if text else 0


class Tar:
    def __init__(self, raw, packed):
        self.open, self.faults = False, set()
        data, codes = nifti_rules.gunzip(raw) if packed else (raw, set())
        if codes:
            self.faults.add("ARCHIVE_UNREADABLE")
        self.data, self.members = data, []
        self.walk()

    def walk(self):
        """A damaged archive is refused as a whole, for whatever is met first: a reader of a stream cannot know more."""
        at, end, long, pax = 0, 0, None, {}
        try:
            while at < len(self.data):
                block = self.data[at : at + BLOCK]
                at += BLOCK
                if len(block) < BLOCK:
                    raise Refused("ARCHIVE_UNREADABLE")
                if block == bytes(BLOCK):
                    continue
                if not sum_fits(block):
                    raise Refused("ARCHIVE_UNREADABLE")
                size = int(pax.get("size", number(block[124:136])))
                kind = chr(block[156])
                body = self.data[at : at + size]
                if kind in "LKxg":
                    long, pax = self.extended(kind, body, long, pax)
                else:
                    self.members.append(self.member(block, at, size, long or pax.get("path")))
                    folder = self.members[-1].folder
                    size = 0 if folder else size
                    long, pax = None, {}
                at += -(-size // BLOCK) * BLOCK
                end = at
                if at > len(self.data):
                    raise Refused("ARCHIVE_UNREADABLE")
        except (Refused, ValueError):
            self.faults.add("ARCHIVE_UNREADABLE")
        if len(self.data) < end + BLOCK:
            self.faults.add("ARCHIVE_UNREADABLE")

    def extended(self, kind, body, long, pax):
        if kind == "L":
            return text_of(body.split(b"\0")[0], "latin-1"), pax
        if kind == "x":
            return long, self.records(body)
        # Long link names, and pax records for all that follows: none changes where a case is.
        self.open = self.open or kind == "g"
        return long, pax

    def records(self, body):
        found = {}
        while body:
            length, _, rest = body.partition(b" ")
            if not length.isdigit() or int(length) > len(body) or int(length) <= len(length) + 1:
                self.open = True
                return found
            record = body[len(length) + 1 : int(length)]
            key, equals, value = record.partition(b"=")
            if not equals or not value.endswith(b"\n"):
                self.open = True
                return found
            found[text_of(key, "latin-1")] = text_of(value[:-1], "latin-1")
            body = body[int(length) :]
        self.open = self.open or not found.get("size", "0").isdigit()
        return found

    def member(self, block, start, size, given):
        name = given
        if name is None:
            raw = block[:100].split(b"\0")[0]
            if block[257:263] == b"ustar\0" and block[345] != 0:
                raw = block[345:500].split(b"\0")[0] + b"/" + raw
            name = text_of(raw, "latin-1")
        kind = KINDS.get(chr(block[156]))
        if kind is FILE and name.endswith("/"):
            kind = FOLDER
        fault = {FILE: None, FOLDER: None, LINK: "ARCHIVE_UNSAFE", OTHER: "ARCHIVE_UNSAFE"}.get(kind, "ARCHIVE_UNREADABLE")
        return Member(name, kind is FOLDER, size, fault, start)

    def content(self, index):
        member = self.members[index]
        return self.data[member.start : member.start + member.size]

    def witness(self, outcomes, cases):
        """What tarfile unpacks of the cases that are read."""
        try:
            archive = tarfile.open(fileobj=io.BytesIO(self.data), ignore_zeros=True)
            infos = archive.getmembers()
        except Exception:
            return "none"
        agreed = "none"
        for (_, outcome), (_, index, _) in zip(outcomes, cases):
            if isinstance(outcome, str) and index < len(infos) and infos[index].isfile():
                content = archive.extractfile(infos[index]).read()
                if hashlib.sha256(content).hexdigest() != outcome:
                    return "differs"
                agreed = "agrees"
        return agreed
