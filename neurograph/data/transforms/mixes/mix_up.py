"""MixUp."""

from __future__ import annotations

import torch

from neurograph.data.transforms.mixes.mix import Mix
from neurograph.data.transforms.planes import per_sample

__all__ = ["MixUp"]


class MixUp(Mix):
    """x' = lam x_i + (1 - lam) x_j and y' = lam y_i + (1 - lam) y_j, lam ~ Beta(alpha, alpha) for each sample.

    The rest as Mix says; counts of events do not stay whole. Source: Zhang et al. 2018,
    https://arxiv.org/abs/1710.09412.
    """

    def __init__(self, classes: int, alpha: float = 1.0, prob: float = 1.0) -> None:
        super().__init__(classes, alpha, prob, "alpha")
        self.alpha = alpha

    def mixed(
        self, images: torch.Tensor, others: torch.Tensor, share: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        lam = per_sample(share, images).to(images.dtype)
        return lam * images + (1 - lam) * others, share
