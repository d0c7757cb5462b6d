"""Learning rate: always the same."""

from __future__ import annotations

import torch

from neurograph.train.schedules.schedule import Schedule

__all__ = ["Constant"]


class Constant(Schedule):
    """lr(t) = lr; ``epochs`` is taken for the sake of one call for all schedules, and not used."""

    name = "constant"

    def __init__(self, optimizer: torch.optim.Optimizer, epochs: int | None = None, *, per_step: bool = False) -> None:
        super().__init__(optimizer, per_step=per_step)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` for a group of that base lr."""
        return base_lr
