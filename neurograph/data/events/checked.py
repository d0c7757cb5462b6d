"""What all readers share: the bytes of a file, errors that name a byte, and arrays put in order."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from neurograph.data.events.events import Events
from neurograph.errors import DataError

__all__ = ["bad", "LARGEST", "check_sensor", "file_bytes", "finished", "unwrap"]

Array = np.ndarray[Any, Any]
Sensor = tuple[int, int, int]
SMALL = 1 << 26
#: Bytes that the arrays of a file may take: 300 million events.
LARGEST = 1 << 32


def bad(path: Path, byte: int, what: str, fix: str = "the file is damaged, get it again") -> DataError:
    """The error of a file that is wrong at a byte, its end where what is missing lies behind that."""
    return DataError(f"{path}: byte {min(byte, path.stat().st_size)}: {what}; {fix}")


def check_sensor(sensor: object) -> None:
    """Raise DataError unless it is None or (channels, height, width) that events can have."""
    if sensor is None:
        return
    whole = isinstance(sensor, tuple) and len(sensor) == 3 and all(isinstance(n, int) for n in sensor)
    if not whole or sensor[0] not in (1, 2) or not all(0 < n <= 1 << 16 for n in sensor[1:]):  # type: ignore[index]
        raise DataError(f"sensor={sensor!r}; give (channels, height, width) with 1 or 2 channels, up to 65536 each way")


def file_bytes(path: Path) -> Array:
    """All bytes of a file as uint8: in memory where it is small, else mapped."""
    try:
        state = os.stat(path)
    except OSError as error:
        raise DataError(f"{path}: no such file ({error.strerror}); give the path of an event file") from None
    if not stat.S_ISREG(state.st_mode):
        raise DataError(f"{path}: it is no file; give the path of an event file")
    size = state.st_size
    if not size:
        raise bad(path, 0, "the file is empty")
    if size < SMALL:
        return np.fromfile(path, np.uint8)
    return np.memmap(path, np.uint8, "r")


@numba.njit(cache=True)
def _unwrap(t: Array, span: int) -> None:
    half, over, last = span >> 1, 0, t[0]
    for k in range(len(t)):
        step, last = t[k] - last, t[k]
        if step < -half:
            over += 1
        elif step > half and over > 0:
            over -= 1
        t[k] += over * span


def unwrap(t: Array, bits: int) -> Array:
    """Times of a counter of so many bits made to run on, in place: a fall by more than half its range is a new round.

    A smaller fall stays what it is, and events are sorted later: hardware delivers a few out of order.
    """
    if len(t):
        _unwrap(t, 1 << bits)
    return t


@numba.njit(cache=True)
def _survey(t: Array, x: Array, y: Array, width: int, height: int) -> tuple[int, int, int, bool]:
    """First place outside width and height (or -1), the largest x and y, and whether time never falls."""
    first, right, bottom, ordered = -1, 0, 0, True
    for k in range(len(t)):
        right = max(right, x[k])
        bottom = max(bottom, y[k])
        if first < 0 and (x[k] >= width or y[k] >= height):
            first = k
        if k and t[k] < t[k - 1]:
            ordered = False
    return first, right, bottom, ordered


def finished(
    path: Path,
    t: Array,
    x: Array,
    y: Array,
    p: Array,
    sensor: Sensor | None,
    place: Callable[[int], int],
    usual: tuple[tuple[int, int], ...] = (),
) -> Events:
    """Events of decoded arrays: inside the sensor, sorted by time where they are not.

    Without a sensor it is the first of the `usual` ones (height, width) that holds all events, else their extent.
    `place` gives the byte of an event. Raises DataError for the first event outside the sensor.
    """
    height, width = sensor[1:] if sensor is not None else (1 << 16, 1 << 16)
    first, right, bottom, ordered = _survey(t, x, y, width, height)
    if first >= 0:
        raise bad(
            path,
            place(first),
            f"event {first} lies at x {x[first]}, y {y[first]}; the sensor is {width} wide and {height} high",
            "the file is damaged or of another sensor: give sensor=(channels, height, width)",
        )
    if sensor is None:
        fits = [(h, w) for h, w in usual if right < w and bottom < h]
        height, width = fits[0] if fits else (int(bottom) + 1, int(right) + 1)
        sensor = (2, height, width)
    if not ordered:
        order = np.argsort(t, kind="stable")
        t, x, y, p = t[order], x[order], y[order], p[order]
    if sensor[0] == 1:
        p = np.zeros_like(p)
    return Events(t, x, y, p, sensor)
