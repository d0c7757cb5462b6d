"""Prophesee .dat files: decoded events of 8 bytes behind a text header."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished, unwrap
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.data.events.prophesee_header import header_of

__all__ = ["Dat"]

Array = np.ndarray[Any, Any]
SIZE = 8
#: Kinds of events with x, y and p: Event2d and EventCd.
KINDS = (0x00, 0x0C)


@numba.njit(cache=True)
def _word(raw: Array, at: int) -> Any:
    return np.int64(raw[at]) | np.int64(raw[at + 1]) << 8 | np.int64(raw[at + 2]) << 16 | np.int64(raw[at + 3]) << 24


@numba.njit(cache=True)
def _decode(raw: Array, start: int, second: bool, t: Array, x: Array, y: Array, p: Array) -> int:
    """Fill the events; the first one whose polarity is neither 0 nor 1, or -1."""
    wrong = -1
    for k in range(len(t)):
        t[k] = _word(raw, start + SIZE * k)
        word = _word(raw, start + SIZE * k + 4)
        if second:
            x[k], y[k], p[k] = word & 0x3FFF, word >> 14 & 0x3FFF, word >> 28
        else:
            x[k], y[k], p[k] = word & 0x1FF, word >> 9 & 0xFF, word >> 17 & 1
        if p[k] > 1 and wrong < 0:
            wrong = k
    return wrong


class Dat(EventFormat):
    """Lines of ``% keyword value``, then kind and size of an event (a byte each), then t and address, 32 bits each.

    Little endian. Version 2: x bits 0-13, y bits 14-27, p from bit 28; version 1 (or none given): x bits 0-8, y bits
    9-16, p bit 17. t is in microseconds and goes round at 2^32. The sensor is that of the lines Width and Height, else the
    extent of the events. Row 0 is the top. Raises DataError for other kinds (triggers) and a file that ends inside an
    event.
    """

    name: ClassVar[str] = "dat"
    endings: ClassVar[tuple[str, ...]] = (".dat",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return (
            head.startswith((b"% ", b"%\n"))
            and not _is_raw(head)
            and (path.name.lower().endswith(self.endings) or b"% Data file containing" in head or b"% Version " in head)
        )

    def accepts(self, path: Path, head: bytes) -> bool:
        return head.startswith(b"%")

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        raw = file_bytes(path)
        header = header_of(path, raw)
        start = header.start
        if not start:
            raise bad(path, 0, f"it begins with {raw[:8].tobytes().hex(' ')}; a .dat file begins with lines of '% '")
        version = header.values.get("version", "1")
        if version not in ("1", "2"):
            raise bad(path, 0, f"the header gives version {version!r}; versions 1 and 2 are known")
        if len(raw) < start + 2:
            raise bad(path, len(raw), "the file ends before kind and size of its events")
        kind, size = int(raw[start]), int(raw[start + 1])
        if kind not in KINDS:
            raise bad(
                path, start, f"events of kind {kind}; read are 0 (Event2d) and 12 (EventCd)", "give a file of CD events"
            )
        if size != SIZE:
            raise bad(path, start + 1, f"events of {size} bytes; these kinds take {SIZE}")
        start += 2
        count, rest = divmod(len(raw) - start, SIZE)
        if rest:
            raise bad(path, len(raw), f"the file ends inside event {count}; events take {SIZE} bytes")
        t, x, y, p = (np.empty(count, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        wrong = _decode(raw, start, version == "2", t, x, y, p)
        if wrong >= 0:
            raise bad(path, start + SIZE * wrong + 7, f"event {wrong} has polarity {p[wrong]}; it is 0 or 1")
        unwrap(t, 32)
        if sensor is None and header.size:
            sensor = (2, *header.size)
        return finished(path, t, x, y, p, sensor, lambda k: start + SIZE * k + 4)


def _is_raw(head: bytes) -> bool:
    return b"\n% evt " in head or b"\n% format EVT" in head or head.startswith((b"% evt ", b"% format EVT"))
