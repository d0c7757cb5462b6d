"""The one shape in which events reach the rest of the program, whatever file they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurograph.errors import DataError

__all__ = ["Events"]


@dataclass(frozen=True)
class Events:
    """Events of one recording, in order of time: arrays of one length n.

    ``t`` int64 microseconds, never falling; ``x`` and ``y`` uint16, columns from the left and rows from the top;
    ``p`` uint8, 0 (darker) or 1 (brighter). ``sensor`` is (channels, height, width): 2 channels where polarities
    are told apart, 1 where there is only one. Spikes of a cochlea have height 1 and their channel as ``x``.
    Raises DataError when the arrays do not fit together.
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
            if array.dtype != dtype or array.shape != self.t.shape or array.ndim != 1:
                raise DataError(
                    f"Events: {name} is {array.dtype} {array.shape}; t, x, y, p are {', '.join(f'{k} {np.dtype(v)}' for k, v in want.items())} "
                    "of one length"
                )

    def __len__(self) -> int:
        return len(self.t)

    @property
    def span(self) -> float:
        """Seconds from the first event to the last; 0 where there are none."""
        return (int(self.t[-1]) - int(self.t[0])) * 1e-6 if len(self) else 0.0

    def part(self, chosen: slice | np.ndarray) -> Events:
        """Some of the events, by a slice, a mask or their places."""
        return replace(self, t=self.t[chosen], x=self.x[chosen], y=self.y[chosen], p=self.p[chosen])
