"""Events of a box dropped."""

from __future__ import annotations

import torch

from neurograph.data.transforms.planes import frames
from neurograph.data.transforms.settings import ratio_range

__all__ = ["DropEventByArea"]


class DropEventByArea:
    """Drop the events in a box of floor(``ratio`` H) x floor(``ratio`` W) pixels, its place uniform, in all frames alike.

    The ratio is one number, or uniform in (low, high) for each sample; it is that of the sides, as in the source.
    Frames [N, T, C, H, W]. Raises DataError for a ratio outside 0..1. Source: Gu et al. 2021 (EventDrop),
    https://arxiv.org/abs/2106.05836.
    """

    def __init__(self, ratio: float | tuple[float, float] = 0.2) -> None:
        self.ratio = ratio_range("DropEventByArea", ratio)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        frames(images, "DropEventByArea")
        (height, width), device = images.shape[-2:], images.device
        low, high = self.ratio
        draw = torch.rand((3, len(images), 1), generator=generator, device=device)
        ratio = low + (high - low) * draw[0]
        tall, wide = (height * ratio).floor(), (width * ratio).floor()
        top, left = (draw[1] * (height - tall + 1)).floor(), (draw[2] * (width - wide + 1)).floor()
        y, x = torch.arange(height, device=device), torch.arange(width, device=device)
        rows, columns = (y >= top) & (y < top + tall), (x >= left) & (x < left + wide)
        inside = rows[:, :, None] & columns[:, None, :]
        return images.masked_fill(inside[:, None, None], 0)
