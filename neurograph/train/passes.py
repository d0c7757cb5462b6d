"""One pass over the data: training or evaluation."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from neurograph.errors import DataError
from neurograph.projections.joint_statistics import joint_statistics
from neurograph.train.batch import checked_labels, checked_output, checked_value, pair_of
from neurograph.train.distributed import Context
from neurograph.train.failures import TrainingError
from neurograph.train.losses.loss import mean_over_steps
from neurograph.train.memory import out_of_memory
from neurograph.train.meter import Meter
from neurograph.train.precision import Precision
from neurograph.train.resume import save_within
from neurograph.train.run import Loader, Place, Run
from neurograph.train.summary import EpochRow

__all__ = ["batches_of", "evaluation_pass", "training_pass"]


def training_pass(run: Run, epoch: int, place: Place) -> EpochRow:
    """Train through the rest of an epoch, evaluate, and return its row."""
    run.model.train()
    meter = Meter(f"training, epoch {epoch}", run.total, run.precision.device, (1,))
    if place.meter is not None:
        meter.load_state_dict(place.meter)
    began = time.perf_counter() - place.seconds
    with tqdm(
        total=run.total, initial=place.step, desc=f"Epoch {epoch}/{run.epochs}", disable=not run.progress
    ) as bar, _joint(run.ranks):  # fmt: skip
        waited = _train(run, epoch, place, meter, bar, began)
    trained = time.perf_counter() - began
    meter.joined(run.ranks)
    averages = nullcontext() if run.updater.ema is None else run.updater.ema.in_place()
    with averages:
        where = f"evaluation, epoch {epoch}"
        results = evaluation_pass(run.model, run.test, run.precision, run.progress, where, run.ranks)
    return EpochRow(
        epoch,
        meter.loss,
        meter.percent[0],
        *results,
        run.optimizer.param_groups[0]["lr"],
        meter.images / trained,
        time.perf_counter() - began,
        waited,
    )


def _train(run: Run, epoch: int, place: Place, meter: Meter, bar: Any, began: float) -> float:
    """The batches of an epoch from a place on; returns the seconds in which they were waited for."""
    group = run.updater.settings.accumulate
    updates = math.ceil(run.total / group)
    every = None if run.keeper is None else run.keeper.every
    waited, rates = place.data_seconds, []
    begun, batches = _started(run, epoch, place)
    for step in range(place.step, run.total):
        asked = time.perf_counter()
        images, labels = pair_of(_next(batches, step, run.total), "fit")
        waited += time.perf_counter() - asked
        if step % group == 0 and run.schedule is not None:
            run.schedule.at(epoch, step // group, updates)
        last = (step + 1) % group == 0 or step + 1 == run.total
        rates.append(run.optimizer.param_groups[0]["lr"])
        try:
            losses = _learn(run, images, labels, meter, last, look=step == place.step)
        except (RuntimeError, MemoryError) as error:
            where = f"training, epoch {epoch}, step {step}"
            told = out_of_memory(error, where, run.model, images, run.precision.device)
            if told is None:
                raise
            raise told from error
        bar.update()
        _show(run, meter, losses, bar, began)
        _log(run, epoch, step, losses, rates)
        if every and last and (step // group + 1) % every == 0 and step + 1 < run.total:
            _log(run, epoch, step, meter.flush(), rates)
            save_within(run, epoch, step + 1, meter, time.perf_counter() - began, waited, begun)
    _log(run, epoch, run.total - 1, meter.flush(), rates)
    return waited


def _learn(run: Run, images: Tensor, labels: Tensor, meter: Meter, last: bool, look: bool) -> list[float]:
    """Forward, backward and, with the last batch of an update, the update; returns losses that are known by now."""
    device, look = run.precision.device, look or labels.device.type == "cpu"
    images = images.to(device)
    with run.updater.batch(last):
        with run.precision.autocast():
            output = checked_output(run.forward(images), images, labels, "fit")
        labels = checked_labels(labels, output, "fit", look).to(device)
        output = _wide(output)
        value = checked_value(run.criterion(output, labels))
        # Before the update, so that on the CPU a bad loss never reaches the weights.
        losses = meter.add(value, output, labels)
        run.updater.add(value, len(labels), last)
    return losses


def _started(run: Run, epoch: int, place: Place) -> tuple[Tensor, Iterator[tuple[Tensor, Tensor]]]:
    """The random state at the epoch's begin, and its batches behind those that are done."""
    if place.begun is not None:
        torch.set_rng_state(place.begun)  # a loader may shuffle by it
    begun = torch.get_rng_state()
    set_epoch = getattr(run.train, "set_epoch", None)
    if set_epoch is not None:
        set_epoch(epoch)
    batches = iter(itertools.islice(run.train, run.total))
    for step in range(place.step):
        _next(batches, step, run.total)
    if place.random is not None:
        place.random()
    return begun, batches


