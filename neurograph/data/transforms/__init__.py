"""Random changes of whole image batches, on the device the batch lies on.

Every transform is called as ``transform(images, generator)`` with float images [N, C, H, W] and a
torch.Generator of the same device, and returns new images of the same shape. Each picture of the
batch gets its own random numbers; there is no Python loop over pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as functional

from neurograph.errors import DataError

__all__ = [
    "Compose",
    "ElasticDeform",
    "HorizontalFlip",
    "Normalize",
    "RandomAffine",
    "RandomCrop",
    "RandomErasing",
    "Transform",
]


class Transform(Protocol):
    """A change of an image batch."""

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Images [N, C, H, W] in, images [N, C, H, W] out."""
        ...


class Compose:
    """Transforms one after the other."""

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        for transform in self.transforms:
            images = transform(images, generator)
        return images


class RandomCrop:
    """Shift each picture by up to ``padding`` pixels; what comes in from outside is zero."""

    def __init__(self, padding: int) -> None:
        if padding < 0:
            raise DataError(f"RandomCrop: padding is {padding}; it must be 0 or more pixels")
        self.padding = padding

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, channels, height, width = images.shape
        pad, device = self.padding, images.device
        padded = functional.pad(images, (pad, pad, pad, pad))
        shape = (2, count, 1)
        offset = torch.randint(2 * pad + 1, shape, generator=generator, device=device)
        rows = offset[0] + torch.arange(height, device=device)
        columns = offset[1] + torch.arange(width, device=device)
        # Two gathers, each along one axis, keep the result contiguous in [N, C, H, W].
        tall = padded.gather(2, rows[:, None, :, None].expand(count, channels, height, width + 2 * pad))
        return tall.gather(3, columns[:, None, None, :].expand(count, channels, height, width))


