"""The training loop: epochs, evaluation, table, checkpoints, resume."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neurograph.train import distributed
from neurograph.train import resume as resumption
from neurograph.train.batch import checked_loss, checked_model, checked_parts
from neurograph.train.device import device_of, device_of_model
from neurograph.train.early_stop import EarlyStop
from neurograph.train.failures import TrainingError
from neurograph.train.keeper import Keeper
from neurograph.train.logs import Logs, LogWriter
from neurograph.train.named import loss as loss_named
from neurograph.train.passes import batches_of, evaluation_pass, training_pass
from neurograph.train.precision import Precision
from neurograph.train.run import Loader, Place, Run
from neurograph.train.schedules.schedule import Schedule
from neurograph.train.summary import EpochRow
from neurograph.train.update import Update, Updater

__all__ = ["evaluate", "fit"]


def fit(
    model: nn.Module,
    train: Loader,
    test: Loader,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    schedule: Schedule | None = None,
    loss: str | Callable[[Tensor, Tensor], Tensor] | None = None,
    update: Update | None = None,
    keeper: Keeper | None = None,
    resume: str | os.PathLike[str] | None = None,
    stop: EarlyStop | None = None,
    logs: Logs | None = None,
    batches: int | None = None,
    amp: bool | str = False,
    progress: bool = True,
    device: torch.device | str | None = None,
    on_epoch: Callable[[EpochRow], None] | None = None,
    report: Callable[[str], None] = print,
) -> list[EpochRow]:
    """Train ``model(images) -> logits [N, classes]`` (or [T, N, classes]) up to ``epochs`` and return the table.

    After every epoch the model is evaluated on ``test`` with plain cross-entropy, a row goes to
    ``summary.csv`` in the keeper's folder and a checkpoint to the keeper; without a keeper nothing
    is written. ``loss`` is a function or a name, cross-entropy with label smoothing 0.1 unless given. ``update``: see
    Update (accumulation, clipping, averaged weights); ``stop``: EarlyStop; ``logs``: Logs; ``amp``: Precision.
    ``batches`` cuts each epoch to so many. ``resume`` is a checkpoint, or 'last' for the newest of the keeper's
    folder (from the start if there is none). On the CPU a resumed run ends with the same bits as an
    undisturbed one, as long as ``on_epoch`` (called after the checkpoint is written) draws no
    random numbers. ``device`` is that of `distributed.context()`, without one where the model is, unless given; the model
    goes there. ``report`` takes the lines meant for the user.

    In several processes (`distributed.context()`) each trains on its own batches, as one on all of them together: the
    gradients are those of the joint batch, the statistics of batch norm too. The first process writes and reports.

    Raises TrainingError for settings that do not fit, DivergedError (naming epoch and step) for a
    loss that is not finite, OutOfMemoryError (saying what to change), DataError for an empty loader, FormatError for a
    bad checkpoint. Whatever stops it, checkpoints and table on disk stay whole.
    """
    ranks = distributed.current()
    with ranks.together():
        checked_parts(model, optimizer, schedule)
        if device is None:
            device = device_of_model(model) if ranks is distributed.ALONE else ranks.device
        device = device_of(device) if isinstance(device, str) else device
        total = batches_of(train, "train", batches)
        batches_of(test, "test", None)
        if epochs < 1:
            raise TrainingError(f"fit: epochs is {epochs}; it must be 1 or more")
        _check_world(train, device, ranks)
        model.to(device)
        precision, forward = Precision(amp, device), ranks.wrapped(model)
        if isinstance(loss, str) or loss is None:
            loss = loss_named(loss) if loss is not None else loss_named("cross_entropy", smoothing=0.1)
        checked_loss(loss)
        run = Run(
            model, forward, train, test, total, epochs, optimizer, schedule, loss, precision,
            Updater(update or Update(), model, forward, optimizer, precision, ranks),
            keeper, ranks, progress and ranks.first, report if ranks.first else _silent,
        )  # fmt: skip
        place = resumption.begin(run, resume)
        if ranks.first:
            folder = None if keeper is None else keeper.folder
            run.logs = LogWriter(logs or Logs(), folder, place.epoch, place.step, total)
        try:
            return _epochs(run, place, stop, on_epoch)
        except KeyboardInterrupt:
            last = keeper.newest if keeper is not None else None
            run.report(f"Interrupted; the last checkpoint is {last or 'none'}.")
            raise
        finally:
            if run.logs is not None:
                run.logs.close()


def _epochs(
    run: Run, place: Place, stop: EarlyStop | None, on_epoch: Callable[[EpochRow], None] | None
) -> list[EpochRow]:
    if place.epoch >= run.epochs:
        run.report(f"Nothing to do: {place.epoch} epochs are done, {run.epochs} were asked for.")
    rows = place.rows
    while place.epoch < run.epochs:
        if stop is not None and rows and stop.reached(rows):
            run.report(stop.line(rows))
            break
        row = training_pass(run, place.epoch, place)
        rows.append(row)
        place = Place(place.epoch + 1, rows=rows)
        run.report(
            f"Epoch {row.epoch}: train loss {row.train_loss:.4f}, Acc@1 {row.train_acc:.2f}; eval "
            f"loss {row.eval_loss:.4f}, Acc@1 {row.eval_acc1:.2f}, Acc@5 {row.eval_acc5:.2f}; "
            f"{row.images_per_s:.0f} images/s, lr {row.lr:.3e}, {row.seconds:.1f} s "
            f"({row.data_seconds:.1f} s waiting for data)"
        )
        if run.logs is not None:
            run.logs.epoch(row)
        if run.keeper is not None:
            _save(run, place)
            for line in (*run.keeper.lines(), run.keeper.best_line()):
                run.report(line)
        if on_epoch is not None and run.ranks.first:
            on_epoch(row)
    if run.updater.ema is not None:
        run.updater.ema.swap()  # what the table's figures are of
    return rows


def evaluate(
    model: nn.Module,
    test: Loader,
    *,
    device: torch.device | str | None = None,
    amp: bool | str = False,
    progress: bool = True,
) -> tuple[float, float, float]:
    """Cross-entropy, Acc@1 and Acc@5 (percent) in evaluation mode; the model's mode is put back.

    ``device`` is where the model is, unless given; samples are brought there.

    Where the loader gives each process its part of the data (``world`` above 1), all must call it, and get the figures
    of all. Raises DivergedError when the loss is not finite, DataError when there is no batch.
    """
    checked_model(model, "evaluate")
    device = device_of_model(model) if device is None else device_of(device) if isinstance(device, str) else device
    ranks = distributed.current() if getattr(test, "world", 1) > 1 else distributed.Context()
    return evaluation_pass(model, test, Precision(amp, device), progress, "evaluation", ranks)


def _save(run: Run, place: Place) -> None:
    resumption.save_epoch(run, place)


def _check_world(train: Any, device: torch.device, ranks: distributed.Context) -> None:
    """Raises where processes compute elsewhere than they talk, and where all would get the same batches."""
    if ranks.world > 1 and device.type != ranks.device.type:
        raise TrainingError(
            f"fit: device is {device}, the processes talk on {ranks.device}; give context() that device"
        )
    given = getattr(train, "world", None)
    if given is not None and given != ranks.world:
        raise TrainingError(
            f"fit: the train loader makes batches for {given} processes, there are {ranks.world}; give "
            f"Batches(..., rank={ranks.rank}, world={ranks.world}), and start all with torchrun"
        )


def _silent(line: str) -> None:
    """What the other processes say."""
