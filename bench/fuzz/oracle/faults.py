"""What the readers of archives share."""

from dataclasses import dataclass


class Refused(Exception):
    """An archive, or one member of it, that is not taken, with all codes that may stand for it."""

    def __init__(self, *codes, open=False):
        super().__init__(*codes)
        self.codes = set(codes)
        self.open = open


@dataclass(frozen=True)
class Member:
    name: str
    folder: bool
    size: int
    fault: str | None
    start: int
    """Where the content (tar) or the local header (ZIP) begins."""


# Code page 437 shows these where Python's codec keeps control characters.
SIGNS = {1 + at: sign for at, sign in enumerate("☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼")} | {0x7F: "⌂"}


def text_of(raw, older):
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode(older)
        return text.translate(SIGNS) if older == "cp437" else text


def too_much(unpacked, packed):
    return unpacked > 64 * 2**20 + 200 * packed
