"""Rotations, shears and shifts: an output pixel takes what lies at A p + b."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch

from neurograph.data.transforms.picture_operations.operation import LEVELS, Operation, Resampling

__all__ = ["Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel", "Warp", "read"]


class Warp(Operation):
    """An affine map of the amount, which is `most` at level 10 and of a random sign."""

    most: ClassVar[float]

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return sign * level / LEVELS * self.most

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        height, width = images.shape[2:]
        return read(images, torch.stack(self.matrix(amount, width, height), 1), resampling)

    @abstractmethod
    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        """a, b, c, d, e, f, each [N]: an output pixel at (x, y) is read at (a x + b y + c, d x + e y + f).

        In pixels from the upper left corner; the middle of the first pixel is at 0.5.
        """


class Rotate(Warp):
    """A turn about the middle by up to 30 degrees, counter-clockwise where the amount is above 0."""

    most = 30.0

    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        angle = -torch.deg2rad(amount)
        a, b, d, e = angle.cos(), angle.sin(), -angle.sin(), angle.cos()
        x, y = width / 2, height / 2
        return a, b, x - a * x - b * y, d, e, y - d * x - e * y


class ShearX(Warp):
    """Rows shifted in proportion to their height: (x + a y, y), a up to 0.3."""

    most = 0.3

    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        one, zero = torch.ones_like(amount), torch.zeros_like(amount)
        return one, amount, zero, zero, one, zero


class ShearY(Warp):
    """Columns shifted in proportion to their place: (x, y + a x), a up to 0.3."""

    most = 0.3

    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        one, zero = torch.ones_like(amount), torch.zeros_like(amount)
        return one, zero, zero, amount, one, zero


class TranslateXRel(Warp):
    """A shift to the left by a share of the width, up to 0.45."""

    most = 0.45

    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        one, zero = torch.ones_like(amount), torch.zeros_like(amount)
        return one, zero, amount * width, zero, one, zero


class TranslateYRel(Warp):
    """A shift upwards by a share of the height, up to 0.45."""

    most = 0.45

    def matrix(self, amount: torch.Tensor, width: int, height: int) -> tuple[torch.Tensor, ...]:
        one, zero = torch.ones_like(amount), torch.zeros_like(amount)
        return one, zero, zero, zero, one, amount * height


def read(images: torch.Tensor, matrix: torch.Tensor, resampling: Resampling) -> torch.Tensor:
    """Bytes [N, C, H, W] through maps [N, 6]; the edge goes on for half a pixel, then comes the fill.

    Fractions are cut off, as in Pillow.
    """
    count, channels, height, width = images.shape
    # a place of float32 can fall on the wrong side of a pixel's edge
    y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] + 0.5
    x = torch.arange(width, dtype=torch.float64, device=images.device) + 0.5
    a, b, c, d, e, f = matrix.double().T[:, :, None, None]
    from_x, from_y = a * x + b * y + c, d * x + e * y + f
    inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
    column, row = (from_x - 0.5).floor(), (from_y - 0.5).floor()
    tap = torch.arange(-1, 3, device=images.device) if resampling.cubic else torch.arange(2, device=images.device)
    rows = (row[:, None] + tap[:, None, None]).clamp(0, height - 1).long() * width
    columns = (column[:, None] + tap[:, None, None]).clamp(0, width - 1).long()
    place = (rows[:, :, None] + columns[:, None]).view(count, 1, -1)  # every row tap with every column tap
    taps = images.flatten(2).gather(2, place.expand(count, channels, place.shape[2])).double()
    lines = taps.view(count, channels, len(tap), len(tap), height, width)
    value = _between(lines.unbind(3), (from_x - 0.5 - column)[:, None, None])
    value = _between(value.unbind(2), (from_y - 0.5 - row)[:, None])
    return torch.where(inside[:, None], value.clamp(0, 255).trunc().to(images.dtype), resampling.fill[:, None, None])


def _between(values: tuple[torch.Tensor, ...], d: torch.Tensor) -> torch.Tensor:
    """Linear between two values, cubic (the convolution of Keys 1981 with a = -1) between the middle two of four."""
    if len(values) == 2:
        return values[0] + (values[1] - values[0]) * d
    p, q, r, s = values
    return q + d * (r - p + d * (2 * (p - q) + r - s + d * (q - p + s - r)))
