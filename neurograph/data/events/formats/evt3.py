"""Prophesee .raw files in EVT 3.0: 16-bit words that say only what changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad
from neurograph.data.events.prophesee_header import Header
from neurograph.data.events.raw_file import RawFile, empty, later

__all__ = ["Evt3"]

Array = np.ndarray[Any, Any]


@numba.njit(cache=True)
def _count(words: Array) -> tuple[int, int]:
    """How many events there are, and the first word of a kind that the format does not have, or -1."""
    count, started = 0, False
    for k in range(len(words)):
        word, kind = words[k], words[k] >> 12
        if kind == 8:
            started = True
        elif kind in (1, 9, 11, 12):
            return count, k
        elif started:
            if kind == 2:
                count += 1
            elif kind == 4 or kind == 5:
                mask = word & (0xFFF if kind == 4 else 0xFF)
                while mask:
                    mask &= mask - 1
                    count += 1
    return count, -1


@numba.njit(cache=True)
def _decode(words: Array, t: Array, x: Array, y: Array, p: Array, source: Array) -> int:
    """Fill the events; the first word that puts an event beyond column 65535, or -1."""
    count, started = 0, False
    rounds: Any = 0
    high: Any = 0
    low: Any = 0
    row: Any = 0
    base: Any = 0
    sign: Any = 0
    now: Any = 0
    for k in range(len(words)):
        word = np.int64(words[k])
        kind, value = word >> 12, word & 0xFFF
        if kind == 0:
            row = word & 0x7FF
        elif kind == 2:
            if started:
                t[count], x[count], y[count], p[count] = now, word & 0x7FF, row, word >> 11 & 1
                if len(source):
                    source[count] = k
                count += 1
        elif kind == 3:
            base, sign = word & 0x7FF, word >> 11 & 1
        elif kind == 4 or kind == 5:
            width = 12 if kind == 4 else 8
            if base + width > 65536:
                return k
            if started:
                for bit in range(width):
                    if value >> bit & 1:
                        t[count], x[count], y[count], p[count] = now, base + bit, row, sign
                        if len(source):
                            source[count] = k
                        count += 1
            base += width
        elif kind == 6:
            low = value
            now = (rounds << 24) + (high << 12) + low
        elif kind == 8:
            if started:
                rounds = later(value, high, rounds, 12)
            if not started or value != high:
                low = 0
            high, started = value, True
            now = (rounds << 24) + (high << 12) + low
    return -1


class Evt3(RawFile):
    """Little endian; bits 12-15 are the kind, the others the value.

    0 row (0-10); 2 an event at column 0-10 with polarity 11; 3 column and polarity from which vectors count; 4 and 5 which
    of the next 12 or 8 columns; 6 and 8 the lower and upper 12 bits of the time (microseconds). Triggers and extensions are
    passed over. The time is upper * 4096 + lower and goes round after 2^24 us; a lower part that falls while the upper one
    stays is jitter of the sensor, by some 10 us, and not a round: these events are sorted. Events before the first
    upper time have none and are left out. Sensor and errors are as in EVT 2.0; kinds 1, 9, 11 and 12 do not exist.
    """

    name: ClassVar[str] = "evt3"
    version: ClassVar[str] = "3"
    step: ClassVar[int] = 2

    def decode(self, path: Path, words: Array, header: Header) -> tuple[tuple[Array, Array, Array, Array], Any]:
        count, wrong = _count(words)
        if wrong >= 0:
            at = header.start + 2 * wrong
            raise bad(path, at, f"word {wrong} is of kind {int(words[wrong]) >> 12}, which EVT 3.0 does not have")
        out = empty(count)
        wrong = _decode(words, *out, np.empty(0, np.int64))
        if wrong >= 0:
            raise bad(path, header.start + 2 * wrong, f"word {wrong} puts events beyond column 65535")

        def source(k: int) -> int:
            places = np.empty(count, np.int64)
            _decode(words, *out, places)
            return int(places[k])

        return out, source
