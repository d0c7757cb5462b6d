"""Adam: weight decay is part of the gradient."""

from __future__ import annotations

import torch
from torch import nn

from neurograph.train.parameter_groups import parameter_groups, scaled_rate

__all__ = ["adam"]


def adam(
    module: nn.Module,
    batch_size: int,
    *,
    lr: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> torch.optim.Adam:
    """Adam on the same parameter groups as AdamW, with its learning rate: 5e-3 per 1024 images of an update."""
    rate = scaled_rate("adam", lr, 5e-3 / 1024, batch_size)
    return torch.optim.Adam(parameter_groups(module, weight_decay), lr=rate, betas=betas, eps=eps, weight_decay=0.0)
