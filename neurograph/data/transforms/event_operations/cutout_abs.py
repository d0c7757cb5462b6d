"""A square without events."""

from __future__ import annotations

import torch

from neurograph.data.transforms.event_operations.event_operation import EventOperation

__all__ = ["CutoutAbs"]


class CutoutAbs(EventOperation):
    """Empty a square of side round(strength W), its middle uniform over the picture, in all frames of a sample alike.

    What of it lies beyond the lower or right border is lost; at the upper and left one it is moved inside. Source:
    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552; the strength and the borders as in BrainCog.
    """

    most = 0.5

    def changed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, (height, width), device = len(images), images.shape[-2:], images.device
        side = round(self.strength * width)
        draw = torch.rand((2, count, 1), generator=generator, device=device)
        top, left = ((draw[i] * n - side / 2).clamp(min=0).round() for i, n in enumerate((height, width)))
        y, x = torch.arange(height, device=device), torch.arange(width, device=device)
        rows, columns = (y >= top) & (y < top + side), (x >= left) & (x < left + side)
        inside = rows[:, :, None] & columns[:, None, :]
        return images.masked_fill(inside[:, None, None], 0)
