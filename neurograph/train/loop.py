"""The training loop: epochs, evaluation, table, checkpoints, resume."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable, Sized
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from tqdm import tqdm

from neurograph.errors import DataError, ShapeError
from neurograph.train import checkpoint
from neurograph.train.failures import TrainingError
from neurograph.train.keeper import Keeper
from neurograph.train.meter import Meter
from neurograph.train.precision import Precision
from neurograph.train.summary import EpochRow, read_summary, write_summary

__all__ = ["Loader", "Schedule", "evaluate", "fit"]

SUMMARY = "summary.csv"


class Loader(Iterable[tuple[torch.Tensor, torch.Tensor]], Sized, Protocol):
    """Batches of (images, labels); ``set_epoch(epoch)`` is called on a loader that has it."""


class Schedule(Protocol):
    """Sets the learning rate from the place in the run; WarmupCosine is one."""

    def at(self, epoch: int, step: int, steps: int) -> float:
        """Set the lr for a step and return it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """State for a checkpoint."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a saved state."""
        ...


def fit(
    model: nn.Module,
    train: Loader,
    test: Loader,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None = None,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    keeper: Keeper | None = None,
    resume: str | os.PathLike[str] | None = None,
    steps: int | None = None,
    amp: bool | str = False,
    progress: bool = True,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[EpochRow], None] | None = None,
    report: Callable[[str], None] = print,
) -> list[EpochRow]:
    """Train ``model(images) -> logits [N, classes]`` up to ``epochs`` and return the table.

    After every epoch the model is evaluated on ``test`` with plain cross-entropy, a row goes to
    ``summary.csv`` in the keeper's folder and a checkpoint to the keeper; without a keeper nothing
    is written. ``loss`` is cross-entropy with label smoothing 0.1 unless given. ``steps`` cuts each
    epoch to so many batches. ``resume`` is a checkpoint, or 'last' for the newest of the keeper's
    folder (from the start if there is none). On the CPU a resumed run ends with the same bits as an
    undisturbed one, as long as ``on_epoch`` (called after the checkpoint is written) draws no
    random numbers. ``amp``: see Precision. ``report`` takes the lines meant for the user.

    Raises TrainingError for settings that do not fit, DivergedError (naming epoch and step) for a
    loss that is not finite, DataError for an empty loader, FormatError for a bad checkpoint.
    Whatever stops it, checkpoints and table on disk stay whole.
    """
    device = torch.device(device)
    total = _steps(train, "train", steps)
    _steps(test, "test", None)
    if epochs < 1:
        raise TrainingError(f"fit: epochs is {epochs}; it must be 1 or more")
    model.to(device)
    precision = Precision(amp, device)
    criterion = loss if loss is not None else nn.CrossEntropyLoss(label_smoothing=0.1)
    start, rows = _begin(model, optimizer, schedule, precision, keeper, resume, report)
    if start >= epochs:
        report(f"Nothing to do: {start} epochs are done, {epochs} were asked for.")
    try:
        for epoch in range(start, epochs):
            row = _epoch(
                epoch,
                epochs,
                model,
                itertools.islice(_at_epoch(train, epoch), total),
                total,
                test,
                optimizer,
                schedule,
                criterion,
                precision,
                progress,
            )
            rows.append(row)
            report(
                f"Epoch {epoch}: train loss {row.train_loss:.4f}, Acc@1 {row.train_acc:.2f}; eval "
                f"loss {row.eval_loss:.4f}, Acc@1 {row.eval_acc1:.2f}, Acc@5 {row.eval_acc5:.2f}; "
                f"{row.images_per_s:.0f} images/s, lr {row.lr:.3e}, {row.seconds:.1f} s"
            )
            if keeper is not None:
                _save(keeper, rows, model, optimizer, schedule, precision)
                for line in (*keeper.lines(), keeper.best_line()):
                    report(line)
            if on_epoch is not None:
                on_epoch(row)
    except KeyboardInterrupt:
        last = keeper.last if keeper is not None else None
        report(f"Interrupted; the last checkpoint is {last.path if last else 'none'}.")
        raise
    return rows


def evaluate(
    model: nn.Module,
    test: Loader,
    *,
    device: torch.device | str = "cpu",
    amp: bool | str = False,
    progress: bool = True,
) -> tuple[float, float, float]:
    """Cross-entropy, Acc@1 and Acc@5 (percent) in evaluation mode; the model's mode is put back.

    Raises DivergedError when the loss is not finite, DataError when there is no batch.
    """
    device = torch.device(device)
    return _evaluate(model, test, Precision(amp, device), progress, "evaluation")


