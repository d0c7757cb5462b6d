"""What a change of a batch is."""

from __future__ import annotations

from typing import Protocol

import torch

__all__ = ["Transform"]


class Transform(Protocol):
    """A random change of a batch, on the device it lies on; the same generator state gives the same bits."""

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Float pictures [N, C, H, W] or frames [N, T, C, H, W] in, the same out; `generator` is of their device."""
        ...
