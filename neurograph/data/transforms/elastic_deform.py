"""Smooth random displacements."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

from neurograph.data.transforms.planes import planes
from neurograph.data.transforms.sampling import sampled
from neurograph.errors import DataError

__all__ = ["ElasticDeform"]


class ElasticDeform:
    """Move each pixel by a smooth random field: the displacement is a Gaussian field of correlation ``sigma``.

    Along each axis it has mean 0 and standard deviation ``strength``, both in pixels, in every pixel; all frames of
    a sample are moved alike. Bilinear, so that counts of events do not stay whole; what comes in from outside is zero.
    Raises DataError for numbers below 0. Source: Simard, Steinkraus, Platt 2003, "Best practices for convolutional
    neural networks applied to visual document analysis", which filters uniform numbers.
    """

    def __init__(self, strength: float = 1.0, sigma: float = 4.0) -> None:
        if not (strength >= 0 and sigma > 0):
            raise DataError(f"ElasticDeform: strength {strength} and sigma {sigma}; strength >= 0 and sigma > 0 pixels")
        self.strength, self.sigma = strength, sigma

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        flat = planes(images, "ElasticDeform")
        count, _, height, width = flat.shape
        noise = torch.randn((count, 2, height, width), generator=generator, device=images.device)
        field = self._filter(height, images.device) @ noise @ self._filter(width, images.device).T
        size = torch.tensor([width, height], device=images.device).view(1, 2, 1, 1)
        moved = (field * (2 * self.strength / size)).permute(0, 2, 3, 1)
        still = torch.eye(2, 3, device=images.device).expand(count, 2, 3)
        grid = functional.affine_grid(still, list(flat.shape), align_corners=False) + moved
        return sampled(flat, grid).view(images.shape)

    def _filter(self, length: int, device: torch.device) -> torch.Tensor:
        """A Gaussian along one axis as a matrix; rows of norm 1 keep the variance, at the border too."""
        place = torch.arange(length, device=device)
        weight = torch.exp(-0.5 * ((place[:, None] - place) / self.sigma) ** 2)
        return weight / weight.norm(dim=1, keepdim=True)
