"""Voxel grids: events shared out between two neighbouring steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.frames.frame_maker import FrameMaker, cells_of

if TYPE_CHECKING:
    from neurograph.data.events.events import Events

__all__ = ["VoxelGrid"]


@dataclass(frozen=True)
class VoxelGrid(FrameMaker):
    """Each event is shared out between the two steps next to it in time, brighter as +1, darker as -1.

        V[j, 0, y, x] = sum over events k at (y, x) of  s_k max(0, 1 - |j - u_k|),
        u_k = (T - 1) (t_k - t_first) / (t_last - t_first),   s_k = +1 for p = 1, -1 for p = 0

    One channel, float32. The weights of an event sum to 1, so nothing is lost. All events at one time, or T = 1: u = 0.
    A sensor with one channel has only s = +1. Zhu et al. 2019 (Unsupervised event-based learning of optical flow).
    tonic's ToVoxelGrid(n) takes u = n (t_k - t_first) / D and drops what falls on step n: it is the first n steps of
    VoxelGrid(n + 1).
    """

    name = "voxel_grid"
    steps: int

    def shape(self, sensor: tuple[int, int, int]) -> tuple[int, int, int]:
        return (1, *sensor[1:])

    def __call__(self, events: Events) -> np.ndarray:
        cells_of(events)  # for its checks
        _, height, width = events.sensor
        size, total = height * width, self.steps * height * width
        if not len(events):
            return np.zeros((self.steps, 1, height, width), np.float32)
        cells = events.y.astype(np.int64) * width + events.x
        span = max(1, int(events.t[-1]) - int(events.t[0]))
        u = (events.t - events.t[0]) * (self.steps - 1) / span
        low = u.astype(np.int64)
        share = u - low
        sign = np.where(events.p > 0, 1.0, -1.0) if events.sensor[0] > 1 else np.ones(len(events))
        grid = np.bincount(cells + low * size, sign * (1 - share), total)
        inside = low + 1 < self.steps
        grid += np.bincount((cells + (low + 1) * size)[inside], (sign * share)[inside], total)
        return grid.astype(np.float32).reshape(self.steps, 1, height, width)
