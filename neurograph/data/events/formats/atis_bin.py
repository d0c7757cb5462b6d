"""ATIS .bin files of N-MNIST and N-Caltech101 (Orchard et al. 2015): 5 bytes an event, no header."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events

__all__ = ["AtisBin"]

Array = np.ndarray[Any, Any]
RECORD = 5
#: A record at this row is no event: the 13-bit clock of the sensor went round.
OVERFLOW_ROW = 240
ROUND = 1 << 13
CLOCK = 1 << 23
#: (height, width) of N-MNIST, N-Caltech101 and the ATIS itself.
USUAL = ((34, 34), (180, 240), (240, 304))


@numba.njit(cache=True)
def _decode(raw: Array, t: Array, x: Array, y: Array, p: Array) -> tuple[int, int]:
    """Events found, and the byte of the first row that an ATIS does not have, or -1."""
    count, over = 0, 0
    last: Any = 0
    for k in range(0, len(raw), RECORD):
        row = raw[k + 1]
        if row >= OVERFLOW_ROW:
            if row > OVERFLOW_ROW:
                return count, k + 1
            over += ROUND
            continue
        now = (np.int64(raw[k + 2] & 127) << 16) | (np.int64(raw[k + 3]) << 8) | np.int64(raw[k + 4])
        if now - last < -(CLOCK >> 1):
            over += CLOCK
        last = now
        t[count], x[count], y[count], p[count] = now + over, raw[k], row, raw[k + 2] >> 7
        count += 1
    return count, -1


class AtisBin(EventFormat):
    """40 bits an event, big endian: x 8, y 8, p 1, t 23 (microseconds, going round after 8.4 s).

    A record with y = 240 is no event; it adds 8192 us to all that follow, as in the published reader (N-MNIST has none).
    Without ``sensor`` it is the smallest of 34x34, 240x180 and 304x240 that holds all events. Row 0 is the top.
    Raises DataError for a file that ends inside a record or holds rows above 240.
    """

    name: ClassVar[str] = "atis-bin"
    endings: ClassVar[tuple[str, ...]] = (".bin", ".bs2")

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        raw = file_bytes(path)
        count, rest = divmod(len(raw), RECORD)
        if rest:
            raise bad(path, len(raw), f"the file ends inside record {count}; records take {RECORD} bytes")
        t, x, y, p = (np.empty(count, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        count, wrong = _decode(raw, t, x, y, p)
        if wrong >= 0:
            raise bad(path, wrong, f"row {raw[wrong]}; an ATIS has {OVERFLOW_ROW} rows")
        t, x, y, p = (a[:count] for a in (t, x, y, p))

        def place(k: int) -> int:
            return RECORD * int(np.flatnonzero(raw[1::RECORD] != OVERFLOW_ROW)[k])

        return finished(path, t, x, y, p, sensor, place, USUAL)
