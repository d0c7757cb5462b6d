"""A training run: program, optimizer, schedule, loss and loaders of a job, the loop, and the model file at its end."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import neurograph as ng
from neurograph import train
from neurograph.graph import Graph
from neurograph.job import loaders
from neurograph.job.network import check_shape
from neurograph.job.parts import Parts
from neurograph.job.settings import Job
from neurograph.train import EpochRow

__all__ = ["Training"]


class Training:
    """What a job trains, made but not begun: `fit` trains, `save` writes the model file.

    `weights` are taken in place of random ones. Raises ShapeError where the network does not take the samples.
    """

    def __init__(
        self,
        job: Job,
        graph: Graph,
        parts: Parts,
        *,
        name: str | None = None,
        weights: Mapping[str, Any] | None = None,
    ) -> None:
        check_shape(graph, parts.train.name, parts.train.shape)
        self.job, self.graph, self.parts, self.name = job, graph, parts, name or job.recipe
        self.ranks = train.distributed.current()
        self.device = self.ranks.device if self.ranks.world > 1 else train.device_of(job.device)
        memory = None if job.memory == "none" else job.memory
        self.program = ng.compile(
            graph, "torch", device=self.device, steps=job.steps, seed=job.seed, weights=weights, memory=memory
        )
        self.optimizer = optimizer_of(job, self.program)
        self.schedule = schedule_of(job, self.optimizer)
        self.rows: list[EpochRow] = []
        self.seconds = 0.0
        given = job.folder or (Path(job.resume).parent if job.resume not in (None, "last") else None)
        self.folder = given or Path(f"runs/{self.name}-{parts.train.name}-{_now(self.ranks)}")

    @property
    def weights(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.program.parameters())

    def fit(self, *, report: Callable[[str], None] = print, progress: bool = True) -> list[EpochRow]:
        """Train, with a row of the table and a checkpoint in `folder` after each epoch; returns the table."""
        job, began = self.job, time.perf_counter()
        options: dict[str, Any] = {"device": str(self.device), "rank": self.ranks.rank, "world": self.ranks.world}
        # of dropout and of what is drawn per sequence; fit spreads it over the processes, or resumes where it was
        torch.manual_seed(job.seed)
        self.rows = train.fit(
            self.program,
            loaders.training(job, self.parts, **options),
            loaders.testing(job, self.parts, **options),
            epochs=job.epochs,
            optimizer=self.optimizer,
            schedule=self.schedule,
            loss=loss_of(job),
            update=train.Update(job.accumulate, job.clip, ema=job.ema),
            keeper=train.Keeper(self.folder, every=job.checkpoint_every),
            resume=job.resume,
            stop=None if job.early_stop is None else train.EarlyStop(job.early_stop),
            logs=train.Logs(tensorboard=job.tensorboard),
            batches=job.batches,
            amp=job.amp,
            device=str(self.device),
            report=report,
            progress=progress,
        )
        self.seconds = time.perf_counter() - began
        return self.rows

    def meta(self) -> dict[str, Any]:
        """What the model file says of itself: enough to give the network the samples that it was trained on."""
        part, row = self.parts.train, self.rows[-1] if self.rows else None
        meta: dict[str, Any] = {
            "dataset": part.name, "data": self.parts.kind, "classes": list(part.classes), "normalize": self.job.normalize,
            "steps": self.job.steps, "epochs": 0 if row is None else row.epoch + 1, "recipe": self.name,
        }  # fmt: skip
        if row is not None:
            meta["test_accuracy"] = row.eval_acc1
        if self.parts.events:
            meta |= {"frames": self.job.frames, "size": list(part.shape[1:])}
        return meta | {"job": {k: _plain(v) for k, v in asdict(self.job).items() if k not in _PLACES}}

    def save(self, path: str | Path, **more: Any) -> Path:
        """Write the network with its weights as they are now; `more` goes into what the file says of itself."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return ng.save(self.program, path, meta={**self.meta(), **more})


def _now(ranks: train.distributed.Context) -> str:
    """The time of the first process, so that all name one folder."""
    seconds = int(ranks.gathered(torch.tensor([int(time.time())]))[0])
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))


#: Settings that say where things lie on this machine, which a model file does not tell.
_PLACES = ("data_dir", "cache", "folder", "resume")


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def optimizer_of(job: Job, program: torch.nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a job; its own learning rate grows with the samples of one update."""
    given: dict[str, Any] = {"lr": job.lr, "weight_decay": job.weight_decay}
    if job.optimizer == "sgd":
        given["momentum"] = job.momentum
    return train.optimizer(job.optimizer, program, job.batch * job.accumulate, **given)


def schedule_of(job: Job, optimizer: torch.optim.Optimizer) -> train.Schedule:
    """The learning rate over the run, with the job's settings that the schedule has.

    short and braincog are the warm-up and cosine with settings of their own.
    """
    if job.schedule == "short":
        return train.WarmupCosine(optimizer, job.epochs, job.warmup_epochs, job.warmup_lr, job.min_lr, per_step=True)
    if job.schedule == "braincog":
        warmup = 5.0 if job.warmup_epochs is None else job.warmup_epochs
        # a run shorter than the warm-up is the beginning of it
        whole = max(job.epochs, math.ceil(warmup))
        return train.WarmupCosine(optimizer, whole, warmup, job.warmup_lr, job.min_lr)
    kind = train.SCHEDULES.get(job.schedule.lower().replace("-", "_"))
    takes = inspect.signature(kind).parameters if kind is not None else {}
    given = {name: getattr(job, name) for name in ("warmup_epochs", "warmup_lr", "min_lr") if name in takes}
    return train.schedule(job.schedule, optimizer, job.epochs, **given)


def loss_of(job: Job) -> train.Loss:
    """The loss of a job, with its smoothing where it has one."""
    kind = train.LOSSES.get(job.loss.lower().replace("-", "_"))
    smooth = kind is not None and "smoothing" in inspect.signature(kind).parameters
    return train.loss(job.loss, **({"smoothing": job.smoothing} if smooth else {}))