class HorizontalFlip:
    """Mirror each picture left-right with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = _probability("HorizontalFlip", p)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        chosen = _chosen(images, self.p, generator)
        return torch.where(chosen, images.flip(-1), images)


class Normalize:
    """Subtract ``mean`` and divide by ``std``, one number per channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        if len(mean) != len(std) or not all(value > 0 for value in std):
            raise DataError(
                f"Normalize: mean {tuple(mean)} and std {tuple(std)}; give one of each per "
                "channel, with every std above 0"
            )
        self.mean, self.std = tuple(mean), tuple(std)
        self._scale: tuple[torch.Tensor, torch.Tensor] | None = None

    def __call__(self, images: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        if images.shape[1] != len(self.mean):
            raise DataError(
                f"Normalize: images have {images.shape[1]} channels, mean and std have "
                f"{len(self.mean)}; give one of each per channel"
            )
        if self._scale is None or self._scale[0].device != images.device:
            # Kept between calls: making a CUDA tensor from Python numbers waits for the device.
            mean = torch.tensor(self.mean, device=images.device).view(1, -1, 1, 1)
            std = torch.tensor(self.std, device=images.device).view(1, -1, 1, 1)
            self._scale = (mean, std)
        mean, std = self._scale
        return (images - mean) / std


class RandomErasing:
    """Fill a random rectangle of each picture, with probability ``p``, with unit normal noise.

    Meant for normalised images, so it comes after Normalize. ``area`` bounds the rectangle's share
    of the picture, ``ratio`` its height over width (log-uniform); a rectangle longer than the
    picture is cut to it. Source: Zhong et al. 2017, https://arxiv.org/abs/1708.04896 ('pixel' mode
    of timm).
    """

    def __init__(
        self,
        p: float = 0.25,
        area: tuple[float, float] = (0.02, 1 / 3),
        ratio: tuple[float, float] = (0.3, 1 / 0.3),
    ) -> None:
        self.p = _probability("RandomErasing", p)
        if not 0 < area[0] <= area[1] <= 1 or not 0 < ratio[0] <= ratio[1]:
            raise DataError(
                f"RandomErasing: area {area} and ratio {ratio}; both are (low, high) with "
                "0 < low <= high, and area at most 1"
            )
        self.area, self.ratio = area, ratio

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = images.shape
        device = images.device
        draw = torch.rand((4, count), generator=generator, device=device)
        share = self.area[0] + draw[0] * (self.area[1] - self.area[0])
        low, high = torch.log(torch.tensor(self.ratio)).tolist()
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
        inside = (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
        noise = torch.randn(images.shape, generator=generator, device=device, dtype=images.dtype)
        return torch.where(inside & _chosen(images, self.p, generator), noise, images)


class RandomAffine:
    """Turn, shear, scale and shift each picture about its middle: what lies at p comes to R S p + t.

    Each number is uniform: the angle of the rotation R within +-``rotation`` degrees, that of the shear in S
    within +-``shear`` degrees, the scale in S within ``scale`` (low, high), and the shift t along each axis within
    +-``translate`` pixels. Bilinear; what comes in from outside is zero.
    """

    def __init__(
        self,
        rotation: float = 10.0,
        translate: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
    ) -> None:
        if not (0 <= rotation <= 180 and 0 <= shear < 90 and translate >= 0 and 0 < scale[0] <= scale[1]):
            raise DataError(
                f"RandomAffine: rotation {rotation}, translate {translate}, scale {scale}, shear {shear}; 0 <= rotation "
                "<= 180 and 0 <= shear < 90 degrees, translate 0 or more pixels, scale (low, high) with 0 < low <= high"
            )
        self.rotation, self.translate, self.scale, self.shear = rotation, translate, scale, shear

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = images.shape
        draw = torch.rand((5, count), generator=generator, device=images.device)
        turn, lean, shift_x, shift_y = (2 * draw[:4] - 1).unbind()
        angle, slope = turn * math.radians(self.rotation), (lean * math.radians(self.shear)).tan()
        scale = self.scale[0] + draw[4] * (self.scale[1] - self.scale[0])
        cos, sin = angle.cos() / scale, angle.sin() / scale
        # grid_sample asks where an output pixel comes from: the inverse map, (R S)^-1 (p - t)
        a, b, c, d = cos + slope * sin, sin - slope * cos, -sin, cos
        x, y = shift_x * self.translate, shift_y * self.translate
        # its coordinates run from -1 to 1 along both axes, also where a picture is not square
        rows = (
            torch.stack([a, b * height / width, -2 * (a * x + b * y) / width]),
            torch.stack([c * width / height, d, -2 * (c * x + d * y) / height]),
        )
        inverse = torch.stack(rows).permute(2, 0, 1)
        grid = functional.affine_grid(inverse, list(images.shape), align_corners=False)
        return _sampled(images, grid)


class ElasticDeform:
    """Move each pixel by a smooth random field: the displacement is a Gaussian field of correlation ``sigma``.

    Along each axis it has mean 0 and standard deviation ``strength``, both in pixels, in every pixel. Bilinear; what
    comes in from outside is zero. Source: Simard, Steinkraus, Platt 2003, "Best practices for convolutional neural
    networks applied to visual document analysis", which filters uniform numbers.
    """

    def __init__(self, strength: float = 1.0, sigma: float = 4.0) -> None:
        if not (strength >= 0 and sigma > 0):
            raise DataError(f"ElasticDeform: strength {strength} and sigma {sigma}; strength >= 0 and sigma > 0 pixels")
        self.strength, self.sigma = strength, sigma

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        count, _, height, width = images.shape
        noise = torch.randn((count, 2, height, width), generator=generator, device=images.device)
        field = self._filter(height, images.device) @ noise @ self._filter(width, images.device).T
        size = torch.tensor([width, height], device=images.device).view(1, 2, 1, 1)
        moved = (field * (2 * self.strength / size)).permute(0, 2, 3, 1)
        still = torch.eye(2, 3, device=images.device).expand(count, 2, 3)
        return _sampled(images, functional.affine_grid(still, list(images.shape), align_corners=False) + moved)

    def _filter(self, length: int, device: torch.device) -> torch.Tensor:
        """A Gaussian along one axis as a matrix; rows of norm 1 keep the variance, at the border too."""
        place = torch.arange(length, device=device)
        weight = torch.exp(-0.5 * ((place[:, None] - place) / self.sigma) ** 2)
        return weight / weight.norm(dim=1, keepdim=True)


def _sampled(images: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return functional.grid_sample(images, grid.to(images.dtype), "bilinear", "zeros", align_corners=False)


def _probability(owner: str, p: float) -> float:
    if not 0 <= p <= 1:
        raise DataError(f"{owner}: p is {p}; a probability lies in 0..1")
    return p


def _chosen(images: torch.Tensor, p: float, generator: torch.Generator) -> torch.Tensor:
    """Mask [N, 1, 1, 1], true with probability ``p``."""
    draw = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)
    return draw < p
