"""Learning rate: linear warm-up, then half a cosine."""

from __future__ import annotations

import math
from typing import Any

import torch

from neurograph.train.failures import TrainingError

__all__ = ["WarmupCosine"]

SETTINGS = ("epochs", "warmup_epochs", "warmup_lr", "min_lr", "per_step")


class WarmupCosine:
    """Set the learning rate of every parameter group from the place in the run.

    With t the time in epochs, lr runs from ``warmup_lr`` linearly towards the group's own lr while
    t < ``warmup_epochs``, and is ``min_lr + (lr - min_lr)(1 + cos(pi t / epochs)) / 2`` after
    that: the warm-up is not subtracted from the cosine (timm 0.6.13, CosineLRScheduler).

    By default t is the whole epoch. With ``per_step=True`` it moves with every step, for short
    runs. ``warmup_epochs`` is 5, or a tenth of the run with ``per_step``, unless given.
    Constructing it sets the learning rate of epoch 0. Raises TrainingError for bad settings.
    """

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
        self.optimizer = optimizer
        self.epochs = epochs
        self.warmup_epochs = warmup_epochs
        self.warmup_lr = warmup_lr
        self.min_lr = min_lr
        self.per_step = per_step
        # 'initial_lr' is PyTorch's own name for it; the optimizer's state keeps it on resume.
        self.base_lrs = [float(group.setdefault("initial_lr", group["lr"])) for group in optimizer.param_groups]
        self.time = 0.0
        self.at(0)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` (epochs, may be a fraction) for a group of that base lr."""
        if time < self.warmup_epochs:
            return self.warmup_lr + time * (base_lr - self.warmup_lr) / self.warmup_epochs
        if time >= self.epochs:
            return self.min_lr
        share = 0.5 * (1 + math.cos(math.pi * time / self.epochs))
        return self.min_lr + (base_lr - self.min_lr) * share

    def at(self, epoch: int, step: int = 0, steps: int = 1) -> float:
        """Set the lr for a step (0..steps-1) of an epoch (from 0); returns the first group's."""
        self.time = epoch + step / steps if self.per_step else float(epoch)
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.value(self.time, base_lr)
        return self.optimizer.param_groups[0]["lr"]

    def state_dict(self) -> dict[str, Any]:
        """Settings, base learning rates and the time reached."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return {**settings, "base_lrs": list(self.base_lrs), "time": self.time}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state.

        Raises TrainingError when it was saved with other settings: taking either side silently
        would give a run that nobody asked for.
        """
        for name in (*SETTINGS, "base_lrs"):
            if name not in state or state[name] != getattr(self, name):
                raise TrainingError(
                    f"WarmupCosine: {name} is {getattr(self, name)}, the saved state has "
                    f"{state.get(name, 'none')}; resume with the settings of the first run, or "
                    "start a new run"
                )
        self.time = float(state["time"])
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.value(self.time, base_lr)
