"""Frames of equal numbers of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.data.frames.frame_maker import CountMaker

__all__ = ["ByNumber"]


@dataclass(frozen=True)
class ByNumber(CountMaker):
    """The n events of a recording in ``steps`` frames of as many events each.

        event k belongs to frame j  <=>  floor(j n / T) <= k < floor((j + 1) n / T)

    No event is lost, and two frames differ by at most one event. Fewer events than frames: some frames are empty.
    SpikingJelly's split by number gives each frame floor(n / T) and the last one what is left besides, up to T - 1 more;
    tonic's n_event_bins drops what is left; all three are the same where T divides n.
    """

    name = "by_number"
    steps: int

    def bounds(self, t: np.ndarray) -> np.ndarray:
        return np.arange(self.steps + 1) * len(t) // self.steps
