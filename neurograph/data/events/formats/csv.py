"""Events as text, one a line: .csv and .txt."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.columns import named
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events

__all__ = ["Csv"]

Array = np.ndarray[Any, Any]
COMMENT, NEWLINE, POINT, MINUS, PLUS, ZERO, NINE = (ord(c) for c in "#\n.-+09")
MOST = 999_999_999_999_999_999
GOOD, NUMBER, FEW, MANY, RANGE, SIGN, DOTTED = range(7)
WRONG = {
    NUMBER: "it is no decimal number",
    FEW: "the line has too few values",
    MANY: "the line has more values than the first one",
    RANGE: "it is no whole number from 0 to 65535",
    SIGN: "it is no polarity: 0 and 1, or -1 and 1",
}


@numba.njit(cache=True)
def _is_space(c: int) -> bool:
    """Comma, semicolon, blank, tab or carriage return."""
    return c == 44 or c == 59 or c == 32 or c == 9 or c == 13


@numba.njit(cache=True)
def _lines(raw: Array, at: int) -> int:
    count = 0
    for k in range(at, len(raw)):
        count += raw[k] == NEWLINE
    return count + 1


@numba.njit(cache=True)
def _value(raw: Array, at: int, decimals: int) -> tuple[int, int, int, bool, bool]:
    """A decimal number as a whole number of 10^-decimals; where it ends, how it went, and whether digits were rounded off
    and there is a point. A half goes to the even number, as np.rint does."""
    sign, k, seen, left, cut, dotted = 1, at, 0, decimals, False, False
    first, more = -1, False  # the first digit that is rounded off, and whether any behind it is not 0
    value: Any = 0
    if raw[k] == MINUS or raw[k] == PLUS:
        sign = -1 if raw[k] == MINUS else 1
        k += 1
    while k < len(raw):
        c = raw[k]
        if c == POINT and not dotted:
            dotted = True
        elif ZERO <= c <= NINE:
            seen += 1
            if dotted and left == 0:
                cut = cut or c != ZERO
                if first < 0:
                    first = int(c - ZERO)
                else:
                    more = more or c != ZERO
            else:
                if value > MOST // 10:
                    return 0, at, NUMBER, False, False
                value = value * 10 + np.int64(c - ZERO)
                if dotted:
                    left -= 1
        elif c == NEWLINE or _is_space(c):
            break
        else:
            return 0, at, NUMBER, False, False
        k += 1
    if seen == 0:
        return 0, at, NUMBER, False, False
    for _ in range(left):
        if value > MOST // 10:
            return 0, at, NUMBER, False, False
        value *= 10
    if first > 5 or (first == 5 and (more or value & 1)):
        value += 1
    return sign * value, k, GOOD, cut, dotted


@numba.njit(cache=True)
def _parse(
    raw: Array,
    at: int,
    order: Array,
    most: int,
    decimals: int,
    whole: bool,
    t: Array,
    x: Array,
    y: Array,
    p: Array,
    line: Array,
) -> tuple[int, int, int]:
    """Events found, how it went, and the byte at which it went wrong: DOTTED at a point where times are to be `whole`."""
    count, k = 0, at
    while k < len(raw):
        column, begin = 0, k
        if raw[k] == COMMENT:
            while k < len(raw) and raw[k] != NEWLINE:
                k += 1
            k += 1
            continue
        while k < len(raw) and raw[k] != NEWLINE:
            if _is_space(raw[k]):
                k += 1
                continue
            if column >= most:
                return count, MANY, k
            what = order[column]
            value, after, how, cut, dotted = _value(raw, k, decimals if what == 0 else 0)
            if how != GOOD:
                return count, how, k
            if what == 0:
                if dotted and whole:
                    return count, DOTTED, k
                t[count] = value
            elif what == 1 or what == 2:
                if cut or value < 0 or value > 65535:
                    return count, RANGE, k
                if what == 1:
                    x[count] = value
                else:
                    y[count] = value
            elif what == 3:
                if cut or value < -1 or value > 1:
                    return count, SIGN, k
                p[count] = value > 0
            column, k = column + 1, after
        if column:
            if column < most:
                return count, FEW, min(k, len(raw))
            line[count] = begin
            count += 1
        k += 1
    return count, GOOD, -1


class Csv(EventFormat):
    """Lines of t, x, y, p, separated by commas, semicolons, blanks or tabs; lines that begin with # are comments.

    A first line of names gives another order and columns to pass over. Times with a decimal point are seconds, others
    microseconds: where one of them has a point, all are seconds. ``unit="s"`` or ``"us"`` overrides that. What is below a
    microsecond is rounded. p is 0 and 1 or -1 and 1. The sensor is the extent of the events.
    Raises DataError that names the byte of the first value that is none.
    """

    name: ClassVar[str] = "csv"
    endings: ClassVar[tuple[str, ...]] = (".csv", ".txt")

    def accepts(self, path: Path, head: bytes) -> bool:
        return b"\0" not in head

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, unit: str | None = None) -> Events:
        raw = file_bytes(path)
        at, order = _names(path, raw)
        if unit not in (None, "s", "us"):
            raise bad(path, 0, f"unit={unit!r}", 'give "s" or "us", or leave it out')
        room = _lines(raw, at)
        t, x, y, p = (np.empty(room, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        lines = np.empty(room, np.int64)
        columns, decimals = np.array(order), 6 if unit == "s" else 0
        count, how, wrong = _parse(raw, at, columns, len(order), decimals, unit is None, t, x, y, p, lines)
        if how == DOTTED:  # seconds, then, from the first line on
            count, how, wrong = _parse(raw, at, columns, len(order), 6, False, t, x, y, p, lines)
        if how != GOOD:
            text = raw[wrong : wrong + 24].tobytes().split(b"\n")[0].decode("latin-1")
            raise bad(path, wrong, f"{text!r} after {count} events: {WRONG[how]}", "give lines of t, x, y, p")
        t, x, y, p = (a[:count] for a in (t, x, y, p))
        return finished(path, t, x, y, p, sensor, lambda k: int(lines[k]))


def _names(path: Path, raw: Array) -> tuple[int, list[int]]:
    """Where the events begin, and which of t, x, y, p (0 to 3, else -1) each column holds."""
    at, size = 3 if raw[:3].tobytes() == codecs.BOM_UTF8 else 0, len(raw)
    while at < size:
        end = (
            at + (raw[at : at + 65536] == NEWLINE).argmax()
            if (raw[at : at + 65536] == NEWLINE).any()
            else min(size, at + 65536)
        )
        text = raw[at:end].tobytes().decode("latin-1").strip()
        if text and not text.startswith("#"):
            break
        at = int(end) + 1
    else:
        return size, [0, 1, 2, 3]
    # faery writes the sensor behind a name: x@640
    words = [word.strip("\"'").partition("@")[0] for word in text.replace(",", " ").replace(";", " ").split()]
    if not any(word[:1].isalpha() or word[:1] == "_" for word in words):
        return at, [0, 1, 2, 3]
    found = named(words)
    if found is None:
        raise bad(path, at, f"the first line names {', '.join(words[:8])}", "name t, x, y and p, or leave the line out")
    order = [next((k for k, want in enumerate("txyp") if found[want] == word), -1) for word in words]
    if sorted(k for k in order if k >= 0) != [0, 1, 2, 3]:
        raise bad(path, at, f"the first line names {', '.join(words[:8])}", "name each of t, x, y and p once")
    return int(end) + 1, order
