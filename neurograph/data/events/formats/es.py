"""Event Stream .es files (neuromorphic-paris/event_stream, version 2): a byte code of differences in time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events

__all__ = ["Es"]

Array = np.ndarray[Any, Any]
MAGIC = b"Event Stream"
KINDS = {0: "generic", 1: "DVS", 2: "ATIS", 3: "asynchronous and modular display", 4: "colour"}
START = 20


@numba.njit(cache=True)
def _decode(raw: Array, start: int, height: int, t: Array, x: Array, y: Array, p: Array) -> tuple[int, int]:
    """Events found and the byte at which the file ends inside one, or -1."""
    now, count, k = 0, 0, start
    while k < len(raw):
        first = raw[k]
        if first == 0xFF:  # overflow: 127 us without an event
            now += 127
            k += 1
        elif first == 0xFE:  # reset: nothing follows from it here, where no byte was lost
            k += 1
        elif k + 5 > len(raw):
            return count, k
        else:
            now += first >> 1
            t[count] = now
            p[count] = first & 1
            x[count] = raw[k + 1] | raw[k + 2] << 8
            # the origin is the lower left corner; a row above the sensor stays one
            up = raw[k + 3] | raw[k + 4] << 8
            y[count] = height - 1 - up if up < height else 0xFFFF
            count += 1
            k += 5
    return count, -1


class Es(EventFormat):
    """Bytes 0-11 ``Event Stream``, 12-14 version, 15 kind of stream, 16-19 width and height, then the stream.

    DVS: a byte of 7 bits of elapsed microseconds and the polarity, then x and y, 16 bits each, little endian; 0xFF adds
    127 us and 0xFE is a reset. y counts from the bottom in the file and is turned over. Only DVS streams are read.
    Raises DataError for other kinds and versions, and for a file that ends inside an event.
    """

    name: ClassVar[str] = "es"
    endings: ClassVar[tuple[str, ...]] = (".es",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return head.startswith(MAGIC)

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        raw = file_bytes(path)
        head = raw[:START].tobytes()
        if head[:12] != MAGIC[: len(head)]:
            raise bad(path, 0, f"it begins with {head[:12].hex(' ')}; an .es file begins with {MAGIC.decode()!r}")
        if len(head) > 12 and head[12] != 2:
            raise bad(path, 12, f"version {head[12]}; version 2 is read", "convert the file to version 2")
        if len(head) > 15 and head[15] != 1:
            kind = KINDS.get(head[15], "unknown")
            raise bad(path, 15, f"a stream of kind {head[15]} ({kind}); DVS events (1) are read", "give a DVS stream")
        if len(head) < START:
            raise bad(path, len(raw), f"the file ends inside its header of {START} bytes")
        width, height = int.from_bytes(head[16:18], "little"), int.from_bytes(head[18:20], "little")
        if not width or not height:
            raise bad(path, 16 if not width else 18, f"the sensor is {width} wide and {height} high")
        most = (len(raw) - START) // 5
        t, x, y, p = (np.empty(most, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        count, cut = _decode(raw, START, height, t, x, y, p)
        if cut >= 0:
            raise bad(path, len(raw), f"the file ends inside the event that begins at byte {cut}; events take 5 bytes")
        t, x, y, p = (a[:count] for a in (t, x, y, p))
        return finished(path, t, x, y, p, sensor or (2, height, width), lambda k: _place(raw, k))


def _place(raw: Array, wanted: int) -> int:
    """The byte of an event, found by going through the stream again: for a message only."""
    at, seen = START, 0
    while at < len(raw):
        if raw[at] >= 0xFE:
            at += 1
            continue
        if seen == wanted:
            return at + 1
        seen, at = seen + 1, at + 5
    return at
