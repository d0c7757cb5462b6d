"""Prophesee .raw files in EVT 2.0: one 32-bit word an event."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.prophesee_header import Header
from neurograph.data.events.raw_file import RawFile, empty, later

__all__ = ["Evt2"]

Array = np.ndarray[Any, Any]


@numba.njit(cache=True)
def _count(words: Array) -> int:
    count, started = 0, False
    for word in words:
        kind = word >> 28
        if kind == 8:
            started = True
        count += started and kind < 2
    return count


@numba.njit(cache=True)
def _decode(words: Array, t: Array, x: Array, y: Array, p: Array) -> None:
    count, started = 0, False
    rounds: Any = 0
    high: Any = 0
    for word in words:
        kind = word >> 28
        if kind == 8:
            new = np.int64(word & 0xFFFFFFF)
            if started:
                rounds = later(new, high, rounds, 28)
            high, started = new, True
        elif started and kind < 2:
            t[count] = (rounds << 34) + (high << 6) + (word >> 22 & 0x3F)
            x[count] = word >> 11 & 0x7FF
            y[count] = word & 0x7FF
            p[count] = kind
            count += 1


@numba.njit(cache=True)
def _word_of(words: Array, wanted: int) -> int:
    seen, started = 0, False
    for k in range(len(words)):
        kind = words[k] >> 28
        if kind == 8:
            started = True
        elif started and kind < 2:
            if seen == wanted:
                return k
            seen += 1
    return len(words)


class Evt2(RawFile):
    """Little endian; bits 28-31 are the kind: 0 darker, 1 brighter, 8 the upper 28 bits of the time.

    An event holds the lower 6 bits of the time (22-27, microseconds), x (11-21) and y (0-10). The time goes round after
    2^34 us. Events before the first word of time have none and are left out; triggers, monitoring and other words are
    passed over. The sensor is that of the header (geometry, format, or the plugin that recorded), else the extent. Row 0
    is the top. Raises DataError for a file that ends inside a word and for events outside the sensor.
    """

    name: ClassVar[str] = "evt2"
    version: ClassVar[str] = "2"
    step: ClassVar[int] = 4

    def decode(self, path: Path, words: Array, header: Header) -> tuple[tuple[Array, Array, Array, Array], Any]:
        out = empty(_count(words))
        _decode(words, *out)
        return out, lambda k: _word_of(words, k)
