"""Pictures read at places between their pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as functional

__all__ = ["sampled"]


def sampled(images: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """Images [N, K, H, W] at the places of `grid` [N, H, W, 2] in -1..1; bilinear, zero outside."""
    return functional.grid_sample(images, grid.to(images.dtype), "bilinear", "zeros", align_corners=False)
