"""Frames of one number of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.data.frames.frame_maker import CountMaker, whole

__all__ = ["ByCount"]


@dataclass(frozen=True)
class ByCount(CountMaker):
    """``steps`` frames of ``count`` events c each.

        event k belongs to frame j  <=>  j c <= k < (j + 1) c

    Events from T c on are left out; in a short recording the last frame that has events may have fewer and those behind
    it are empty. tonic's event_count has as many whole frames as there are events for instead of T, and is the same in
    the frames both have.
    """

    name = "by_count"
    count: int
    steps: int

    def __post_init__(self) -> None:
        whole(self, "count", "steps")

    def bounds(self, t: np.ndarray) -> np.ndarray:
        return np.minimum(np.arange(self.steps + 1) * self.count, len(t))
