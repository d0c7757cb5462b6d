"""Frames of equal parts of a recording's time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.data.frames.frame_maker import CountMaker

__all__ = ["ByTime", "equal_bins"]


@dataclass(frozen=True)
class ByTime(CountMaker):
    """The time from the first event to the last, D = t_last - t_first, in ``steps`` equal parts.

        an event at t belongs to frame  min(T - 1, floor((t - t_first) T / D))

    An event on the border of two frames belongs to the later one; events at t_last to the last frame. No event is lost.
    Where D = 0 (one event, or all at one time) frame 0 has them all. The pipeline of BrainCog (tonic's n_time_bins) and
    SpikingJelly's split by time make parts of floor(D / T) us, so their borders lie up to T us earlier; tonic then drops
    the events behind the last part (those at t_last at least), SpikingJelly counts them in the last frame. Where T divides
    D, this is SpikingJelly's, and tonic's but for the events at t_last.
    """

    name = "by_time"
    steps: int

    def bounds(self, t: np.ndarray) -> np.ndarray:
        return equal_bins(t, self.steps)


def equal_bins(t: np.ndarray, steps: int) -> np.ndarray:
    """First event of each of ``steps`` equal parts of the time, and the number of events: int64 [steps + 1]."""
    first, span = int(t[0]), int(t[-1]) - int(t[0])
    if span == 0:
        return np.array([0] + [len(t)] * steps)
    # (t - first) steps >= j span, in whole numbers: t >= first + ceil(j span / steps)
    edges = [first - (-j * span // steps) for j in range(1, steps)]
    return np.concatenate([[0], np.searchsorted(t, edges), [len(t)]]).astype(np.int64)
