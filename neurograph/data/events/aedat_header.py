"""The text header of AEDAT files: lines that begin with #, the first of which says the version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.data.events.checked import bad

__all__ = ["AedatHeader", "aedat_version", "header_lines", "size_of_chip"]

LONGEST = 1 << 24
END = "#!END-HEADER"
#: Lines of text that begin with #, and one without its end.
TEXT = re.compile(rb"(?:#[^\x00-\x08\x0a\x0e-\x1f]*\n)+")
OPEN = re.compile(rb"#[^\x00-\x08\x0a\x0e-\x1f]*")
#: (height, width) by what the name of a chip contains.
CHIPS = (
    (r"DVS128|DVS_?128|EDVS|TMPDIFF128", (128, 128)),
    (r"DAVIS_?128", (128, 128)),
    (r"DAVIS_?208", (192, 208)),
    (r"DAVIS_?240|SBRET10|SEEBETTER20", (180, 240)),
    (r"DAVIS_?346", (260, 346)),
    (r"DAVIS_?(HET)?_?640|DAVISRGB", (480, 640)),
    (r"DVS_?132", (104, 132)),
    (r"DVXPLORER(_?LITE)|DVS_?320", (240, 320)),
    (r"DVXPLORER|DVS_?640", (480, 640)),
)


@dataclass(frozen=True)
class AedatHeader:
    """The lines without their ends, and the byte at which the data begins."""

    lines: tuple[str, ...]
    start: int


def size_of_chip(name: str) -> tuple[int, int] | None:
    """Height and width of a chip by its name, None for an unknown one."""
    return next((size for pattern, size in CHIPS if re.search(pattern, name.upper())), None)


def aedat_version(head: bytes) -> str:
    """Text like "2.0", "3.1" of a file that begins with these bytes, "" where they are no AEDAT header."""
    found = re.match(rb"#!AER-DAT(\d\.\d)", head)
    return found[1].decode() if found else ""


def header_lines(path: Path, raw: np.ndarray[Any, Any], must_end: bool) -> AedatHeader:
    """The header at the start of the bytes of a file.

    Where the format has no line that ends the header (`must_end` is false), it ends at the first line that does not
    begin with # or is no text: an address may begin with the byte of #. Raises DataError for a header without end.
    """
    head = raw[:LONGEST].data
    found = TEXT.match(head)
    start = found.end() if found else 0
    lines = tuple(line.rstrip("\r") for line in str(head[:start], "latin-1").split("\n")[:-1])
    if must_end:
        last = re.compile(rb"^" + END.encode() + rb"[^\n]*\n", re.MULTILINE).search(head[:start])
        if last is None:
            raise bad(path, start, f"the header ends without the line {END!r}")
        return AedatHeader(lines, last.end())
    if start < len(raw) and OPEN.fullmatch(head, start):
        raise bad(path, len(raw), "the file ends inside a line of its header")
    return AedatHeader(lines, start)
