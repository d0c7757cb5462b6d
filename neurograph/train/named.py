"""Losses, optimizers and schedules by name, as a user types them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from neurograph.train.failures import TrainingError
from neurograph.train.losses import LOSSES
from neurograph.train.losses.loss import Loss
from neurograph.train.optimizers import OPTIMIZERS
from neurograph.train.schedules import SCHEDULES
from neurograph.train.schedules.schedule import Schedule

__all__ = ["loss", "optimizer", "schedule"]


def loss(name: str, **settings: Any) -> Loss:
    """The loss of that name ("cross_entropy" and "cross-entropy" are the same) with these settings.

    Raises TrainingError for a name or a setting that is not known, with those that are.
    """
    kind = LOSSES.get(name.lower().replace("-", "_"))
    if kind is None:
        known = ", ".join(sorted({cls.name for cls in LOSSES.values()}))
        raise TrainingError(f"unknown loss {name!r}; known are: {known}")
    try:
        return kind(**settings)
    except TypeError as error:
        raise TrainingError(f"loss {name!r}: {error}; see help({kind.__name__})") from error


def optimizer(name: str, module: nn.Module, batch_size: int, **settings: Any) -> torch.optim.Optimizer:
    """The optimizer of that name for a module and the images of one update, over all processes.

    Raises TrainingError for a name or a setting that is not known.
    """
    if name.lower() not in OPTIMIZERS:
        raise TrainingError(f"unknown optimizer {name!r}; known are: {', '.join(sorted(OPTIMIZERS))}")
    try:
        return OPTIMIZERS[name.lower()](module, batch_size, **settings)
    except TypeError as error:
        raise TrainingError(f"optimizer {name!r}: {error}") from error


def schedule(name: str, optimizer: torch.optim.Optimizer, epochs: int, **settings: Any) -> Schedule:
    """The schedule of that name; raises TrainingError for a name or a setting that is not known."""
    kind = SCHEDULES.get(name.lower().replace("-", "_"))
    if kind is None:
        raise TrainingError(f"unknown schedule {name!r}; known are: {', '.join(sorted(SCHEDULES))}")
    make: Any = kind
    try:
        return make(optimizer, epochs, **settings)  # type: ignore[no-any-return]
    except TypeError as error:
        raise TrainingError(f"schedule {name!r}: {error}") from error
