"""What a schedule is: the learning rate of every parameter group from the place in the run."""

from __future__ import annotations

from typing import Any, ClassVar

import torch

from neurograph.train.failures import TrainingError

__all__ = ["Schedule"]


class Schedule:
    """Base of all schedules: a subclass says `value(time, base_lr)`, with the time in epochs.

    By default the time is the whole epoch; with ``per_step=True`` it moves with every update. Constructing one sets the
    learning rate of epoch 0. `name` is what it is found by, `settings` what a resumed run must agree on.
    """

    name: ClassVar[str]
    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, optimizer: torch.optim.Optimizer, *, per_step: bool = False) -> None:
        self.optimizer = optimizer
        self.per_step = per_step
        # 'initial_lr' is PyTorch's own name for it; the optimizer's state keeps it on resume.
        self.base_lrs = [float(group.setdefault("initial_lr", group["lr"])) for group in optimizer.param_groups]
        self.time = 0.0
        self.at(0)

    def value(self, time: float, base_lr: float) -> float:
        """Learning rate at ``time`` (epochs, may be a fraction) for a group of that base lr."""
        raise NotImplementedError

    def at(self, epoch: int, step: int = 0, steps: int = 1) -> float:
        """Set the lr for a step (0..steps-1) of an epoch (from 0); returns the first group's."""
        self.time = epoch + step / steps if self.per_step else float(epoch)
        self._set()
        return float(self.optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        """Settings, base learning rates and the time reached."""
        held = {name: getattr(self, name) for name in (*self.settings, "per_step")}
        return {**held, "base_lrs": list(self.base_lrs), "time": self.time}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state.

        Raises TrainingError when it was saved with other settings: taking either side silently
        would give a run that nobody asked for.
        """
        for name in (*self.settings, "per_step", "base_lrs"):
            if name not in state or state[name] != getattr(self, name):
                raise TrainingError(
                    f"{type(self).__name__}: {name} is {getattr(self, name)}, the saved state has "
                    f"{state.get(name, 'none')}; resume with the settings of the first run, or "
                    "start a new run"
                )
        self.time = float(state["time"])
        self._set()

    def _set(self) -> None:
        for group, base_lr in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.value(self.time, base_lr)
