"""Random shifts by whole pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from neurograph.data.transforms.planes import planes
from neurograph.errors import DataError

__all__ = ["RandomCrop"]


class RandomCrop:
    """Shift each picture by up to ``padding`` pixels along each axis; what comes in from outside is zero.

    x'[y, x] = x[y + dy, x + dx], dy and dx uniform over the whole numbers in -padding..padding, alike for all frames
    of a sample. Raises DataError for a negative padding. Source: crops of padded pictures as in He et al. 2016,
    https://arxiv.org/abs/1512.03385.
    """

    def __init__(self, padding: int) -> None:
        if padding < 0:
            raise DataError(f"RandomCrop: padding is {padding}; it must be 0 or more pixels")
        self.padding = padding

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        flat = planes(images, "RandomCrop")
        count, channels, height, width = flat.shape
        pad, device = self.padding, images.device
        padded = functional.pad(flat, (pad, pad, pad, pad))
        shape = (2, count, 1)
        offset = torch.randint(2 * pad + 1, shape, generator=generator, device=device)
        rows = offset[0] + torch.arange(height, device=device)
        columns = offset[1] + torch.arange(width, device=device)
        place = rows[:, :, None] * (width + 2 * pad) + columns[:, None, :]
        place = place.view(count, 1, height * width).expand(count, channels, height * width)
        return padded.flatten(2).gather(2, place).view(images.shape)