def _epoch(
    epoch: int,
    epochs: int,
    model: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    total: int,
    test: Loader,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None,
    criterion: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    precision: Precision,
    progress: bool,
) -> EpochRow:
    model.train()
    device = precision.device
    meter = Meter(f"training, epoch {epoch}", total, device, (1,))
    began = time.perf_counter()
    with tqdm(total=total, desc=f"Epoch {epoch}/{epochs}", disable=not progress) as bar:
        for step, (images, labels) in enumerate(batches):
            if schedule is not None:
                schedule.at(epoch, step, total)
            images, labels = images.to(device), labels.to(device)
            with precision.autocast():
                logits = _logits(model(images), labels)
            value = criterion(logits.float(), labels)
            # Before the update, so that on the CPU a bad loss never reaches the weights.
            fresh = meter.add(value, logits, labels)
            precision.update(value, optimizer)
            bar.update()
            if fresh and progress:
                rate = meter.images / (time.perf_counter() - began)
                lr = optimizer.param_groups[0]["lr"]
                bar.set_postfix_str(
                    f"loss {meter.loss:.4f}, Acc@1 {meter.percent[0]:.2f}, {rate:.0f} images/s, lr {lr:.2e}",
                    refresh=False,
                )
        meter.flush()
    trained = time.perf_counter() - began
    results = _evaluate(model, test, precision, progress, f"evaluation, epoch {epoch}")
    return EpochRow(
        epoch,
        meter.loss,
        meter.percent[0],
        *results,
        optimizer.param_groups[0]["lr"],
        meter.images / trained,
        time.perf_counter() - began,
    )


@torch.no_grad()
def _evaluate(
    model: nn.Module, test: Loader, precision: Precision, progress: bool, where: str
) -> tuple[float, float, float]:
    total = _steps(test, "test", None)
    meter = Meter(where, total, precision.device, (1, 5))
    mode = model.training
    model.eval()
    try:
        for images, labels in tqdm(test, total=total, desc="Evaluation", disable=not progress, leave=False):
            images, labels = images.to(precision.device), labels.to(precision.device)
            with precision.autocast():
                logits = _logits(model(images), labels).float()
            meter.add(nn.functional.cross_entropy(logits, labels), logits, labels)
        meter.flush()
    finally:
        model.train(mode)
    first, fifth = meter.percent
    return meter.loss, first, fifth


def _begin(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None,
    precision: Precision,
    keeper: Keeper | None,
    resume: str | os.PathLike[str] | None,
    report: Callable[[str], None],
) -> tuple[int, list[EpochRow]]:
    """Epoch to start with and the rows before it, after loading what ``resume`` names."""
    table = keeper.folder / SUMMARY if keeper is not None else None
    if resume is None:
        if keeper is not None and (keeper.kept or keeper.folder.joinpath(SUMMARY).exists()):
            raise TrainingError(
                f"fit: {keeper.folder} holds an earlier run and resume is not set; a run needs a "
                "folder of its own; choose another one, or continue with resume='last'"
            )
        return 0, []
    path = _resume_path(keeper, resume)
    if path is None:
        report("No checkpoint to resume from; starting with epoch 0.")
        return 0, []
    saved = checkpoint.load(path)
    extra = {"schedule": schedule, "scaler": precision.scaler}
    try:
        model.load_state_dict(saved.model)
        optimizer.load_state_dict(saved.optimizer or {})
        for name, part in extra.items():
            if (part is None) != (saved.extra.get(name) is None):
                raise TrainingError(
                    f"{path}: it was saved {'with' if part is None else 'without'} a {name}, this "
                    f"run is {'without' if part is None else 'with'} one; resume with the settings "
                    "of the first run"
                )
            if part is not None:
                part.load_state_dict(saved.extra[name])
        epoch = int(saved.meta["row"]["epoch"])
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path}: it does not fit this model, optimizer or schedule ({error}); resume with those of the first run"
        ) from error
    saved.restore_random()
    rows = read_summary(table) if table is not None and table.exists() else []
    if keeper is not None and path.resolve().parent == keeper.folder.resolve():
        keeper.forget_after(epoch)
    report(f"Resumed from {path} (epoch {epoch}).")
    return epoch + 1, [row for row in rows if row.epoch <= epoch]


def _resume_path(keeper: Keeper | None, resume: str | os.PathLike[str]) -> Path | None:
    if resume != "last":
        return Path(resume)
    if keeper is None:
        raise TrainingError("fit: resume='last' needs a keeper, in whose folder to look; give keeper=Keeper(folder)")
    return keeper.last.path if keeper.last is not None else None


def _save(
    keeper: Keeper,
    rows: list[EpochRow],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None,
    precision: Precision,
) -> None:
    # The table first: if the run is killed in between, the row is dropped on resume. The other
    # way round it would be missing for good.
    write_summary(keeper.folder / SUMMARY, rows)
    keeper.save(
        rows[-1].epoch,
        rows[-1].eval_acc1,
        model=model.state_dict(),
        optimizer=optimizer.state_dict(),
        meta={"row": asdict(rows[-1])},
        extra={
            "schedule": None if schedule is None else schedule.state_dict(),
            "scaler": None if precision.scaler is None else precision.scaler.state_dict(),
        },
    )


def _steps(loader: Loader, role: str, limit: int | None) -> int:
    if limit is not None and limit < 1:
        raise TrainingError(f"fit: steps is {limit}; it must be 1 or more, or None for all")
    count = len(loader)
    if count == 0:
        raise DataError(
            f"fit: the {role} loader has no batch; there must be at least one; take a smaller "
            "batch size or drop_last=False"
        )
    return count if limit is None else min(count, limit)


def _at_epoch(loader: Loader, epoch: int) -> Loader:
    set_epoch = getattr(loader, "set_epoch", None)
    if set_epoch is not None:
        set_epoch(epoch)
    return loader


def _logits(output: Any, labels: torch.Tensor) -> torch.Tensor:
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or len(output) != len(labels):
        shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ShapeError(
            f"fit: the model returned {shape} for {len(labels)} images; it must return logits "
            "[N, classes]; average or select inside the model"
        )
    return output
