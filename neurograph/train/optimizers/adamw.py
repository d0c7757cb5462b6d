"""AdamW: weight decay beside the gradient."""

from __future__ import annotations

import torch
from torch import nn

from neurograph.train.parameter_groups import parameter_groups, scaled_rate

__all__ = ["adamw"]


def adamw(
    module: nn.Module,
    batch_size: int,
    *,
    lr: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
) -> torch.optim.AdamW:
    """AdamW with the defaults BrainCog trains with: lr is 5e-3 per 1024 images of an update, over all processes."""
    rate = scaled_rate("adamw", lr, 5e-3 / 1024, batch_size)
    return torch.optim.AdamW(parameter_groups(module, weight_decay), lr=rate, betas=betas, eps=eps, weight_decay=0.0)
