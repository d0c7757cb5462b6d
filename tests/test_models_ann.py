"""Recipes of artificial networks: shapes, numbers of weights, and the same answers on every backend as in torch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph import models


def count(graph: ng.Graph) -> int:
    weights = ng.lower(graph).weights.values()
    return sum(math.prod(w.shape) for w in weights if w.learnable and not w.buffer)


def shapes(graph: ng.Graph) -> dict[str, tuple[int, ...]]:
    """The shape of every population."""
    tape = ng.lower(graph)
    return {i.name: tape.slots[i.outs[0]].shape for i in tape.walk() if i.op == "neuron"}


def images(shape: tuple[int, int, int], seed: int = 0, batch: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(batch, *shape)).astype(np.float32)


def lived_in(graph: ng.Graph, shape: tuple[int, int, int]) -> torch.nn.Module:
    """A model whose batch norm has seen data, in evaluation."""
    model = ng.compile(graph, steps=1, seed=3)
    with torch.no_grad():
        for seed in range(4):
            model(torch.tensor(images(shape, seed, 16)))
    return model.eval()


def test_lenet5_is_the_published_one() -> None:
    graph = models.recipe("lenet5")()
    assert count(graph) == 61_706 + 2 * (6 + 16)
    assert shapes(graph) == {"c1": (6, 28, 28), "c3": (16, 10, 10), "c5": (120,), "f6": (84,)}
    assert ng.lower(graph).weights["fc1.dense.weight"].shape == (120, 400)
    assert list(graph.projections) == ["conv1", "conv2", "fc1", "fc2", "fc3"]


@pytest.mark.parametrize(
    ("shape", "c3", "fan_in"),
    [((1, 8, 8), (16, 4, 4), 64), ((3, 32, 32), (16, 12, 12), 576), ((1, 12, 14), (16, 2, 3), 16), ((1, 4, 9), (16, 2, 4), 32)],
)  # fmt: skip
def test_lenet5_fits_other_pictures(shape: tuple[int, int, int], c3: tuple[int, ...], fan_in: int) -> None:
    graph = models.recipe("lenet5")(7, input_shape=shape)
    assert shapes(graph)["c3"] == c3
    assert ng.lower(graph).weights["fc1.dense.weight"].shape == (120, fan_in)
    assert ng.compile(graph, "numba", steps=1)(images(shape)).shape == (3, 7)


class TorchLeNet5(nn.Sequential):
    """The same network in torch's own modules."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip


def test_lenet5_computes_what_torch_computes() -> None:
    model = lived_in(models.recipe("lenet5")(), (1, 28, 28))
    net, weights = TorchLeNet5().eval(), list(model.weights().values())
    kept = [v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")]
    for ours, theirs in zip(weights, kept, strict=True):
        theirs.copy_(ours)
    x = torch.tensor(images((1, 28, 28), 9))
    torch.testing.assert_close(model(x), net(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("depth", [8, 14])
def test_resnet_has_the_stages_of_its_depth(depth: int) -> None:
    graph = models.recipe("resnet_cifar")(depth=depth)
    blocks = (depth - 2) // 6
    found = shapes(graph)
    assert len(found) == 1 + 6 * blocks and found["stem.act"] == (16, 32, 32)
    for stage, shape in enumerate([(16, 32, 32), (32, 16, 16), (64, 8, 8)], 1):
        for block in range(1, blocks + 1):
            assert found[f"stage{stage}.block{block}.act1"] == found[f"stage{stage}.block{block}.act2"] == shape
    shortcuts = [p for n, p in graph.projections.items() if n.endswith("shortcut") and p.operators]
    assert [p.name for p in shortcuts] == ["stage2.block1.shortcut", "stage3.block1.shortcut"]


def test_resnet_counts() -> None:
    stem, head = 3 * 16 * 9 + 32, 64 * 10 + 10
    stages = [(16, 16), (16, 32), (32, 64)]
    blocks = sum(9 * o * (i + o) + 4 * o + (i * o + 2 * o if i != o else 0) for i, o in stages)
    assert count(models.recipe("resnet_cifar")()) == stem + blocks + head == 78_042


def test_a_residual_sum_is_two_projections_at_one_population() -> None:
    model = lived_in(models.recipe("resnet_cifar")(width=4, input_shape=(3, 8, 8)), (3, 8, 8))
    w, x = model.weights(), torch.tensor(images((3, 8, 8), 5))

    def conv(x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
        kernel = w[f"{name}.conv2d.weight"]
        y = nn.functional.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        mean, var, scale, shift = (
            w[f"{name}.batch_norm.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
        )
        return nn.functional.batch_norm(y, mean, var, scale, shift)

    y = conv(x, "stem.conv").relu()
    for k in (1, 2, 3):
        name, stride = f"stage{k}.block1", 1 if k == 1 else 2
        inner = conv(y, f"{name}.conv1", stride).relu()
        y = (conv(inner, f"{name}.conv2") + (y if k == 1 else conv(y, f"{name}.shortcut", stride))).relu()
    expected = y.mean((2, 3)) @ w["head.dense.weight"].T + w["head.dense.bias"]
    torch.testing.assert_close(model(x), expected, rtol=1e-5, atol=1e-6)


CASES = {
    "lenet5": (lambda: models.recipe("lenet5")(), (1, 28, 28)),
    "lenet5, average": (lambda: models.recipe("lenet5")(pool="avg", input_shape=(1, 8, 8)), (1, 8, 8)),
    "lenet5, quantised": (
        lambda: models.recipe("lenet5")(
            activation=[ng.QCFS(levels=4, threshold=ng.learnable(t)) for t in (1.0, 2.0, 1.5, 0.5)], input_shape=(1, 8, 8)
        ),
        (1, 8, 8),
    ),
    "resnet_cifar": (lambda: models.recipe("resnet_cifar")(width=4, input_shape=(3, 8, 8)), (3, 8, 8)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_every_backend_gives_the_same_answers(name: str) -> None:
    make, shape = CASES[name]
    model, x = lived_in(make(), shape), images(shape, 8)
    expected = model(torch.tensor(x)).detach().numpy()
    assert np.ptp(expected) > 0
    for backend in ("numba", "reference"):
        found = ng.compile(make(), backend, weights=model, steps=1)(x)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=backend)


def test_each_population_has_an_activation_of_its_own() -> None:
    graph = CASES["lenet5, quantised"][0]()
    model = ng.compile(graph, steps=1)
    assert [model.weights()[f"{n}.threshold"].item() for n in ("c1", "c3", "c5", "f6")] == [1.0, 2.0, 1.5, 0.5]
    x = torch.tensor(images((1, 8, 8)))
    nn.functional.cross_entropy(model(x), torch.tensor([0, 1, 2])).backward()
    assert all(p.grad is not None and torch.any(p.grad != 0) for p in model.parameters())


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("lenet5", {"num_classes": 0}, "num_classes=0"),
        ("lenet5", {"input_shape": (1, 3, 28)}, "at least 4x4"),
        ("lenet5", {"pool": "min"}, "max, avg"),
        ("lenet5", {"activation": [ng.ReLU()] * 3}, "3 activations for the 4 populations"),
        ("resnet_cifar", {"depth": 10}, "depth=10"),
        ("resnet_cifar", {"depth": 2}, "depth=2"),
        ("resnet_cifar", {"width": 0}, "width=0"),
    ],
)
def test_settings_that_make_no_network(name: str, settings: dict[str, object], says: str) -> None:
    with pytest.raises(ng.SpecError, match=says):
        models.recipe(name)(**settings)
