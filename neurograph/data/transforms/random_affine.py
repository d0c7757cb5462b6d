"""Random rotations, shears, scales and shifts."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional

from neurograph.data.transforms.planes import planes
from neurograph.data.transforms.sampling import sampled
from neurograph.errors import DataError

__all__ = ["RandomAffine"]


class RandomAffine:
    """Turn, shear, scale and shift each picture about its middle: what lies at p comes to R S p + t.

    Each number is uniform: the angle of the rotation R within +-``rotation`` degrees, that of the shear in S
    within +-``shear`` degrees, the scale in S within ``scale`` (low, high), and the shift t along each axis within
    +-``translate`` pixels, alike for all frames of a sample. Bilinear, so that counts of events do not stay whole;
    what comes in from outside is zero. Raises DataError for a range that is none.
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
        flat = planes(images, "RandomAffine")
        count, _, height, width = flat.shape
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
        grid = functional.affine_grid(inverse, list(flat.shape), align_corners=False)
        return sampled(flat, grid).view(images.shape)
