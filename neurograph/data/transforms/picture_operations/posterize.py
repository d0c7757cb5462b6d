"""Fewer tones."""

from __future__ import annotations

import torch

from neurograph.data.transforms.picture_operations.operation import LEVELS, Operation, Resampling

__all__ = ["Posterize", "PosterizeIncreasing"]


class Posterize(Operation):
    """Keep the upper b bits of each byte: x' = x - x mod 2^(8 - b), b = floor(4 level / 10); with b = 0 all is black."""

    increasing = False

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return (level / LEVELS * 4).floor()

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        return images - images.remainder(torch.exp2(8 - amount).to(images.dtype)[:, None, None, None])


class PosterizeIncreasing(Posterize):
    """Posterize with b = 4 - floor(4 level / 10): the higher the level, the fewer tones."""

    increasing = True

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return 4 - super().amount(level, sign)
