"""Rotations, shears and shifts: an output pixel takes what lies at A p + b."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch

from neurograph.data.transforms.picture_operations.operation import LEVELS, Operation, Resampling

__all__ = ["Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"]


class _Warp(Operation):
    """The amount is uniform in sign and `most` at level 10."""

    geometric = True
    most: ClassVar[float]

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        return sign * level / LEVELS * self.most

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        height, width = images.shape[2:]
        exact = amount.double()[:, None, None]  # a place of float32 can fall on the wrong side of a pixel's edge
        y = torch.arange(height, dtype=torch.float64, device=images.device)[:, None] + 0.5
        x = torch.arange(width, dtype=torch.float64, device=images.device) + 0.5
        from_x, from_y = self.places(x, y, exact, width, height)
        shape = (len(images), height, width)
        return _read(images, from_x.expand(shape), from_y.expand(shape), resampling)

    @abstractmethod
    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the output pixels at x [W], y [H, 1] come from; a pixel's middle is at half numbers."""


class Rotate(_Warp):
    """A turn about the middle by up to 30 degrees, counter-clockwise where the amount is above 0."""

    most = 30.0

    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        angle = -torch.deg2rad(amount)
        cos, sin = angle.cos(), angle.sin()
        x, y = x - width / 2, y - height / 2
        return cos * x + sin * y + width / 2, cos * y - sin * x + height / 2


class ShearX(_Warp):
    """Rows shifted in proportion to their height: (x + a y, y), a up to 0.3."""

    most = 0.3

    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x + amount * y, y


class ShearY(_Warp):
    """Columns shifted in proportion to their place: (x, y + a x), a up to 0.3."""

    most = 0.3

    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x, y + amount * x


class TranslateXRel(_Warp):
    """A shift to the left by a share of the width, up to 0.45."""

    most = 0.45

    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x + amount * width, y


class TranslateYRel(_Warp):
    """A shift upwards by a share of the height, up to 0.45."""

    most = 0.45

    def places(
        self, x: torch.Tensor, y: torch.Tensor, amount: torch.Tensor, width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return x, y + amount * height


def _read(images: torch.Tensor, x: torch.Tensor, y: torch.Tensor, resampling: Resampling) -> torch.Tensor:
    """Images at places [N, H, W]: the edge goes on for half a pixel, then comes the fill; fractions are cut off."""
    height, width = images.shape[2:]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    column, row = (x - 0.5).floor(), (y - 0.5).floor()
    across, down = x - 0.5 - column, y - 0.5 - row
    taps = range(-1, 3) if resampling.cubic else range(2)
    flat = images.flatten(2)
    lines = []
    for i in taps:
        start = (row + i).clamp(0, height - 1).long() * width
        places = [start + (column + j).clamp(0, width - 1).long() for j in taps]
        line = [flat.gather(2, p.flatten(1)[:, None].expand_as(flat)).view(images.shape).double() for p in places]
        lines.append(_between(line, across[:, None]))
    value = _between(lines, down[:, None]).clamp(0, 255).trunc().to(images.dtype)
    return torch.where(inside[:, None], value, resampling.fill[:, None, None])


def _between(values: list[torch.Tensor], d: torch.Tensor) -> torch.Tensor:
    """Linear between two values, cubic (the convolution of Keys 1981 with a = -1) between the middle two of four."""
    if len(values) == 2:
        return values[0] + (values[1] - values[0]) * d
    p, q, r, s = values
    return q + d * (r - p + d * (2 * (p - q) + r - s + d * (q - p + s - r)))
