"""Files that hold many samples: the last few kept, so that each file is read once for all of its samples."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from neurograph.data.events.events import Events
from neurograph.errors import DataError

__all__ = ["between", "decoded", "read_table", "row_of"]

Held = TypeVar("Held")

KEPT = 2
_kept: OrderedDict[tuple[str, str], Any] = OrderedDict()
_lock = threading.Lock()


def decoded(path: Path, version: str, read: Callable[[Path], Held]) -> Held:
    """What `read` makes of a file, kept for the next sample of it; `version` changes when the file does."""
    key = (str(path), version)
    with _lock:
        if key not in _kept:
            _kept[key] = read(path)
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        found: Held = _kept[key]
        return found


def between(events: Events, start: int, end: int, what: str) -> Events:
    """Events with start <= t < end, in microseconds; raises DataError where there are none."""
    first, last = events.t.searchsorted([start, end])
    if first == last:
        span = f"it runs from {events.t[0]} to {events.t[-1]}" if len(events) else "it is empty"
        raise DataError(
            f"{what}: no event between {start} and {end} us, while {span}; the recording and its table do not belong "
            "together or one is cut short; get both again"
        )
    return events.part(slice(int(first), int(last)))


def read_table(path: Path, columns: int) -> list[tuple[int, ...]]:
    """Rows of whole numbers of a .csv with one line of titles; raises DataError naming the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it cannot be read ({error}); put the table beside its recording again") from error
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.split(",")
        try:
            row = tuple(int(cell) for cell in cells[:columns])
        except ValueError:
            row = ()
        if len(row) != columns or any(abs(value) >> 62 for value in row):
            raise DataError(f"{path}: line {number} is {line[:60]!r}; it must begin with {columns} whole numbers")
        rows.append(row)
    return rows


def row_of(path: Path, columns: int, row: int) -> tuple[int, ...]:
    """One row, from 0, as read_table() counts them; raises DataError where the table is shorter than it was."""
    rows = read_table(path, columns)
    if not 0 <= row < len(rows):
        raise DataError(
            f"{path}: row {row} is wanted of a table of {len(rows)} rows; it was cut or changed since the data set was "
            "opened: put it there again, or load the data set again"
        )
    return rows[row]
