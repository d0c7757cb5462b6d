"""Several changes in a row."""

from __future__ import annotations

import torch

from neurograph.data.transforms.transform import Transform

__all__ = ["Compose"]


class Compose:
    """Transforms one after the other, on pictures or frames: x' = t_n(... t_1(x))."""

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        for transform in self.transforms:
            images = transform(images, generator)
        return images
