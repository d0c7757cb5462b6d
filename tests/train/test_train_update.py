"""Updates: accumulation, clipping, averaged weights, optimizers and schedules by name."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph import train
from neurograph.train import OPTIMIZERS, SCHEDULES, TrainingError, Update


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()


def batches(*sizes: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(sum(sizes), 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (sum(sizes),), generator=generator)
    return list(zip(images.split(sizes), labels.split(sizes), strict=True))


def trained(loader: list[Any], **options: Any) -> list[torch.Tensor]:
    model = linear()
    settings = {"epochs": 2, "optimizer": train.sgd(model, 8, lr=0.3), "progress": False, "report": lambda line: None}
    train.fit(model, loader, loader, **{**settings, **options})
    return [p.detach() for p in model.parameters()]


@pytest.mark.parametrize("sizes", [(4, 4, 4, 4), (5, 3, 7, 1), (8, 8), (2, 6, 5)])
def test_accumulated_batches_are_one_large_batch(sizes: tuple[int, ...]) -> None:
    pairs = [sum(sizes[n : n + 2]) for n in range(0, len(sizes), 2)]
    small = trained(batches(*sizes), update=Update(accumulate=2))
    large = trained(batches(*pairs))
    for a, b in zip(small, large, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_the_schedule_counts_updates() -> None:
    seen: list[tuple[int, int, int]] = []

    class Watch(train.Schedule):
        name = "watch"

        def value(self, time: float, base_lr: float) -> float:
            return base_lr

        def at(self, epoch: int, step: int = 0, steps: int = 1) -> float:
            seen.append((epoch, step, steps))
            return super().at(epoch, step, steps)

    model = linear()
    optimizer = train.sgd(model, 8)
    train.fit(
        model, batches(4, 4, 4, 4, 4), batches(4), epochs=1, optimizer=optimizer, schedule=Watch(optimizer),
        update=Update(accumulate=2), progress=False, report=lambda line: None,
    )  # fmt: skip
    assert seen[1:] == [(0, 0, 3), (0, 1, 3), (0, 2, 3)]


def test_clipping_bounds_norm_and_values() -> None:
    loader = batches(16)
    start = [p.detach() for p in linear().parameters()]

    def moved(**bounds: Any) -> torch.Tensor:
        plain = {"optimizer": None}
        model = linear()
        plain["optimizer"] = train.sgd(model, 8, lr=1.0, momentum=0.0, weight_decay=0.0)
        train.fit(
            model, loader, loader, epochs=1, update=Update(**bounds), progress=False, report=lambda line: None, **plain
        )  # fmt: skip
        return torch.cat([(a - b.detach()).flatten() for a, b in zip(start, model.parameters(), strict=True)])

    free = moved()
    assert free.norm() > 0.1 and free.abs().max() > 0.02
    torch.testing.assert_close(moved(clip_norm=0.1), free * 0.1 / (free.norm() + 1e-6))
    torch.testing.assert_close(moved(clip_value=0.02), free.clamp(-0.02, 0.02))
    torch.testing.assert_close(moved(clip_norm=100.0, clip_value=100.0), free)


def test_averages_follow_and_are_what_is_evaluated(small_run: ModuleType, tmp_path: Path) -> None:
    seen: list[dict[str, torch.Tensor]] = []
    plain = small_run.Run(None)  # the same run without averages

    def watch(output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append({n: t.clone() for n, t in plain.model.state_dict().items()})
        return nn.functional.cross_entropy(output, labels, label_smoothing=0.1)

    plain.fit(loss=watch)
    seen.append({n: t.clone() for n, t in plain.model.state_dict().items()})
    run = small_run.Run(tmp_path)
    rows = run.fit(update=Update(ema=0.9))
    for name in ("5.weight", "1.running_var"):
        # running statistics move before the loss is known, so the first one seen is behind the first batch
        average = seen[0][name] if name == "5.weight" else torch.ones(4)
        later = [s[name] for s in seen[1:]] if name == "5.weight" else [s[name] for s in seen[:-1]]
        for value in later:
            average = 0.9 * average + 0.1 * value
        torch.testing.assert_close(run.model.state_dict()[name], average, rtol=1e-4, atol=1e-6)
    assert run.model.state_dict()["1.num_batches_tracked"] == 24
    loss, acc1, _ = train.evaluate(run.model, run.test, progress=False)
    assert (loss, acc1) == (rows[-1].eval_loss, rows[-1].eval_acc1)
    last = train.load_checkpoint(run.keeper.last.path)
    torch.testing.assert_close(last.model["5.weight"], seen[-1]["5.weight"], rtol=0, atol=0)
    assert torch.equal(last.extra["ema"]["5.weight"], run.model.state_dict()["5.weight"])
    with pytest.raises(TrainingError, match="with a ema"):
        small_run.Run(tmp_path).fit(resume="last")
    again = small_run.Run(tmp_path)
    again.fit(resume="last", update=Update(ema=0.9))  # nothing to do, but the averages are there
    assert torch.equal(again.model.state_dict()["5.weight"], run.model.state_dict()["5.weight"])


def test_all_options_at_once_resume_to_the_last_bit(small_run: ModuleType, tmp_path: Path) -> None:
    options = {"update": Update(accumulate=2, clip_norm=1.0, clip_value=0.5, ema=0.95), "loss": "mix", "amp": True}
    whole = small_run.Run(tmp_path / "whole")
    whole.fit(**options)
    first = small_run.Run(tmp_path / "cut")
    with pytest.raises(ZeroDivisionError):
        first.fit(on_epoch=lambda row: 1 / 0, **options)
    second = small_run.Run(tmp_path / "cut")
    second.fit(resume="last", **options)
    assert second.bits() == whole.bits()


def test_outputs_of_all_steps_and_mixed_labels() -> None:
    graph = ng.Graph("steps")
    graph.connect(graph.input("image", (6,)), graph.population("lif", ng.LIF(threshold=0.2)), ng.Dense(20))
    graph.connect("lif", graph.output("logits", readout=ng.Steps()), ng.Dense(3))
    torch.manual_seed(0)
    model = ng.compile(graph, "torch", steps=3, seed=0)
    loader = [(x.float(), y) for x, y in batches(8, 8)]
    rows = [(x, nn.functional.one_hot(y, 3).float()) for x, y in loader]
    optimizer = train.adam(model, 8, lr=0.02)
    options = {"epochs": 20, "optimizer": optimizer, "progress": False, "report": lambda line: None}
    table = train.fit(model, rows, loader, loss=train.loss("tet", lam=0.05), **options)
    assert table[-1].train_loss < table[0].train_loss and table[-1].eval_acc1 > 60
    output = torch.cat([model.eval()(x).mean(0) for x, _ in loader])
    right = 100 * (output.argmax(1) == torch.cat([y for _, y in loader])).double().mean()
    assert table[-1].eval_acc1 == pytest.approx(float(right))


def test_bad_settings() -> None:
    for bad in ({"accumulate": 0}, {"accumulate": 1.5}, {"clip_norm": 0.0}, {"clip_value": -1.0}):
        with pytest.raises(TrainingError, match=next(iter(bad))):
            Update(**bad)
    for decay in (1.0, -0.1, "0.9"):
        with pytest.raises(TrainingError, match="ema is"):
            trained(batches(4), update=Update(ema=decay))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers(name: str) -> None:
    module = nn.Linear(2, 2)
    made = train.optimizer(name, module, 64, weight_decay=0.01)
    assert [g["weight_decay"] for g in made.param_groups] == [0.01, 0.0]
    rate = 0.1 * 64 / 256 if name == "sgd" else 5e-3 * 64 / 1024
    assert made.param_groups[0]["lr"] == pytest.approx(rate)
    assert train.optimizer(name.upper(), module, 64, lr=0.5).param_groups[1]["lr"] == 0.5
    with pytest.raises(TrainingError, match="batch_size"):
        train.optimizer(name, module, 0)
    with pytest.raises(TrainingError, match="lr is"):
        train.optimizer(name, module, 8, lr=float("nan"))
    with pytest.raises(TrainingError, match="momentun"):
        train.optimizer(name, module, 8, momentun=0.9)


def test_sgd_settings() -> None:
    group = train.sgd(nn.Linear(2, 2), 8, momentum=0.8, nesterov=True).param_groups[0]
    assert group["momentum"] == 0.8 and group["nesterov"]
    for bad in ({"momentum": 1.0}, {"momentum": 0.0, "nesterov": True}):
        with pytest.raises(TrainingError, match="momentum"):
            train.sgd(nn.Linear(2, 2), 8, **bad)
    with pytest.raises(TrainingError, match="unknown optimizer 'lion'; known are: adam, adamw, sgd"):
        train.optimizer("lion", nn.Linear(2, 2), 8)


def rates(name: str, **settings: Any) -> list[float]:
    made = train.schedule(name, train.sgd(nn.Linear(2, 2), 8, lr=0.8), 8, **settings)
    return [made.at(epoch, 0, 10) for epoch in range(9)]


def test_schedules() -> None:
    assert rates("constant") == [0.8] * 9
    assert rates("linear", min_lr=0.4) == pytest.approx([0.8 - 0.05 * n for n in range(9)])
    assert rates("step") == pytest.approx([0.8] * 4 + [0.08] * 2 + [0.008] * 3)
    assert rates("step", milestones=[1, 3], gamma=0.5) == pytest.approx([0.8, 0.4, 0.4, *[0.2] * 6])
    assert rates("warmup-cosine", warmup_epochs=2, warmup_lr=0.0)[1] == pytest.approx(0.4)
    moving = train.schedule("linear", train.sgd(nn.Linear(2, 2), 8, lr=0.8), 8, per_step=True)
    assert moving.at(3, 5, 10) == pytest.approx(0.8 * (1 - 3.5 / 8))
    with pytest.raises(TrainingError, match="unknown schedule 'exp'"):
        rates("exp")
    for name, bad in (
        ("linear", {"min_lr": -1}),
        ("step", {"milestones": [2, 1]}),
        ("step", {"gamma": 0}),
        ("step", {"x": 1}),
    ):
        with pytest.raises(TrainingError):
            rates(name, **bad)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_states_of_schedules(name: str) -> None:
    optimizer = train.sgd(nn.Linear(2, 2), 8, lr=0.8)
    one = train.schedule(name, optimizer, 8)
    rate, state = one.at(6), one.state_dict()
    other = train.schedule(name, train.sgd(nn.Linear(2, 2), 8, lr=0.8), 8)
    other.load_state_dict(state)
    assert other.optimizer.param_groups[0]["lr"] == rate
    with pytest.raises(TrainingError, match="base_lrs is"):
        train.schedule(name, train.sgd(nn.Linear(2, 2), 8, lr=0.5), 8).load_state_dict(state)
