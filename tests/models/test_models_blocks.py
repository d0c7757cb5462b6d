"""What the blocks of the recipes compute, against the same in plain torch, and how their weights begin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, max_pool2d

import neurograph as ng
from neurograph import models

Tensor = torch.Tensor


class Plain:
    """Layers of a program's weights by name, in evaluation, with max(x, 0), at most `high`, for neurons."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.w = {n: torch.tensor(a) for n, a in weights.items()}
        self.high = math.inf

    def conv(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = self.w[f"{name}.conv2d.weight"]
        return conv2d(x, kernel, self.w.get(f"{name}.conv2d.bias"), stride, kernel.shape[-1] // 2)

    def norm(self, x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            self.w[f"{name}.batch_norm.{k}"] for k in ("running_mean", "running_var", "weight", "bias")
        )
        return batch_norm(x, mean, var, scale, shift)

    def unit(self, x: Tensor, name: str, stride: int = 1) -> Tensor:
        return self.norm(self.conv(x, name, stride), name).clamp(0.0, self.high)

    def head(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) @ self.w["head.dense.weight"].T + self.w["head.dense.bias"]

    def preactivation(self, x: Tensor, name: str, stride: int) -> Tensor:
        convs = [k for k in (1, 2, 3) if f"{name}.conv{k}.conv2d.weight" in self.w]
        y = self.norm(x, f"{name}.norm1").relu()
        for k in convs:
            y = self.conv(y, f"{name}.conv{k}", stride if k == len(convs) - 1 else 1)
            y = y if k == convs[-1] else self.norm(y, f"{name}.conv{k}").relu()
        if f"{name}.shortcut.conv.conv2d.weight" in self.w:
            x = self.conv(self.norm(x, f"{name}.shortcut.norm").relu(), f"{name}.shortcut.conv", stride)
        return y + x

    def sew(self, x: Tensor, name: str, stride: int, g: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        convs = [k for k in (1, 2, 3) if f"{name}.conv{k}.conv2d.weight" in self.w]
        y = x
        for k in convs:
            y = self.unit(y, f"{name}.conv{k}", stride if k == len(convs) - 1 else 1)
        if f"{name}.shortcut.conv.conv2d.weight" in self.w:
            x = self.unit(x, f"{name}.shortcut.conv", stride)
        return g(x, y)


def blocks(weights: dict[str, Any]) -> list[tuple[str, int]]:
    """Names of the blocks in order, with their strides."""
    names = dict.fromkeys(".".join(n.split(".")[:2]) for n in weights if n.startswith("stage"))
    return [(n, 2 if n.endswith("block1") and not n.startswith("stage1") else 1) for n in names]


def pair_of(graph: ng.Graph, firing: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, Plain, Tensor]:
    """What the graph answers, the same weights in torch, and the picture."""
    weights = firing(ng.compile(graph, "numba", dtype="float64", seed=3))
    x = np.random.default_rng(1).uniform(size=(2, *shape))
    return ng.compile(graph, "numba", dtype="float64", weights=weights)(x, 1), Plain(weights), torch.tensor(x)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_preactivation(name: str, tiny: Any, firing: Any) -> None:
    answer, plain, x = pair_of(tiny(name, ng.ReLU()), firing, (3, 8, 8))
    y = plain.conv(x, "stem.conv")
    for block, stride in blocks(plain.w):
        y = plain.preactivation(y, block, stride)
    np.testing.assert_allclose(answer, plain.head(plain.norm(y, "head")), rtol=1e-9)


@pytest.mark.parametrize("name", ["sew_resnet18", "sew_resnet50"])
@pytest.mark.parametrize(
    ("g", "rule"),
    [("add", lambda x, y: x + y), ("and", lambda x, y: x * y), ("iand", lambda x, y: x * (1 - y))],
)
def test_sew(name: str, g: str, rule: Any, tiny: Any, firing: Any) -> None:
    # bounded, because products of rectified values would soon be larger than floats are
    answer, plain, x = pair_of(tiny(name, ng.Clamp(), g=g, stem="7x7", stem_pool=True), firing, (3, 8, 8))
    plain.high = 1.0
    y = max_pool2d(plain.unit(x, "stem.conv", 2), 3, 2, 1)
    for block, stride in blocks(plain.w):
        y = plain.sew(y, block, stride, rule)
    np.testing.assert_allclose(answer, plain.head(y), rtol=1e-9, atol=1e-12)


def test_what_sew_adds_or_keeps_are_spikes(tiny: Any, firing: Any) -> None:
    for g, most in (("add", 9.0), ("and", 1.0), ("iand", 1.0)):
        graph = tiny("sew_resnet18", g=g)
        outs = [p for p in graph.populations if p.name.endswith(".out")]
        for p in outs:
            graph.probe(p)
        program = ng.compile(graph, "numba", dtype="float64", seed=3)
        program = ng.compile(graph, "numba", dtype="float64", weights=firing(program))
        program(np.random.default_rng(1).uniform(0, 3, (4, 2, 3, 8, 8)))
        values = np.unique(np.concatenate([r.array().ravel() for r in program.recordings.values()]))
        assert np.array_equal(values, np.round(values)) and values.min() >= 0 and values.max() <= most


def test_resnet19_adds_before_the_second_neurons(tiny: Any, firing: Any) -> None:
    answer, plain, x = pair_of(tiny("resnet19", ng.ReLU()), firing, (3, 8, 8))
    y = plain.unit(x, "stem.conv")
    for block, stride in blocks(plain.w):
        inner = plain.unit(y, f"{block}.conv1", stride)
        short = y if stride == 1 else plain.conv(y, f"{block}.shortcut", stride)
        short = plain.norm(short, f"{block}.shortcut") if block.endswith("block1") else short
        y = (plain.norm(plain.conv(inner, f"{block}.conv2"), f"{block}.conv2") + short).relu()
    hidden = (y.mean((2, 3)) @ plain.w["fc1.linear.dense.weight"].T + plain.w["fc1.linear.dense.bias"]).relu()
    expected = hidden @ plain.w["head.dense.weight"].T + plain.w["head.dense.bias"]
    np.testing.assert_allclose(answer, expected, rtol=1e-9)


def test_batch_norm_of_resnet19_begins_at_the_threshold() -> None:
    def starts(neuron: ng.Neuron, **options: Any) -> set[float]:
        graph = models.recipe("resnet19")(4, neuron, 0.05, (3, 8, 8), **options)
        norms = (o for p in graph.projections.values() for o in p.operators if isinstance(o, ng.BatchNorm))
        return {round(o.weight, 9) for o in norms}

    half = 1 / math.sqrt(2)
    # what reaches the membrane begins with the spread of the threshold: a LIF takes up x / tau
    assert starts(ng.LIF(threshold=0.5)) == starts(ng.PLIF(threshold=0.5)) == {1.0, round(half, 9)}
    assert starts(ng.LIF(threshold=0.5), alpha=1.0) == {0.5, round(0.5 * half, 9)}
    assert starts(ng.LIF(threshold=0.5, tau=4.0, decay_input=False)) == {0.5, round(0.5 * half, 9)}
    assert starts(ng.IF(threshold=ng.learnable(2.0)), alpha=0.5) == {1.0, round(half, 9)}
    assert starts(ng.ReLU()) == {1.0, round(half, 9)}


@pytest.mark.parametrize("neuron", [ng.LIF(), ng.LIF(threshold=0.5, tau=4.0), ng.IF(), ng.PLIF(tau=3.0)], ids=repr)
def test_and_blocks_of_sew_begin_as_the_identity(neuron: ng.Neuron) -> None:
    graph = models.recipe("sew_resnet18")(4, neuron, 0.05, (3, 8, 8), g="and")
    for name in ("stem.lif", "stage1.block2.out"):
        graph.probe(name, graph.nodes[name].neuron.outputs[0])
    program = ng.compile(graph, "torch", steps=3, seed=1)
    program(torch.rand(4, 3, 8, 8))
    before, after = (recording.array() for recording in program.recordings.values())
    assert before.any() and np.array_equal(before, after)


def test_convolutions_of_resnets_begin_as_kaiming_says() -> None:
    program = ng.compile(models.recipe("resnet18")(width=0.5, input_shape=(3, 8, 8)), "numba", seed=5)
    kernel = program.weights()["stage4.block2.conv1.conv2d.weight"]
    assert kernel.shape == (256, 256, 3, 3)
    assert abs(float(kernel.std()) / math.sqrt(2 / (256 * 9)) - 1) < 0.01 and abs(float(kernel.mean())) < 1e-4
    again = ng.compile(models.recipe("resnet18")(width=0.5, input_shape=(3, 8, 8)), "numba", seed=6).weights()
    assert not np.array_equal(kernel, again["stage4.block2.conv1.conv2d.weight"])


def test_attention_is_q_k_v_without_softmax(tiny: Any, firing: Any) -> None:
    graph = tiny("spikformer", heads=3, dim=240)
    graph.probe("block2.attention.mixed")
    for n in "qkv":
        graph.probe(f"block2.attention.{n}", "spike")
    program = ng.compile(graph, "numba", dtype="float64", seed=3)
    program = ng.compile(graph, "numba", dtype="float64", weights=firing(program))
    program(np.random.default_rng(1).uniform(0, 3, (3, 2, 3, 8, 8)))
    found = {
        k.removeprefix("block2.attention.").removesuffix(".spike"): r.array() for k, r in program.recordings.items()
    }
    # [T, N, 12, 2, 2]: three heads of four features, four tokens
    q, k, v = (found[n].reshape(3, 2, 3, 4, 4).swapaxes(-1, -2) for n in "qkv")
    assert all(0 < a.mean() < 1 for a in (q, k, v))
    np.testing.assert_array_equal(found["mixed"], q @ k.swapaxes(-1, -2) @ v)


def test_spikformers_attention_neurons_have_half_the_threshold() -> None:
    for neuron, expected in ((None, 0.5), (ng.LIF(threshold=0.3), 0.15), (ng.IF(threshold=ng.learnable(1.0)), None)):
        graph = models.recipe("spikformer")(4, neuron, 0.05, (3, 8, 8))
        threshold = graph.nodes["block1.attention.lif"].neuron.params["threshold"]
        assert threshold == expected or isinstance(threshold, ng.Learnable)


def test_voters_answer_with_their_mean_rate(tiny: Any, firing: Any) -> None:
    graph = tiny("plif_net_mnist")
    graph.probe("fc2.lif", "spike")
    program = ng.compile(graph, "numba", dtype="float64", seed=3)
    program = ng.compile(graph, "numba", dtype="float64", weights=firing(program))
    y = program(np.random.default_rng(1).uniform(0, 3, (6, 2, 1, 8, 8)))
    rates = next(iter(program.recordings.values())).array().mean(0)
    np.testing.assert_allclose(y, rates.reshape(2, 4, 10).mean(-1), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: models.recipe("resnet18")(stem="5x5"), r"resnet18\(stem='5x5'\): choose one of 3x3, 7x7"),
        (lambda: models.recipe("sew_resnet34")(g="or"), r"sew_resnet34\(g='or'\): choose one of add, and, iand"),
        (lambda: models.recipe("spikformer")(heads=0), "depth, dim and heads are 1 or more"),
        (lambda: models.recipe("spikformer")(pools=5), "pools 0 to 4"),
        (lambda: models.recipe("spikformer")(input_shape=(3, 2, 2)), "at least one pixel"),
        (lambda: models.recipe("shallow_convnet")(channels=()), "at least one convolution"),
        (lambda: models.recipe("cifar_convnet")(width="wide"), r"cifar_convnet\(num_classes=10, width='wide'\)"),
        (lambda: models.recipe("vgg_snn")(2.5), r"vgg_snn\(num_classes=2.5, width=1.0\): a whole number and a number"),
        (
            lambda: models.recipe("resnet18")(input_shape=32),
            r"resnet18\(input_shape=32\): give \(channels, height, width\)",
        ),
        (lambda: models.recipe("sequential")(input_shape=28), r"sequential\(input_shape=28\): one axis of features"),
        (lambda: models.recipe("dvs_convnet")(stages=()), "at least one convolution"),
        (lambda: ng.lower(models.recipe("dvs_convnet")(input_shape=(2, 8, 8))), "the window is larger than its input"),
        (lambda: ng.Conv2d(4, 3, weight=ng.Normal(0.0, -1.0)), "sd"),
    ],
)
def test_wrong_settings_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ng.NeuroGraphError, match=said):
        make()


def test_iand_needs_two_arrivals_of_one_shape() -> None:
    with pytest.raises(ng.ShapeError, match="two arrivals of equal shape"):
        ng.IAnd().shape([(3,), (3,), (3,)])
    x, a = np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0])
    assert (
        ng.IAnd().numpy([x, a]).tolist() == ng.IAnd().torch([torch.tensor(x), torch.tensor(a)]).tolist() == [0, 1, 0, 0]
    )
