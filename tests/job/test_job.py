"""A training run as one description: data, network, batches, optimizer and the model file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import neurograph as ng
from neurograph.data import Compose, Normalize, RandomErasing
from neurograph.io.files import load_model
from neurograph.job import Job, Training, filled, graph_of, load_parts, load_splits, maker_of, neuron_of, sample_shape
from neurograph.job import loaders as batches_of
from neurograph.job.network import changed_neuron
from neurograph.job.presets import activation_training
from neurograph.job.training import loss_of, optimizer_of, schedule_of
from neurograph.train import Keeper, TrainingError

TINY: dict[str, Any] = {"width": 0.02, "steps": 2, "limit": 64, "epochs": 1, "batch": 16, "device": "cpu"}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    for place in ("neurograph.data.frame_cache", "neurograph.data.registry", "neurograph.data"):
        monkeypatch.setattr(f"{place}.cache_folder", lambda: tmp_path / "cache" / "data")
    return Job(recipe="shallow_convnet", dataset="nmnist", example=10, folder=tmp_path / "run", **TINY)


def test_the_defaults_are_the_published_ones() -> None:
    job = Job()
    assert (job.threshold, job.tau, job.weight_decay, job.smoothing, job.seed) == (0.5, 2.0, 1e-4, 0.1, 42)
    assert (job.warmup_epochs, job.warmup_lr, job.min_lr, job.optimizer, job.lr) == (None, 1e-6, 1e-5, "adamw", None)
    model = torch.nn.Linear(2, 2)
    assert optimizer_of(job, model).defaults["lr"] == 6.25e-4
    assert optimizer_of(replace(job, accumulate=2), model).defaults["lr"] == 1.25e-3
    assert optimizer_of(replace(job, optimizer="sgd", lr=0.3, momentum=0.5), model).param_groups[0]["momentum"] == 0.5
    assert repr(loss_of(job)) == "CrossEntropy(smoothing=0.1)" and "smoothing" not in repr(
        loss_of(replace(job, loss="mse"))
    )


def test_the_published_schedule_in_the_demonstration_of_two_epochs() -> None:
    model = torch.nn.Linear(2, 2)
    job = Job(schedule="braincog", epochs=2)
    optimizer = optimizer_of(job, model)
    schedule = schedule_of(job, optimizer)
    assert [round(schedule.at(e, 0, 1), 7) for e in range(2)] == [1e-6, 1.258e-4]
    assert schedule_of(replace(job, schedule="constant"), optimizer_of(job, model)).at(1, 0, 1) == 6.25e-4


def test_a_schedule_is_given_the_settings_that_it_has() -> None:
    def made(**given: Any) -> Any:
        job = Job(epochs=10, warmup_lr=2e-6, min_lr=3e-5, **given)
        return schedule_of(job, optimizer_of(job, torch.nn.Linear(2, 2)))

    for name in ("warmup-cosine", "braincog", "short"):
        one = made(schedule=name, warmup_epochs=2.0)
        assert (one.warmup_epochs, one.warmup_lr, one.min_lr) == (2.0, 2e-6, 3e-5)
        assert made(schedule=name).warmup_epochs == (1.0 if name == "short" else 5.0)
    assert made(schedule="linear").at(10) == pytest.approx(3e-5)
    assert made(schedule="step").at(9) == pytest.approx(6.25e-6)
    with pytest.raises(TrainingError, match="unknown schedule 'best'; known are"):
        made(schedule="best")


def test_the_seed_of_a_job_covers_dropout(tmp_path: Path) -> None:
    def table(name: str, seed: int) -> list[float]:
        tiny = {**TINY, "width": 0.05, "threshold": 0.1}
        job = Job(recipe="mnist_convnet", dataset="digits", folder=tmp_path / name, batches=2, seed=42, **tiny)
        parts = load_parts(job)
        run = Training(job, graph_of(job, parts), parts)
        run.job = replace(job, seed=seed)  # after the weights are drawn: order and dropout only
        return [row.train_loss for row in run.fit(report=lambda line: None, progress=False)]

    torch.manual_seed(1)
    first = table("first", 5)
    torch.manual_seed(2)
    torch.rand(3)
    assert table("second", 5) == first != table("third", 6)


def test_checkpoints_within_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    save = Keeper.save_within
    monkeypatch.setattr(
        Keeper, "save_within", lambda k, epoch, step, **p: (steps.append(step), save(k, epoch, step, **p))
    )
    settings = {"stages": ((4,), (4,))}
    for every in (2, None):
        job = Job(
            dataset="digits", folder=tmp_path / str(every), settings=settings, batches=4, checkpoint_every=every, **TINY
        )
        parts = load_parts(job)
        Training(job, graph_of(job, parts), parts).fit(report=lambda line: None, progress=False)
    assert steps == [2]  # the fourth is the epoch's own


def test_a_neuron_is_given_what_it_takes() -> None:
    assert neuron_of(Job(threshold=0.3)).params["threshold"] == 0.3
    plif = neuron_of(Job(node="PLIFNode", surrogate="AtanGrad"))
    assert isinstance(plif.params["surrogate_alpha"], type(ng.learnable(1.0)))
    assert type(neuron_of(Job(node="ReLU"))).__name__ == "ReLU"
    assert "detach_reset=False" in repr(neuron_of(Job(detach_reset=False)))
    assert repr(neuron_of(Job(detach_reset=True))) == repr(neuron_of(Job()))
    with pytest.raises(ng.SpecError, match="unknown neuron 'LFI'"):
        neuron_of(Job(node="LFI"))


def test_pictures_run_from_job_to_model_file(tmp_path: Path) -> None:
    job = Job(dataset="digits", folder=tmp_path / "run", settings={"stages": ((4,), (4,))}, **TINY)
    parts = load_parts(job)
    run = Training(job, graph_of(job, parts), parts)
    untrained = load_model(run.save(tmp_path / "untrained.h5")).meta
    assert untrained["epochs"] == 0 and "test_accuracy" not in untrained
    rows = run.fit(report=lambda line: None, progress=False)
    held = load_model(run.save(tmp_path / "net.h5", more=1))
    assert parts.kind == "limited" and (len(parts.train), len(parts.test)) == (64, 12) and parts.noun == "images"
    assert held.meta["test_accuracy"] == rows[-1].eval_acc1 and held.meta["more"] == 1
    assert held.meta["job"]["settings"] == str({"stages": ((4,), (4,))}) and "folder" not in held.meta["job"]
    weights = {n: p.detach().numpy() for n, p in run.program.named_parameters()}
    assert weights and run.weights == sum(w.size for w in weights.values())


def test_events_are_frames(events: Job) -> None:
    parts = load_parts(events, lambda line: None)
    assert parts.kind == "example" and parts.events and parts.noun == "recordings"
    assert parts.train.shape == (2, 34, 34) and parts.train.steps == 2
    x, labels = next(iter(batches_of.training(replace(events, mix="eventmix", batch=5), parts, "cpu")))
    assert x.shape == (2, 5, 2, 34, 34) and labels.shape == (5, 10) and labels.is_floating_point()
    assert batches_of.augmentation(events, parts)[0] is None  # N-MNIST is shifted by its saccades
    splits = load_splits(replace(events, frames="voxel_grid", size=20), lambda line: None)
    assert (
        splits.shape(replace(events, frames="voxel_grid", size=20))
        == (1, 20, 20)
        == sample_shape(splits.train, "voxel_grid", 20)
    )
    graph = graph_of(events, parts)
    Training(events, graph, parts)
    with pytest.raises(ng.ShapeError, match=r"nmnist has samples of shape \(2, 34, 34\)"):
        Training(events, graph_of(replace(events, settings={"input_shape": (2, 20, 20)}), parts), parts)


def test_augmentation_by_name() -> None:
    job = Job(dataset="digits", **TINY)
    parts = load_parts(job)
    usual, normalize = batches_of.augmentation(job, parts)
    assert usual is not None and normalize
    assert batches_of.augmentation(replace(job, augment="none"), parts) == (None, True)
    strong, normalize = batches_of.augmentation(replace(job, augment="randaugment"), parts)
    assert isinstance(strong, Compose) and not normalize
    assert [type(t) for t in strong.transforms[-2:]] == [Normalize, RandomErasing]
    x, labels = next(iter(batches_of.training(replace(job, augment="randaugment", mix="cutmix"), parts, "cpu")))
    assert x.shape == (16, 1, 8, 8) and labels.shape == (16, 10)
    for wrong in ({"augment": "best"}, {"mix": "all"}, {"mix": "eventmix"}):
        with pytest.raises(ng.DataError):
            batches_of.training(replace(job, **wrong), parts, "cpu")


def test_batches_of_several_processes() -> None:
    job = Job(dataset="digits", **TINY)
    parts = load_parts(job)
    sides = [next(iter(batches_of.training(job, parts, "cpu", rank=r, world=2)))[1] for r in range(2)]
    whole = next(iter(batches_of.training(job, parts, "cpu")))[1]
    assert torch.equal(torch.cat(sides), whole)
    assert batches_of.testing(job, parts, "cpu", rank=1, world=2).world == 2
    assert not batches_of.training(job, parts, "cpu").balance
    assert batches_of.training(replace(job, balance=True), parts, "cpu").balance
    odd = replace(parts, test=parts.test.first(9))
    assert batches_of.testing(job, odd, "cpu", rank=1, world=2).world == 1


def test_makers_of_frames_by_name() -> None:
    assert maker_of("number", 4).steps == 4 and maker_of("by_time", 3).steps == 3
    made: Any = maker_of("duration:duration_us=5000", 2)
    assert made.duration_us == 5000
    for wrong in ("slices", "duration", "number:steps=3", "time:a=b", "duration:50"):
        with pytest.raises(ng.DataError):
            maker_of(wrong, 2)


def test_sizes_for_the_machine() -> None:
    assert filled({"epochs": 3}, "cifar10", full=False) == {"width": 0.125, "steps": 4, "limit": 5000}
    assert filled({}, "dvsg", full=True) == {"width": 1.0, "steps": 10, "epochs": 200}
    assert "limit" not in filled({}, "digits", full=False)


def test_a_setting_that_a_recipe_does_not_take_is_named() -> None:
    job = Job(dataset="digits", settings={"depth": 3}, **TINY)
    with pytest.raises(ng.SpecError, match="recipe 'cifar_convnet' has no setting 'depth'"):
        graph_of(job, load_parts(job))


def test_a_neuron_of_its_own_is_changed_in_what_is_said() -> None:
    own = ng.PLIF(threshold=1.0, w=ng.learnable(0.3), v_rest=0.1)
    assert changed_neuron(own, threshold=0.7).params == {**own.params, "threshold": 0.7}
    tau = changed_neuron(own, tau=4.0)
    assert isinstance(tau.params["w"], type(ng.learnable(1.0))) and tau.params["w"].value == pytest.approx(
        -1.0986, abs=1e-4
    )
    assert tau.params["v_rest"] == 0.1
    atan = changed_neuron(own, surrogate="QGateGrad")
    assert type(atan.options["surrogate"]).__name__ == "QGate" and atan.params["surrogate_alpha"] == ng.learnable(2.0)
    trained = changed_neuron(ng.LIF(tau=ng.learnable(3.0, per="channel")), tau=5.0)
    assert trained.params["tau"] == ng.learnable(5.0, per="channel")
    assert type(changed_neuron(ng.IF(detach_reset=False), surrogate="AtanGrad")) is ng.IF
    with pytest.raises(ng.SpecError, match="IF has no 'tau'"):
        changed_neuron(ng.IF(), tau=2.0)
    with pytest.raises(ng.SpecError, match="one tau above 1"):
        changed_neuron(own, tau=0.5)


def test_recipes_of_activations_are_trained_as_with_adamw_only_by_it() -> None:
    assert activation_training("adamw") == {"lr": 3e-3, "weight_decay": 2e-2, "smoothing": 0.0}
    assert activation_training("adam") == {"lr": 3e-3, "smoothing": 0.0} and activation_training("sgd") == {}


def test_a_limit_that_cuts_nothing_leaves_real_data() -> None:
    splits = load_splits(Job(dataset="digits"))
    assert splits.first(None) is splits and splits.first(10**6) is splits and splits.kind == "real"
    assert splits.first(1000).kind == "limited"
