"""Normalisation channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurograph.data.transforms.planes import planes
from neurograph.errors import DataError

__all__ = ["Normalize"]


class Normalize:
    """Subtract ``mean`` and divide by ``std``, one number per channel: x' = (x - mean_c) / std_c.

    Raises DataError for a std that is not above 0 and for a number of channels that does not fit.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise DataError(
                f"Normalize: mean {tuple(mean)} and std {tuple(std)}; give one of each per "
                "channel, with every std above 0"
            )
        self.mean, self.std = tuple(mean), tuple(std)
        self._scale: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        planes(images, "Normalize")
        if images.shape[-3] != len(self.mean):
            raise DataError(
                f"Normalize: images have {images.shape[-3]} channels, mean and std have "
                f"{len(self.mean)}; give one of each per channel"
            )
        if self._scale is None or self._scale[0].device != images.device:
            # Kept between calls: making a CUDA tensor from Python numbers waits for the device.
            mean = torch.tensor(self.mean, device=images.device).view(-1, 1, 1)
            std = torch.tensor(self.std, device=images.device).view(-1, 1, 1)
            self._scale = (mean, std)
        mean, std = self._scale
        return (images - mean) / std
