"""Prophesee .raw files in EVT 2.1: 64-bit words, each up to 32 events of one row and polarity."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.prophesee_header import Header
from neurograph.data.events.raw_file import RawFile, empty, later

__all__ = ["Evt21"]

Array = np.ndarray[Any, Any]
#: Kinds that the published table has: darker, brighter, time, trigger, others, continued.
KNOWN = (0, 1, 8, 10, 14, 15)


@numba.njit(cache=True)
def _ones(word: Any) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count


@numba.njit(cache=True)
def _count(words: Array) -> int:
    count, started = 0, False
    for word in words:
        kind = word >> np.uint64(60)
        if kind == 8:
            started = True
        elif started and kind < 2:
            count += _ones(word & np.uint64(0xFFFFFFFF))
    return count


@numba.njit(cache=True)
def _decode(words: Array, t: Array, x: Array, y: Array, p: Array, source: Array) -> None:
    count, started = 0, False
    rounds: Any = 0
    high: Any = 0
    for k in range(len(words)):
        kind, upper = np.int64(words[k] >> np.uint64(60)), np.int64(words[k] >> np.uint64(32)) & 0xFFFFFFF
        if kind == 8:
            if started:
                rounds = later(upper, high, rounds, 28)
            high, started = upper, True
        elif started and kind < 2:
            now, left, row = (rounds << 34) + (high << 6) + (upper >> 22), upper >> 11 & 0x7FF, upper & 0x7FF
            mask = np.int64(words[k] & np.uint64(0xFFFFFFFF))
            for bit in range(32):
                if mask >> bit & 1:
                    t[count], x[count], y[count], p[count] = now, left + bit, row, kind
                    if len(source):
                        source[count] = k
                    count += 1


class Evt21(RawFile):
    """Bits 60-63 are the kind (as in EVT 2.0), 54-59 the lower time, 43-53 x, 32-42 y, 0-31 which of 32 pixels from x.

    Words are little endian as a whole (GenX320) or in two halves, the upper first (IMX636). The header's
    ``endianness`` (little or legacy) says which, else the order in which the words have kinds that exist. Time, sensor and
    errors are as in EVT 2.0.
    """

    name: ClassVar[str] = "evt2.1"
    version: ClassVar[str] = "2.1"
    step: ClassVar[int] = 8

    def decode(self, path: Path, words: Array, header: Header) -> tuple[tuple[Array, Array, Array, Array], Any]:
        said = header.options.get("endianness", "")
        halves = said == "legacy" or (said != "little" and _in_halves(words[:65536]))
        if halves:
            words = words.view(np.uint32)[: 2 * len(words)].reshape(-1, 2)[:, ::-1].copy().view(np.uint64).reshape(-1)
        out = empty(_count(words))
        _decode(words, *out, np.empty(0, np.int64))

        def source(k: int) -> int:
            places = np.empty(len(out[0]), np.int64)
            _decode(words, *out, places)
            return int(places[k])

        return out, source


def _in_halves(words: Array) -> bool:
    """Whether more words have a known kind in the lower half than in the upper one."""
    whole = np.isin(words >> np.uint64(60), KNOWN).sum()
    halves = np.isin(words >> np.uint64(28) & np.uint64(15), KNOWN).sum()
    return bool(halves > whole)
