"""AdamW with weight decay on weight matrices only."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from neurograph.train.failures import TrainingError

__all__ = ["adamw", "parameter_groups"]


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the trainable parameters into those with 2 or more axes, which decay, and the rest.

    Biases, normalisation weights and neuron constants are pulled to no value. A group without
    parameters is left out. Raises TrainingError when nothing is trainable.
    """
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not trainable:
        raise TrainingError(
            f"{type(module).__name__}: it has no trainable parameter; an optimizer needs at least "
            "one with requires_grad=True"
        )
    groups = [
        {
            "params": [p for p in trainable if p.ndim >= 2 and not getattr(p, "of_neuron", False)],
            "weight_decay": weight_decay,
        },
        {"params": [p for p in trainable if p.ndim < 2 or getattr(p, "of_neuron", False)], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def adamw(
    module: nn.Module,
    batch_size: int,
    *,
    lr: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
) -> torch.optim.AdamW:
    """AdamW with the defaults BrainCog trains with: lr is 5e-3 per 1024 images of a batch."""
    if batch_size < 1:
        raise TrainingError(f"adamw: batch_size is {batch_size}; it must be 1 or more")
    if lr is None:
        lr = 5e-3 * batch_size / 1024
    return torch.optim.AdamW(parameter_groups(module, weight_decay), lr=lr, betas=betas, eps=eps, weight_decay=0.0)
