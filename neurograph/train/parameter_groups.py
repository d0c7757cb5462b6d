"""Which parameters decay, and the learning rate that goes with a batch."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from neurograph.train.failures import TrainingError

__all__ = ["parameter_groups", "scaled_rate"]


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the trainable parameters into those with 2 or more axes, which decay, and the rest.

    Biases, normalisation weights and neuron constants are pulled to no value. A group without
    parameters is left out. Raises TrainingError when nothing is trainable.
    """
    if not isinstance(module, nn.Module):
        raise TrainingError(
            f"an optimizer of neurograph.train is made of the model itself, such as adamw(model, batch_size), and was given a "
            f"{type(module).__name__}; it sorts the parameters into those that decay and the rest"
        )
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


def scaled_rate(name: str, lr: float | None, per_image: float, batch_size: int) -> float:
    """``lr``, or ``per_image * batch_size`` where none is given; raises TrainingError for values that cannot be."""
    if batch_size < 1:
        raise TrainingError(f"{name}: batch_size is {batch_size}; it must be 1 or more")
    rate = per_image * batch_size if lr is None else float(lr)
    if not 0 <= rate < math.inf:
        raise TrainingError(f"{name}: lr is {lr}; it must be a number of 0 or more")
    return rate
