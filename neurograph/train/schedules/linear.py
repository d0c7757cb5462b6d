"""Learning rate: a straight line down."""

from __future__ import annotations

import math

import torch

from neurograph.train.failures import TrainingError
from neurograph.train.schedules.schedule import Schedule

__all__ = ["Linear"]


class Linear(Schedule):
    """lr(t) = lr + (min_lr - lr) t / epochs, and min_lr after that; raises TrainingError for bad settings."""

    name = "linear"
    settings = ("epochs", "min_lr")

    def __init__(
        self, optimizer: torch.optim.Optimizer, epochs: int, min_lr: float = 0.0, *, per_step: bool = False
    ) -> None:
        if epochs < 1 or not 0 <= min_lr < math.inf:
            raise TrainingError(f"Linear: {epochs} epochs, min_lr {min_lr}; at least 1 epoch, and min_lr 0 or more")
        self.epochs, self.min_lr = epochs, min_lr
        super().__init__(optimizer, per_step=per_step)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` (epochs, may be a fraction) for a group of that base lr."""
        return base_lr + (self.min_lr - base_lr) * min(1.0, time / self.epochs)
