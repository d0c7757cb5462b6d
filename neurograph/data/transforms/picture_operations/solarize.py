"""Bright tones turned over, dark ones raised."""

from __future__ import annotations

import torch

from neurograph.data.transforms.picture_operations.operation import LEVELS, Operation, Resampling

__all__ = ["Solarize", "SolarizeAdd", "SolarizeIncreasing"]


class Solarize(Operation):
    """The negative of bright tones: x' = 255 - x where x >= b, else x; b = floor(256 level / 10)."""

    increasing = False

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return (level / LEVELS * 256).floor()

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        return torch.where(images >= amount[:, None, None, None], 255 - images, images)


class SolarizeIncreasing(Solarize):
    """Solarize with b = 256 - floor(256 level / 10): the higher the level, the more tones turn over."""

    increasing = True

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return 256 - super().amount(level, sign)


class SolarizeAdd(Operation):
    """Dark tones raised: x' = min(x + a, 255) where x < 128, else x; a = floor(110 level / 10)."""

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return (level / LEVELS * 110).floor()

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        raised = (images + amount.to(images.dtype)[:, None, None, None]).clamp(max=255)
        return torch.where(images < 128, raised, images)
