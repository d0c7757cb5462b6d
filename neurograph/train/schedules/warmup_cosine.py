"""Learning rate: linear warm-up, then half a cosine."""

from __future__ import annotations

import math

import torch

from neurograph.train.failures import TrainingError
from neurograph.train.schedules.schedule import Schedule

__all__ = ["WarmupCosine"]


class WarmupCosine(Schedule):
    """lr(t) = min_lr + (lr - min_lr)(1 + cos(pi t / epochs)) / 2, after a linear rise from ``warmup_lr``.

    With t the time in epochs, lr runs from ``warmup_lr`` linearly towards the group's own lr while
    t < ``warmup_epochs``: the warm-up is not subtracted from the cosine (timm 0.6.13, CosineLRScheduler).

    By default t is the whole epoch. With ``per_step=True`` it moves with every step, for short
    runs. ``warmup_epochs`` is 5, or a tenth of the run with ``per_step``, unless given.
    Raises TrainingError for bad settings.
    """

    name = "warmup_cosine"
    settings = ("epochs", "warmup_epochs", "warmup_lr", "min_lr")

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        epochs: int,
        warmup_epochs: float | None = None,
        warmup_lr: float = 1e-6,
        min_lr: float = 1e-5,
        *,
        per_step: bool = False,
    ) -> None:
        if warmup_epochs is None:
            warmup_epochs = epochs / 10 if per_step else 5
        if epochs < 1 or not 0 <= warmup_epochs <= epochs:
            raise TrainingError(
                f"WarmupCosine: {epochs} epochs with a warm-up of {warmup_epochs}; there must be "
                "at least 1 epoch and a warm-up between 0 and all of them; set warmup_epochs"
            )
        if not (0 <= warmup_lr < math.inf and 0 <= min_lr < math.inf):
            raise TrainingError(f"WarmupCosine: warmup_lr {warmup_lr} and min_lr {min_lr}; both must be 0 or more")
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs
        self.warmup_lr = warmup_lr
        self.min_lr = min_lr
        super().__init__(optimizer, per_step=per_step)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` (epochs, may be a fraction) for a group of that base lr."""
        if time < self.warmup_epochs:
            return self.warmup_lr + time * (base_lr - self.warmup_lr) / self.warmup_epochs
        if time >= self.epochs:
            return self.min_lr
        share = 0.5 * (1 + math.cos(math.pi * time / self.epochs))
        return self.min_lr + (base_lr - self.min_lr) * share
