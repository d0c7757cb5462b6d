"""CutMix."""

from __future__ import annotations

import torch

from neurograph.data.transforms.mixes.mix import Mix

__all__ = ["CutMix"]


class CutMix(Mix):
    """Put a box of x_j into x_i, the same in all frames: y' = w y_i + (1 - w) y_j, w = 1 - area of the box / (H W).

    The box has floor(H sqrt(1 - lam)) x floor(W sqrt(1 - lam)) pixels, lam ~ Beta(alpha, alpha); its middle is uniform
    over the picture, and what lies outside is cut off, so that w >= lam. The rest as Mix says. Source: Yun et al. 2019,
    https://arxiv.org/abs/1905.04899.
    """

    def __init__(self, classes: int, alpha: float = 1.0, prob: float = 1.0) -> None:
        super().__init__(classes, alpha, prob, "alpha")
        self.alpha = alpha

    def mixed(
        self, images: torch.Tensor, others: torch.Tensor, share: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        height, width = images.shape[-2:]
        side = (1 - share).sqrt()
        draw = torch.rand((2, len(images)), generator=generator, device=images.device)
        rows = _covered(height, side, draw[0])
        columns = _covered(width, side, draw[1])
        inside = (rows[:, :, None] & columns[:, None, :]).view(-1, *(1,) * (images.ndim - 3), height, width)
        area = rows.sum(1).double() * columns.sum(1)
        return torch.where(inside, others, images), 1 - area / (height * width)


def _covered(size: int, part: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """Mask [N, size] of the pixels along one axis that lie in the box."""
    length = (size * part).floor()[:, None]
    start = (draw * size).floor()[:, None] - (length / 2).floor()
    place = torch.arange(size, device=part.device)
    return (place >= start) & (place < start + length)
