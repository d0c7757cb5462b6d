"""Options that say something only beside another one: a table, and the check that nothing typed is ignored."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

__all__ = ["CONDITIONS", "Condition", "check", "of_events", "schedule_takes", "takes_smoothing"]


@dataclass(frozen=True)
class Condition:
    """What has to hold of all options together for some of them to mean anything; `needs` is that in words."""

    options: tuple[str, ...]
    holds: Callable[[Mapping[str, Any]], bool]
    needs: str


def of_events(dataset: str | None) -> bool:
    """Whether a data set is one of events; raises DataError for an unknown name."""
    from neurograph import data

    return dataset is not None and isinstance(data.dataset(dataset), data.EventSet)


def takes_smoothing(loss: str | None) -> bool:
    """Whether the loss of that name smooths labels; None: the default, cross-entropy."""
    from neurograph import train

    return "smoothing" in inspect.signature(train.LOSSES[loss or "cross_entropy"]).parameters


def schedule_takes(schedule: str, setting: str) -> bool:
    """Whether a schedule of the learning rate has a setting."""
    from neurograph import job, train

    if schedule in job.SCHEDULES:  # warm-up and cosine with settings of their own
        return True
    return setting in inspect.signature(train.SCHEDULES[schedule]).parameters


def _of_schedule(setting: str) -> Condition:
    return Condition(
        (setting,), lambda o: schedule_takes(o["schedule"], setting), "a schedule that has it, such as --schedule short"
    )


#: Options that are not spelt as they are named.
_SPELT = {"normalize": "--normalize/--plain-pixels"}

CONDITIONS = (
    Condition(("frames", "size", "workers"), lambda o: bool(o["events"]), "a data set of events, such as nmnist"),
    Condition(("normalize",), lambda o: o.get("dataset") is not None and not o["events"], "a data set of pictures"),
    Condition(("momentum",), lambda o: o["optimizer"] == "sgd", "--optimizer sgd"),
    *map(_of_schedule, ("warmup_epochs", "warmup_lr", "min_lr")),
    Condition(
        ("smoothing",), lambda o: takes_smoothing(o["loss"]), "a loss that takes it, such as --loss cross_entropy"
    ),
)


def check(o: Mapping[str, Any], *, events: bool) -> None:
    """Raise UsageError for an option that was typed and would be ignored. events: whether the data are events."""
    known = {**o, "events": events}
    for condition in CONDITIONS:
        for name in condition.options:
            if o.get(name) is not None and not condition.holds(known):
                raise click.UsageError(
                    f"{_SPELT.get(name, '--' + name.replace('_', '-'))}: it needs {condition.needs}."
                )
