"""Learning rate golden values, parameter groups, metrics."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from neurograph.errors import ShapeError
from neurograph.train import (
    RunningMean,
    TrainingError,
    WarmupCosine,
    accuracy,
    adamw,
    correct,
    parameter_groups,
)


def optimizer(*rates: float) -> torch.optim.SGD:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=0.1)


def test_golden_values_of_the_reference_run() -> None:
    sgd = optimizer(6.25e-4)
    schedule = WarmupCosine(sgd, 200, 5)
    rates = []
    for epoch in range(200):
        schedule.at(epoch, 3, 390)
        rates.append(sgd.param_groups[0]["lr"])
    golden = [1e-6, 1.258e-4, 2.506e-4, 3.754e-4, 5.002e-4]
    assert rates[:5] == pytest.approx(golden, rel=1e-12)
    assert rates[5] == pytest.approx(6.2405e-4, abs=5e-9)
    assert rates[100] == pytest.approx(3.175e-4, rel=1e-12)
    assert rates[199] == pytest.approx(1.0038e-5, abs=5e-10)


def test_epoch_zero_is_set_at_once() -> None:
    sgd = optimizer(0.5)
    WarmupCosine(sgd, 10)
    assert sgd.param_groups[0]["lr"] == 1e-6


def test_per_step_warms_up_over_a_tenth() -> None:
    sgd = optimizer(0.1)
    schedule = WarmupCosine(sgd, 2, per_step=True)
    rates = [schedule.at(epoch, step, 50) for epoch in range(2) for step in range(50)]
    assert rates[0] == 1e-6
    assert rates[5] == pytest.approx((0.1 + 1e-6) / 2)
    assert rates.index(max(rates)) == 10 and max(rates) > 0.097
    assert all(a > b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert schedule.at(2, 0, 50) == 1e-5
    assert rates[50] == pytest.approx(1e-5 + (0.1 - 1e-5) / 2)


def test_each_group_has_its_own_rate_and_no_warmup_is_allowed() -> None:
    sgd = optimizer(0.1, 0.01)
    WarmupCosine(sgd, 4, 0)
    assert [group["lr"] for group in sgd.param_groups] == [0.1, 0.01]


def test_state_continues_with_a_fresh_optimizer() -> None:
    first = optimizer(0.2)
    schedule = WarmupCosine(first, 20, 2)
    schedule.at(7)
    second = optimizer(0.2)
    other = WarmupCosine(second, 20, 2)
    other.load_state_dict(schedule.state_dict())
    assert second.param_groups[0]["lr"] == first.param_groups[0]["lr"]
    # A schedule made anew on an optimizer that is in the middle of a run keeps the base rate.
    assert WarmupCosine(first, 20, 2).base_lrs == [0.2]


@pytest.mark.parametrize("change", [{"epochs": 30}, {"warmup_epochs": 1}, {"base_lrs": [0.3]}, {"min_lr": None}])
def test_state_of_another_schedule(change: dict[str, object]) -> None:
    schedule = WarmupCosine(optimizer(0.2), 20, 2)
    with pytest.raises(TrainingError, match=next(iter(change))):
        schedule.load_state_dict({**schedule.state_dict(), **change})


@pytest.mark.parametrize(
    "settings",
    [
        {"epochs": 0},
        {"epochs": 3},
        {"epochs": 10, "warmup_epochs": -1},
        {"epochs": 10, "warmup_epochs": 11},
        {"epochs": 10, "warmup_lr": -1e-3},
        {"epochs": 10, "min_lr": math.nan},
    ],
)
def test_bad_schedule(settings: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="WarmupCosine"):
        WarmupCosine(optimizer(0.1), **settings)  # type: ignore[arg-type]


def test_decay_on_matrices_only() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    model[3].weight.requires_grad_(False)
    decayed, free = parameter_groups(model, 0.01)
    assert decayed["weight_decay"] == 0.01 and free["weight_decay"] == 0
    assert [p.shape for p in decayed["params"]] == [(2, 1, 3, 3)]
    assert [tuple(p.shape) for p in free["params"]] == [(2,), (2,), (2,), (3,)]
    assert len(parameter_groups(nn.Linear(2, 2, bias=False), 0.1)) == 1
    with pytest.raises(TrainingError, match="no trainable"):
        parameter_groups(nn.ReLU(), 0.1)


def test_adamw_defaults() -> None:
    made = adamw(nn.Linear(2, 2), 128)
    weight, bias = made.param_groups
    assert weight["lr"] == bias["lr"] == 6.25e-4
    assert (weight["weight_decay"], bias["weight_decay"]) == (1e-4, 0)
    assert weight["betas"] == (0.9, 0.999) and weight["eps"] == 1e-8
    assert adamw(nn.Linear(2, 2), 128, lr=0.3).param_groups[0]["lr"] == 0.3
    with pytest.raises(TrainingError, match="batch_size"):
        adamw(nn.Linear(2, 2), 0)


def test_accuracy_counts() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    labels = torch.tensor([0, 2, 0, 0])
    assert accuracy(logits, labels, (1, 2)) == (50.0, 75.0)
    assert accuracy(logits, labels) == (50.0, 100.0), "a k above the classes counts as all"
    assert correct(logits, labels, (1, 2, 3)).tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("logits", "labels", "topk"),
    [((4, 3), (3,), (1,)), ((4,), (4,), (1,)), ((4, 3), (4,), (0,)), ((4, 3), (4,), ())],
)
def test_accuracy_shapes(logits, labels, topk) -> None:
    with pytest.raises(ShapeError, match="accuracy"):
        accuracy(torch.zeros(logits), torch.zeros(labels, dtype=torch.int64), topk)


def test_running_mean() -> None:
    mean = RunningMean()
    assert math.isnan(mean.mean)
    mean.add(1.0, 3)
    mean.add(5.0)
    assert mean.mean == 2.0
