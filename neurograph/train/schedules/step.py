"""Learning rate: smaller by a factor at each of some epochs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurograph.train.failures import TrainingError
from neurograph.train.schedules.schedule import Schedule

__all__ = ["Step"]


class Step(Schedule):
    """lr(t) = lr gamma^(number of ``milestones`` that are not above t).

    ``milestones`` are times in epochs, rising; 1/2 and 3/4 of ``epochs`` unless given. Raises TrainingError for bad
    settings.
    """

    name = "step"
    settings = ("milestones", "gamma")

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        epochs: int,
        milestones: Sequence[float] | None = None,
        gamma: float = 0.1,
        *,
        per_step: bool = False,
    ) -> None:
        places = [epochs / 2, 3 * epochs / 4] if milestones is None else [float(m) for m in milestones]
        if places != sorted(places) or not 0 < gamma <= 1:
            raise TrainingError(f"Step: milestones {places}, gamma {gamma}; milestones must rise, and 0 < gamma <= 1")
        self.milestones, self.gamma = places, gamma
        super().__init__(optimizer, per_step=per_step)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` (epochs, may be a fraction) for a group of that base lr."""
        return base_lr * self.gamma ** sum(place <= time for place in self.milestones)
