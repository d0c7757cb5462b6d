"""Time surfaces: how long ago each pixel last saw an event."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.frames.by_time import equal_bins
from neurograph.data.frames.frame_maker import FrameMaker, cells_of, whole
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.events.events import Events

__all__ = ["TimeSurface"]


@dataclass(frozen=True)
class TimeSurface(FrameMaker):
    """The recording's time in ``steps`` equal parts as in ByTime, and at the end of each what is left of the last event.

        S[j, p, y, x] = exp(-(e_j - t*) / tau),   e_j = t_first + (j + 1) (t_last - t_first) / T,
        t* = time of the last event at (p, y, x) in the parts 0..j;   0 where there is none

    ``tau_us`` in microseconds; float32. Lagorce et al. 2017 (HOTS), for the whole sensor at fixed times instead of around
    each event. Where T divides D = t_last - t_first, this is tonic's ToTimesurface(dt=D / T) but for the events at t_last,
    which tonic leaves out.
    """

    name = "time_surface"
    steps: int
    tau_us: float

    def __post_init__(self) -> None:
        whole(self, "steps")
        if isinstance(self.tau_us, bool) or not (math.isfinite(self.tau_us) and self.tau_us > 0):
            raise DataError(f"TimeSurface: tau_us is {self.tau_us!r}; give microseconds above 0")

    def __call__(self, events: Events) -> np.ndarray:
        surfaces = np.zeros((self.steps, *events.sensor), np.float32)
        cells = cells_of(events)
        if not len(events):
            return surfaces
        bounds = equal_bins(events.t, self.steps)
        t = (events.t - events.t[0]).astype(np.float64)
        last = np.full(surfaces[0].size, -np.inf)
        for j in range(self.steps):
            part = slice(bounds[j], bounds[j + 1])
            last[cells[part]] = t[part]  # of several at one place the last is kept, as numpy promises
            end = (j + 1) * t[-1] / self.steps
            surfaces[j].reshape(-1)[:] = np.exp((last - end) / self.tau_us)
        return surfaces
