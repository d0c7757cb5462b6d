"""Arrays t, x, y, p of any number type, as files hold them, made the arrays of Events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.data.events.checked import finished
from neurograph.data.events.events import Events
from neurograph.errors import DataError

__all__ = ["NAMES", "from_columns", "named"]

Array = np.ndarray[Any, Any]
#: What the four are called in the event sets and programs in use.
NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps"),
    "x": ("x", "xs", "col"),
    "y": ("y", "ys", "row"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on"),
}


def named(given: Iterable[str]) -> dict[str, str] | None:
    """Which of the given names are t, x, y and p, or None where one of them is missing."""
    by_name = {name.lower(): name for name in given}
    found = {want: next((by_name[n] for n in names if n in by_name), "") for want, names in NAMES.items()}
    return found if all(found.values()) else None


def from_columns(
    path: Path,
    columns: dict[str, Array],
    sensor: tuple[int, int, int] | None,
    place: Callable[[str, int], str],
    offset: int = 0,
) -> Events:
    """Events of columns of one length.

    Times that are whole numbers are microseconds, others seconds. p is 1 where it is above 0: files hold 0 and 1, -1 and
    1, or truth. `place` says where the value of a column lies. Raises DataError for values that no event has.
    """
    for name, values in columns.items():
        if values.ndim != 1 or values.dtype.kind not in "biuf" or len(values) != len(columns["t"]):
            raise DataError(
                f"{path}: {place(name, 0)}: {name} is {values.dtype} {values.shape}, t has {columns['t'].shape}; the four "
                "are numbers of one length; the file is damaged or no file of events"
            )
    t = columns["t"]
    if t.dtype.kind == "f":
        _inside(path, "t", t, -9e12, 9e12, "seconds", place)
        t = np.rint(t.astype(np.float64) * 1e6)
    elif t.dtype == np.uint64:
        _inside(path, "t", t, 0, 1 << 62, "microseconds", place)
    out: list[Array] = [t.astype(np.int64)]
    if offset and len(t):
        if not (int(out[0].min()) + offset >= -(1 << 63) and int(out[0].max()) + offset < 1 << 63):
            raise DataError(
                f"{path}: {place('t', 0)}: with t_offset {offset} the times run beyond 64 bits; one of the two is damaged, "
                "get the file again"
            )
        out[0] += offset
    for name in "xy":
        values = columns[name] if columns[name].dtype.kind != "b" else columns[name].astype(np.uint8)
        _inside(path, name, values, 0, 65535, "whole numbers from 0 to 65535", place)
        out.append(values.astype(np.uint16))
        if values.dtype.kind == "f":
            _all(path, name, values, values == out[-1], "whole numbers from 0 to 65535", place)
    p = columns["p"] if columns["p"].dtype.kind != "b" else columns["p"].astype(np.uint8)
    _inside(path, "p", p, -1, 1, "0 and 1, or -1 and 1", place)
    if p.dtype.kind == "f":
        _all(path, "p", p, p == np.rint(p), "0 and 1, or -1 and 1", place)
    out.append((p > 0).astype(np.uint8))
    try:
        return finished(path, out[0], out[1], out[2], out[3], sensor, lambda k: k)
    except DataError:
        height, width = sensor[1:] if sensor is not None else (1 << 16, 1 << 16)
        first = int(np.argmax((out[1] >= width) | (out[2] >= height)))
        name = "x" if out[1][first] >= width else "y"
        raise DataError(
            f"{path}: {place(name, first)}: event {first} lies at x {out[1][first]}, y {out[2][first]}; the sensor is "
            f"{width} wide and {height} high; the file is damaged or of another sensor: give sensor=(channels, height, width)"
        ) from None


def _inside(
    path: Path, name: str, values: Array, low: float, high: float, what: str, place: Callable[[str, int], str]
) -> None:
    """Raise DataError unless all values lie from low to high; no number is none of them."""
    if len(values) and not (values.min() >= low and values.max() <= high):
        _all(path, name, values, (values >= low) & (values <= high), what, place)


def _all(path: Path, name: str, values: Array, good: Array, what: str, place: Callable[[str, int], str]) -> None:
    if not good.all():
        k = int(np.argmin(good))
        raise DataError(
            f"{path}: {place(name, k)}: {name} of event {k} is {values[k]}; it holds {what}; the file is damaged or no file "
            "of events"
        )