def _next(batches: Iterator[Any], step: int, total: int) -> Any:
    try:
        return next(batches)
    except StopIteration:
        raise DataError(
            f"fit: the train loader ended after {step} batches of the {total} that len() says; correct the loader"
        ) from None


def _show(run: Run, meter: Meter, losses: list[float], bar: Any, began: float) -> None:
    if losses and run.progress:
        rate = run.ranks.world * meter.images / (time.perf_counter() - began)
        lr = run.optimizer.param_groups[0]["lr"]
        bar.set_postfix_str(
            f"loss {meter.loss:.4f}, Acc@1 {meter.percent[0]:.2f}, {rate:.0f} images/s, lr {lr:.2e}", refresh=False
        )


def _log(run: Run, epoch: int, step: int, losses: list[float], rates: list[float]) -> None:
    """Write the batches up to ``step`` whose losses are known; ``rates`` are those of all that were not written."""
    if not losses:
        return
    if run.logs is not None and run.logs.wanted:
        first = step + 1 - len(losses)
        for number, (value, lr) in enumerate(zip(losses, rates, strict=True)):
            run.logs.step(epoch, first + number, value, lr)
    rates.clear()


@torch.no_grad()
def evaluation_pass(
    model: nn.Module, test: Loader, precision: Precision, progress: bool, where: str, ranks: Context
) -> tuple[float, float, float]:
    """Cross-entropy, Acc@1 and Acc@5 (percent) in evaluation mode, over the batches of all processes."""
    total = batches_of(test, "test", None)
    meter = Meter(where, total, precision.device, (1, 5))
    mode, images = model.training, None
    model.eval()
    try:
        for batch in tqdm(test, total=total, desc="Evaluation", disable=not progress, leave=False):
            images, labels = pair_of(batch, where)
            look, images = meter.images == 0 or labels.device.type == "cpu", images.to(precision.device)
            with precision.autocast():
                output = checked_output(model(images), images, labels, where)
            labels = checked_labels(labels, output, where, look).to(precision.device)
            logits = _wide(mean_over_steps(output))
            meter.add(nn.functional.cross_entropy(logits, labels), logits, labels)
        meter.flush()
    except (RuntimeError, MemoryError) as error:
        told = out_of_memory(error, where, model, images, precision.device)
        if told is None:
            raise
        raise told from error
    finally:
        model.train(mode)
    meter.joined(ranks)
    first, fifth = meter.percent
    return meter.loss, first, fifth


def batches_of(loader: Loader, role: str, limit: int | None) -> int:
    """How many batches an epoch takes of a loader; raises TrainingError or DataError where there is none."""
    if limit is not None and limit < 1:
        raise TrainingError(f"fit: batches is {limit}; it must be 1 or more, or None for all")
    try:
        count = len(loader)
    except TypeError:
        raise DataError(
            f"fit: the {role} loader is a {type(loader).__name__} without a length; it must say with len() how many batches an "
            "epoch has; give a DataLoader of a data set with a length, a list of batches, or a class with __len__"
        ) from None
    if count == 0:
        raise DataError(
            f"fit: the {role} loader has no batch; there must be at least one; take a smaller "
            "batch size or drop_last=False"
        )
    return count if limit is None else min(count, limit)


def _wide(output: Tensor) -> Tensor:
    """The output in 32 bits at least: losses are not computed in half precision."""
    return output.float() if output.dtype.itemsize < 4 else output


def _joint(ranks: Context) -> AbstractContextManager[None]:
    return nullcontext() if ranks.world == 1 else joint_statistics(torch.distributed.group.WORLD)
