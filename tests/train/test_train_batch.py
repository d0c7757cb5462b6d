"""What users hand to fit by mistake: loaders, labels, outputs, models, optimizers; each is told what, where, the rule and the fix."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import neurograph as ng
from neurograph import data, train
from neurograph.errors import DataError, NeuroGraphError, ShapeError

Y = torch.arange(24) % 3
X = torch.rand(24, 6, generator=torch.Generator().manual_seed(0))


def graph(outputs: int = 1) -> ng.Graph:
    graph = ng.Graph("net")
    hidden = graph.population("hidden", ng.LIF())
    graph.connect(graph.input("x", 6), hidden, ng.Dense(8))
    for k in range(outputs):
        graph.connect(hidden, graph.output(f"logits{k}"), ng.Dense(3))
    return graph


def loader(labels: Any = Y, images: Any = X) -> DataLoader[Any]:
    return DataLoader(TensorDataset(images, labels), 8)


def fit(given: Any, *, outputs: int = 1, test: Any = None, **options: Any) -> list[train.EpochRow]:
    model = options.pop("model", None) or ng.compile(graph(outputs), steps=4)
    parameters = model.parameters() if isinstance(model, torch.nn.Module) else [torch.zeros(1, requires_grad=True)]
    usual = {"epochs": 1, "optimizer": torch.optim.SGD(parameters, 0.1), "progress": False, "report": lambda line: None}
    return train.fit(model, given, given if test is None else test, **{**usual, **options})


ONE_HOT = torch.nn.functional.one_hot(Y, 3)
LABELS: dict[str, tuple[Any, str]] = {
    "too many classes": (Y + 1, r"from 1 to 3; for 3 outputs.*from 0 to 2.*count classes from 0"),
    "below 0": (Y - 1, "from -1 to 1; for 3 outputs"),
    "floats for numbers": (Y.float(), r"labels are float32 \(8,\).*labels.long\(\)"),
    "a column": (Y[:, None], r"int64 \(8, 1\).*give labels\[:, 0\]"),
    "one-hot numbers": (ONE_HOT, r"int64 \(8, 3\).*labels.argmax\(1\)"),
    "weights of too many classes": (torch.rand(24, 4), r"float32 \(8, 4\).*as many outputs as there are classes"),
    "truth": (Y > 0, r"labels are bool \(8,\).*give whole numbers"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels(name: str) -> None:
    labels, match = LABELS[name]
    with pytest.raises(DataError, match=f"fit: labels are.*{match}|fit: {match}"):
        fit(loader(labels))
    with pytest.raises(DataError, match=f"evaluation: .*{match}"):
        train.evaluate(ng.compile(graph(), steps=4), loader(labels), progress=False)
    with pytest.raises(DataError, match="evaluation, epoch 0"):
        fit(loader(), test=loader(labels))


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.int16])
def test_labels_of_other_whole_numbers_are_those_labels(kind: torch.dtype) -> None:
    assert fit(loader(Y.to(kind)))[0].train_loss == fit(loader())[0].train_loss


def test_arrays_are_a_batch_too() -> None:
    batches = [(x.numpy(), y.numpy()) for x, y in loader()]
    assert fit(batches)[0].train_loss == fit(loader())[0].train_loss
    assert fit(loader(ONE_HOT.float()))[0].train_loss == pytest.approx(fit(loader())[0].train_loss)


LOADERS: dict[str, tuple[Any, str]] = {
    "a dict": ([{"x": X, "y": Y}], r"gave a dict of 2 parts; a batch is a pair \(images, labels\).*collate_fn"),
    "three parts": ([(X, Y, Y)], "gave a tuple of 3 parts"),
    "images alone": ([X], r"gave a Tensor of 24 parts; a batch is a pair"),
    "no length": ((pair for pair in loader()), "the train loader is a generator without a length.*len"),
    "the data set itself": (TensorDataset(X, Y), r"gave one sample \(6,\) with one label.*DataLoader\(dataset"),
    "pairs of names": ([({"x": X}, Y)], "gave a dict and a Tensor; a batch is a pair of tensors"),
}


@pytest.mark.parametrize("name", LOADERS)
def test_loaders(name: str) -> None:
    given, match = LOADERS[name]
    with pytest.raises(DataError, match=match):
        fit(given)


def test_samples_before_steps() -> None:
    sequences = torch.rand(24, 5, 6)
    with pytest.raises(ShapeError, match=r"gives \(8, 5, 6\), samples first.*images.transpose\(0, 1\)"):
        fit(loader(images=sequences))
    swapped = [(x.transpose(0, 1), y) for x, y in loader(images=sequences)]
    assert len(fit(swapped)) == 1


def test_outputs() -> None:
    with pytest.raises(ShapeError, match="has the outputs logits0, logits1; fit trains a network of one output"):
        fit(loader(), outputs=2)
    maps = ng.Graph("map")
    maps.connect(maps.input("x", (1, 6, 6)), maps.output("y"), ng.Conv2d(3, 3))
    with pytest.raises(ShapeError, match=r"returned \(8, 3, 4, 4\) for 8 images.*Dense\(classes\)"):
        fit(loader(images=torch.rand(24, 1, 6, 6)), model=ng.compile(maps, steps=1))


PARTS: dict[str, tuple[dict[str, Any], str]] = {
    "a graph": ({"model": graph()}, r"the model is a Graph.*ng.compile\(graph, 'torch'"),
    "a simulator": ({"model": ng.compile(graph(), "numba")}, r"the model is a NumbaProgram"),
    "a name": ({"optimizer": "adamw"}, r"optimizer is 'adamw'.*train.optimizer\('adamw', model"),
    "another's": (
        {"optimizer": torch.optim.SGD(ng.compile(graph()).parameters(), 0.1)},
        "holds no parameter of this model.*each compile",
    ),
    "a loss as a class": ({"loss": torch.nn.CrossEntropyLoss}, "loss is the class CrossEntropyLoss.*with the brackets"),
    "a loss for each": (
        {"loss": torch.nn.CrossEntropyLoss(reduction="none")},
        r"gave a tensor \(8,\); it must give one number.*reduction='mean'",
    ),
    "a loss that is a number": ({"loss": lambda output, labels: 1.0}, "gave a float; it must give one number"),
    "no loss": ({"loss": 3}, "loss is a int"),
    "torch's schedule": ({"schedule": SimpleNamespace(step=None)}, r"schedule is a SimpleNamespace.*train.schedule\("),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts(name: str) -> None:
    options, match = PARTS[name]
    with pytest.raises(train.TrainingError, match=match):
        fit(loader(), **options)


def test_evaluate_takes_a_torch_module() -> None:
    with pytest.raises(train.TrainingError, match="evaluate: the model is a NumbaProgram"):
        train.evaluate(PARTS["a simulator"][0]["model"], loader())


def test_every_message_ends_with_what_to_do() -> None:
    """Each says what, the rule and the fix, in parts that semicolons or colons divide."""
    for given, _ in [*LABELS.values()]:
        with pytest.raises(NeuroGraphError) as caught:
            fit(loader(given))
        assert len(re.split("[;:]", str(caught.value))) >= 3
    with pytest.raises(DataError):
        fit([(np.zeros((2, 6)), "labels")])


class Elsewhere(torch.nn.Module):
    """A model on another device than the CPU, which says where it is sent and where its images come from."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(6, 3, device="meta"))
        self.came: list[torch.device] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.came.append(images.device)
        return images @ self.weight


