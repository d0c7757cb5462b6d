"""Frames of one duration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.data.frames.frame_maker import CountMaker, whole

__all__ = ["ByDuration"]


@dataclass(frozen=True)
class ByDuration(CountMaker):
    """``steps`` frames of ``duration_us`` microseconds d each, from the first event on.

        an event at t belongs to frame j  <=>  j d <= t - t_first < (j + 1) d

    Events from t_first + T d on are left out; the frames behind the end of a short recording are empty. tonic's
    time_window has as many frames as fit into a recording instead of T, and is the same in the frames both have.
    """

    name = "by_duration"
    duration_us: int
    steps: int

    def __post_init__(self) -> None:
        whole(self, "duration_us", "steps")

    def bounds(self, t: np.ndarray) -> np.ndarray:
        return np.searchsorted(t, int(t[0]) + np.arange(self.steps + 1) * self.duration_us)
