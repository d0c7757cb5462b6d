"""One training run: what it is made of, and where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from neurograph.train.distributed import Context
from neurograph.train.keeper import Keeper
from neurograph.train.logs import LogWriter
from neurograph.train.precision import Precision
from neurograph.train.schedules.schedule import Schedule
from neurograph.train.summary import EpochRow
from neurograph.train.update import Updater

__all__ = ["Loader", "Place", "Run"]


class Loader(Iterable[tuple[torch.Tensor, torch.Tensor]], Sized, Protocol):
    """Batches of (images, labels); ``set_epoch(epoch)`` is called on a loader that has it."""


@dataclass
class Place:
    """Where a run goes on: ``step`` batches of ``epoch`` are done, and what was counted in them."""

    epoch: int = 0
    step: int = 0
    rows: list[EpochRow] = field(default_factory=list)
    meter: dict[str, Any] | None = None
    seconds: float = 0.0
    data_seconds: float = 0.0
    random: Callable[[], None] | None = None  # puts back the random state behind the batches that are done
    begun: Tensor | None = None  # the random state in which the epoch began


@dataclass
class Run:
    """What a run is made of."""

    model: nn.Module
    forward: nn.Module  # the model, or what averages its gradients over processes
    train: Loader
    test: Loader
    total: int  # batches of an epoch
    epochs: int
    optimizer: torch.optim.Optimizer
    schedule: Schedule | None
    criterion: Callable[[Tensor, Tensor], Tensor]
    precision: Precision
    updater: Updater
    keeper: Keeper | None
    ranks: Context
    progress: bool
    report: Callable[[str], None]
    logs: LogWriter | None = None

    def parts(self) -> dict[str, Any]:
        """What has a state besides model and optimizer, by the name that a checkpoint keeps it under."""
        return {"schedule": self.schedule, "scaler": self.precision.scaler, "ema": self.updater.ema}

    def states(self) -> dict[str, Any]:
        """The state of everything, as a checkpoint takes it."""
        extra = {name: None if part is None else part.state_dict() for name, part in self.parts().items()}
        return {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "extra": extra}