def test_a_model_is_trained_and_tested_where_it_is() -> None:
    """A model that a user has moved to a GPU is not moved back: "meta" stands for it here."""
    model = Elsewhere()
    # numbers of that device cannot be read, so it ends at the first loss
    with pytest.raises((NeuroGraphError, RuntimeError, NotImplementedError)):
        fit(loader(), model=model)
    with pytest.raises((NeuroGraphError, RuntimeError, NotImplementedError)):
        train.evaluate(model, loader(), progress=False)
    assert {place.type for place in model.came} == {"meta"} and model.weight.device.type == "meta"
    train.measure_statistics(model, loader())
    assert {place.type for place in model.came} == {"meta"}


def test_a_context_says_where() -> None:
    model = ng.compile(graph(), steps=4).to("meta")
    with train.distributed.context("cpu"), pytest.raises(NotImplementedError, match="meta"):
        fit(loader(), model=model)  # it is sent to the CPU, which torch refuses
    assert train.distributed.current() is train.distributed.ALONE


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda_here() -> None:
    with pytest.raises(ng.BackendError, match="torch sees 0 CUDA devices"):
        fit(loader(), device="cuda")
    with pytest.raises(ng.BackendError, match="torch sees 0 CUDA devices"):
        train.evaluate(ng.compile(graph(), steps=4), loader(), device="cuda")
    part = data.ImageData.of(np.zeros((4, 8, 8), np.uint8), [0, 1, 0, 1])
    with pytest.raises(DataError, match="Batches: device is 'cuda'; torch sees no CUDA device"):
        data.Batches(part, 2, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_model_on_a_gpu_stays_there() -> None:
    model = ng.compile(graph(), steps=4, device="cuda")
    rows = fit(loader(), model=model)
    assert model.device.type == "cuda" and np.isfinite(rows[0].train_loss)
    assert train.evaluate(model, loader(), progress=False)[0] == pytest.approx(rows[0].eval_loss, rel=1e-5)


def test_optimizers_and_updates_of_other_things() -> None:
    model = ng.compile(graph(), steps=4)
    with pytest.raises(train.TrainingError, match=r"made of the model itself, such as adamw\(model.*a generator"):
        train.adamw(model.parameters(), 8)  # type: ignore[arg-type]
    for bound in ("1", True, 0):
        with pytest.raises(train.TrainingError, match="clip_norm is .*a number above 0"):
            train.Update(clip_norm=bound)  # type: ignore[arg-type]
