"""The one shape in which events reach the rest of the program, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph.errors import DataError

__all__ = ["Events"]


@dataclass(frozen=True)
class Events:
    """Events of one recording, in order of time: arrays of one length n.

    ``t`` int64 microseconds, never falling; ``x`` and ``y`` uint16, columns from the left and rows from the top;
    ``p`` uint8, 0 (darker) or 1 (brighter). ``sensor`` is (channels, height, width): 2 channels where polarities
    are told apart, 1 where there is only one. Spikes of a cochlea have height 1 and their channel as ``x``.
    ``Events.of`` makes them of arrays of other types. Raises DataError when the arrays do not fit together.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    sensor: tuple[int, int, int]

    def __post_init__(self) -> None:
        want = {"t": np.int64, "x": np.uint16, "y": np.uint16, "p": np.uint8}
        for name, dtype in want.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray):
                raise DataError(
                    f"Events: {name} is a {type(array).__name__}; give arrays, or Events.of(t, x, y, p, sensor)"
                )
            if array.dtype != dtype or array.shape != self.t.shape or array.ndim != 1:
                raise DataError(
                    f"Events: {name} is {array.dtype} {array.shape}; t, x, y, p are {', '.join(f'{k} {np.dtype(v)}' for k, v in want.items())} "
                    "of one length; Events.of(t, x, y, p, sensor) takes other whole numbers"
                )

    @staticmethod
    def of(t: Any, x: Any, y: Any, p: Any, sensor: tuple[int, int, int]) -> Events:
        """Whole numbers of any type as events: times in microseconds, put in order; p is 1 where it is above 0.

        Raises DataError for numbers that are not whole, for places outside the sensor, and for p other than 0 and 1, -1 and
        1, or truth.
        """
        if not isinstance(sensor, tuple) or len(sensor) != 3 or sensor[0] not in (1, 2):
            raise DataError(f"Events.of(sensor={sensor!r}): give (channels, height, width) with 1 or 2 channels")
        channels, height, width = sensor
        arrays = {name: np.asarray(values) for name, values in (("t", t), ("x", x), ("y", y), ("p", p))}
        limits = {"t": (-(1 << 63), 1 << 63), "x": (0, width), "y": (0, height), "p": (-1, 2)}
        for name, array in arrays.items():
            if array.dtype.kind not in "iub" or (array.dtype.kind == "b" and name != "p") or array.ndim != 1:
                raise DataError(
                    f"Events.of(): {name} is {array.dtype} {array.shape}; give whole numbers in one axis, times in microseconds"
                )
            if len(array) != len(arrays["t"]):
                raise DataError(
                    f"Events.of(): {name} has {len(array)} values, t has {len(arrays['t'])}; give one an event"
                )
            low, high = limits[name]
            if len(array) and not (low <= int(array.min()) and int(array.max()) < high):
                wrong = int(np.argmax((array < low) | (array >= high)))
                raise DataError(
                    f"Events.of(): event {wrong} has {name} = {array[wrong]}; it must lie in {low}..{high - 1}, with the sensor "
                    f"(channels, height, width) {sensor}"
                )
        t, x, y = arrays["t"].astype(np.int64), arrays["x"].astype(np.uint16), arrays["y"].astype(np.uint16)
        p = np.zeros(len(t), np.uint8) if channels == 1 else (arrays["p"] > 0).astype(np.uint8)
        events = Events(t, x, y, p, (int(channels), int(height), int(width)))
        return events if (t[1:] >= t[:-1]).all() else events.part(np.argsort(t, kind="stable"))

    def __len__(self) -> int:
        return len(self.t)

    @property
    def span(self) -> float:
        """Seconds from the first event to the last; 0 where there are none."""
        return (int(self.t[-1]) - int(self.t[0])) * 1e-6 if len(self) else 0.0

    def part(self, chosen: slice | np.ndarray) -> Events:
        """Some of the events, by a slice, a mask or their places."""
        return replace(self, t=self.t[chosen], x=self.x[chosen], y=self.y[chosen], p=self.p[chosen])
