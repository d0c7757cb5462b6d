"""A picture blended with a duller one, or driven away from it: x' = floor(dull + f (x - dull)), cut to 0..255."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as functional

from neurograph.data.transforms.picture_operations.operation import LEVELS, Operation, Resampling

__all__ = [
    "Brightness",
    "BrightnessIncreasing",
    "Color",
    "ColorIncreasing",
    "Contrast",
    "ContrastIncreasing",
    "Sharpness",
    "SharpnessIncreasing",
]


class _Enhance(Operation):
    """f = 0.1 + 1.8 level / 10: from dull to lively."""

    increasing = False

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return 0.1 + level / LEVELS * 1.8

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        dull = self.dull(images)
        return (dull + amount.to(images.dtype)[:, None, None, None] * (images - dull)).clamp(0, 255).trunc()

    @abstractmethod
    def dull(self, images: torch.Tensor) -> torch.Tensor:
        """The picture at f = 0."""


class _Increasing(_Enhance):
    """f = max(0.1, 1 + s 0.9 level / 10) with a random sign s: the higher the level, the further from the picture."""

    increasing = True

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return (1 + sign * (level / LEVELS * 0.9)).clamp(min=0.1)


class Color(_Enhance):
    """Blended with its grey picture."""

    def dull(self, images: torch.Tensor) -> torch.Tensor:
        return _grey(images).expand_as(images)


class Contrast(_Enhance):
    """Blended with the rounded mean of its grey picture."""

    def dull(self, images: torch.Tensor) -> torch.Tensor:
        grey = _grey(images).long()
        pixels = grey.shape[2] * grey.shape[3]
        mean = (2 * grey.sum((1, 2, 3), keepdim=True) + pixels) // (2 * pixels)
        return mean.to(images.dtype)


class Brightness(_Enhance):
    """Blended with black."""

    def dull(self, images: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(images)


class Sharpness(_Enhance):
    """Blended with a smoothed one: (the eight neighbours + 5 x) / 13, rounded; pixels at the border as they are."""

    def dull(self, images: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = images.shape
        if min(height, width) < 3:
            return images
        kernel = torch.ones((1, 1, 3, 3), dtype=images.dtype, device=images.device)
        kernel[:, :, 1, 1] = 5
        total = functional.conv2d(images.reshape(count * channels, 1, height, width), kernel)
        smooth = images.clone()
        smooth[:, :, 1:-1, 1:-1] = (total / 13 + 0.5).floor().view(count, channels, height - 2, width - 2)
        return smooth


class ColorIncreasing(_Increasing, Color):
    """Color, further from the picture with the level."""


class ContrastIncreasing(_Increasing, Contrast):
    """Contrast, further from the picture with the level."""


class BrightnessIncreasing(_Increasing, Brightness):
    """Brightness, further from the picture with the level."""


class SharpnessIncreasing(_Increasing, Sharpness):
    """Sharpness, further from the picture with the level."""


def _grey(images: torch.Tensor) -> torch.Tensor:
    """ITU-R 601 luma of bytes, [N, 1, H, W], in Pillow's fixed point."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.int().unbind(1)
    luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
    return luma[:, None].to(images.dtype)
