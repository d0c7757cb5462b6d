"""Random rectangles of noise."""

from __future__ import annotations

import math

import torch

from neurograph.data.transforms.planes import chosen, planes
from neurograph.data.transforms.settings import probability
from neurograph.errors import DataError

__all__ = ["RandomErasing"]


class RandomErasing:
    """Fill a random rectangle of each picture, with probability ``p``, with unit normal noise.

    Its height is sqrt(a r H W) and its width sqrt(a H W / r): the share a of the picture is uniform in ``area``, the
    height over width r log-uniform in ``ratio``; a rectangle longer than the picture is cut to it. All frames of a
    sample get the same rectangle and the same noise. Meant for normalised images, so it comes after Normalize.
    Raises DataError for bounds that are none. Source: Zhong et al. 2017, https://arxiv.org/abs/1708.04896 ('pixel'
    mode of timm).
    """

    def __init__(
        self,
        p: float = 0.25,
        area: tuple[float, float] = (0.02, 1 / 3),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        self.p = probability("RandomErasing", p)
        if not 0 < area[0] <= area[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise DataError(
                f"RandomErasing: area {area} and ratio {ratio}; both are (low, high) with "
                "0 < low <= high, and area at most 1"
            )
        self.area, self.ratio = area, ratio

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = planes(images, "RandomErasing").shape
        device = images.device
        draw = torch.rand((4, count), generator=generator, device=device)
        share = self.area[0] + draw[0] * (self.area[1] - self.area[0])
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        ratio = torch.exp(low + draw[1] * (high - low))
        pixels = share * (height * width)
        tall = (pixels * ratio).sqrt().round().clamp(1, height)
        wide = (pixels / ratio).sqrt().round().clamp(1, width)
        top = (draw[2] * (height - tall + 1)).floor()
        left = (draw[3] * (width - wide + 1)).floor()
        y = torch.arange(height, device=device)
        x = torch.arange(width, device=device)
        in_rows = (y >= top[:, None]) & (y < (top + tall)[:, None])
        in_columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
        inside = in_rows[:, :, None] & in_columns[:, None, :]
        inside = inside.view(count, *(1,) * (images.ndim - 3), height, width)
        one_frame = images.shape if images.ndim == 4 else (count, 1, *images.shape[2:])
        noise = torch.randn(one_frame, generator=generator, device=device, dtype=images.dtype)
        return torch.where(inside & chosen(images, self.p, generator), noise, images)
