"""A while without events."""

from __future__ import annotations

import torch

from neurograph.data.transforms.event_operations.event_operation import EventOperation

__all__ = ["CutoutTemporal"]


class CutoutTemporal(EventOperation):
    """Empty the frames t, ..., t + round(u T) - 1, u uniform in 0..strength and t in 0..T - 1; it ends with the last.

    Source: BrainCog.
    """

    most = 0.5

    def changed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, steps, device = len(images), images.shape[1], images.device
        draw = torch.rand((2, count, 1), generator=generator, device=device)
        start, length = (draw[0] * steps).floor(), (draw[1] * self.strength * steps).round()
        time = torch.arange(steps, device=device)
        inside = (time >= start) & (time < start + length)
        return images.masked_fill(inside[:, :, None, None, None], 0)
