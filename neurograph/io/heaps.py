"""The one part of a damaged HDF5 file in which the HDF5 library can turn for ever: collections of strings of any length.

The library walks such a collection by the sizes written in it, and one of 0, or one so large that the sum runs over, leaves it
where it is. Here every collection of a file is walked first.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

from neurograph.errors import FormatError

_FILE = b"\x89HDF\r\n\x1a\n"
_COLLECTION = b"GCOL\x01\x00\x00\x00"
_HEADER = 16


def check_heaps(path: Path) -> None:
    """Raise FormatError where a collection of strings does not end."""
    with path.open("rb") as stream:
        head = stream.read(16)
        if not head.startswith(_FILE) or len(head) < 16:
            raise FormatError("it does not begin as HDF5 does")
        # bytes of an address and of a length: the library can write others than 8, nobody does
        if (head[13:15] if head[8] < 2 else head[9:11]) != b"\x08\x08":
            raise FormatError("it is damaged: its addresses and lengths are not of 8 bytes")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            at = data.find(_COLLECTION)
            while at >= 0:
                _walk(data, at)
                at = data.find(_COLLECTION, at + 1)


def _walk(data: mmap.mmap, start: int) -> None:
    damaged = FormatError(f"it is damaged: the strings at byte {start:,} do not end")
    if start + _HEADER > len(data):
        raise damaged
    (size,) = struct.unpack_from("<Q", data, start + 8)
    end, at = start + size, start + _HEADER
    if size < _HEADER or end > len(data):
        raise damaged
    while at + _HEADER <= end:
        (index,) = struct.unpack_from("<H", data, at)
        (length,) = struct.unpack_from("<Q", data, at + 8)
        need = length if index == 0 else _HEADER + (length + 7) // 8 * 8
        if need < _HEADER or at + need > end:
            raise damaged
        at += need
