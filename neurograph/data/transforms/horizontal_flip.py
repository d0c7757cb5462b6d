"""Random mirroring."""

from __future__ import annotations

import torch

from neurograph.data.transforms.planes import chosen, planes
from neurograph.data.transforms.settings import probability

__all__ = ["HorizontalFlip"]


class HorizontalFlip:
    """Mirror each picture left-right with probability ``p``: x'[y, x] = x[y, W - 1 - x], all frames of a sample alike.

    Raises DataError for a p outside 0..1.
    """

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("HorizontalFlip", p)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        planes(images, "HorizontalFlip")
        return torch.where(chosen(images, self.p, generator), images.flip(-1), images)
