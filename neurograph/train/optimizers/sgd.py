"""Stochastic gradient descent with momentum."""

from __future__ import annotations

import torch
from torch import nn

from neurograph.train.failures import TrainingError
from neurograph.train.parameter_groups import parameter_groups, scaled_rate

__all__ = ["sgd"]


def sgd(
    module: nn.Module,
    batch_size: int,
    *,
    lr: float | None = None,
    momentum: float = 0.9,
    nesterov: bool = False,
    weight_decay: float = 1e-4,
) -> torch.optim.SGD:
    """SGD on the same parameter groups as AdamW; lr is 0.1 per 256 images of an update unless given.

    Source of the rate: Goyal et al. 2017, "Accurate, large minibatch SGD". Raises TrainingError for bad settings.
    """
    rate = scaled_rate("sgd", lr, 0.1 / 256, batch_size)
    if not 0 <= momentum < 1 or (nesterov and momentum == 0):
        raise TrainingError(
            f"sgd: momentum is {momentum} with nesterov={nesterov}; 0 <= momentum < 1, and nesterov needs one above 0"
        )
    groups = parameter_groups(module, weight_decay)
    return torch.optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov, weight_decay=0.0)
