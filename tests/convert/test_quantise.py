"""Networks with quantised activations: made from a trained one, fine-tuned, converted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.activations.quantised import QCFS
from neurograph.activations.rectifier import ReLU
from neurograph.activations.smooth import Tanh
from neurograph.convert import convert
from neurograph.convert.passes.observe import largest, percentile
from neurograph.convert.quantise import quantised
from neurograph.convert.recipes.qcfs import qcfs

IMAGES = np.random.default_rng(0).uniform(0.0, 1.0, (140, 2, 6, 6)).astype(np.float32)


def net(activation: ng.Neuron | None = None) -> ng.Graph:
    graph = ng.Graph("net")
    a, b = (graph.population(n, activation or ReLU()) for n in "ab")
    graph.connect(graph.input("x", (2, 6, 6)), a, ng.Conv2d(4, 3, padding=1), ng.BatchNorm(), name="p1")
    graph.connect(a, b, ng.MaxPool2d(2), ng.Flatten(), ng.Dense(10), name="p2")
    graph.connect(b, graph.output("y"), ng.Dense(3), name="p3")
    return graph


def test_activations_become_quantised_and_weights_stay() -> None:
    program = ng.compile(net(), seed=3)
    graph = quantised(net(), IMAGES, levels=8, weights=program)
    held = ng.compile(graph).weights()
    for name, value in program.weights().items():
        assert torch.equal(held[name], value), name
    assert set(held) - set(program.weights()) == {"a.threshold", "b.threshold"}
    neurons = {n.name: n.neuron for n in graph.populations}
    assert all(isinstance(n, QCFS) and n.options["levels"] == 8 for n in neurons.values())
    with torch.no_grad():
        a = torch.relu(_conv(program, IMAGES))
    assert neurons["a"].params["threshold"].value == pytest.approx(np.percentile(a.double().numpy(), 99.9), rel=1e-5)


def _conv(program: ng.backends.torch.TorchProgram, images: np.ndarray) -> torch.Tensor:  # type: ignore[name-defined]
    w = program.weights()
    y = torch.nn.functional.conv2d(torch.as_tensor(images), w["p1.conv2d.weight"], w["p1.conv2d.bias"], padding=1)
    mean, var = w["p1.batch_norm.running_mean"], w["p1.batch_norm.running_var"]
    return torch.nn.functional.batch_norm(y, mean, var, w["p1.batch_norm.weight"], w["p1.batch_norm.bias"])


def test_thresholds_per_channel_are_learnt_per_channel() -> None:
    graph = quantised(net(), IMAGES, observe=largest("channel"), weights=ng.compile(net()))
    program = ng.compile(graph)
    parameters = dict(program.named_parameters())
    assert parameters["a.threshold"].shape == (4, 1, 1) and parameters["b.threshold"].shape == (10,)
    program(torch.as_tensor(IMAGES[:20]), 1).square().sum().backward()
    assert all(torch.any(parameters[f"{n}.threshold"].grad != 0) for n in "ab")


@pytest.mark.parametrize("per", ["layer", "channel"])
def test_a_trained_network_keeps_its_thresholds_and_its_answers(per: str) -> None:
    """At T = L, with a static input, the first layer is the quantised one exactly; the answer comes near for large T."""
    ann = quantised(net(), IMAGES, levels=8, observe=percentile(99.0, per), weights=ng.compile(net(), seed=1))
    program = ng.compile(ann, dtype="float64")
    with torch.no_grad():
        for name, parameter in program.named_parameters():
            if name.endswith("threshold"):
                parameter *= 1.1
    snn, report = convert(ann, qcfs(potential=None), IMAGES, weights=program)
    assert report.history[-3:] == ["observe", "lower pools", "place"]
    held = program.weights()
    for node in snn.populations:
        theta = held[f"{node.name}.threshold"].numpy()
        np.testing.assert_allclose(np.broadcast_to(node.neuron.params["threshold"], theta.shape), theta, rtol=1e-6)
        np.testing.assert_allclose(node.neuron.params["v0"], np.asarray(node.neuron.params["threshold"]) / 2)
    a = ng.compile(ann, dtype="float64", weights=program, steps=1).eval()(torch.as_tensor(IMAGES, dtype=torch.float64))
    y = ng.compile(snn, "torch", dtype="float64").eval()(torch.as_tensor(IMAGES, dtype=torch.float64), 256)
    # the levels are not there in a longer run: half a step of each is left
    assert torch.mean(torch.abs(y - a)) < 0.1 * a.std()


def test_one_layer_equals_its_quantised_activation_at_its_levels() -> None:
    graph = ng.Graph()
    a = graph.population("a", QCFS(levels=4, threshold=ng.learnable(2.0)))
    graph.connect(graph.input("x", 16), a, ng.Dense(weight=np.eye(16), bias=False))
    graph.connect(a, graph.output("y"), ng.Dense(weight=np.eye(16), bias=False))
    x = np.linspace(-0.9, 3.1, 16, dtype=np.float32)[None]
    snn, _ = convert(graph, qcfs(), x)
    ann = ng.compile(graph, "reference", steps=1)(x)
    assert np.array_equal(ann, 0.5 * np.clip(np.floor(x * 2 + 0.5), 0, 4))
    np.testing.assert_allclose(ng.compile(snn, "reference")(x, 4), ann, atol=1e-12)


def test_what_cannot_be_quantised_is_refused() -> None:
    with pytest.raises(ng.GraphError, match="has no ReLU, ReLU6 or Clamp from 0"):
        quantised(net(Tanh()), IMAGES, weights=ng.compile(net(Tanh())))
    with pytest.raises(ng.GraphError, match="has no ReLU"):
        quantised(net(QCFS()), IMAGES, weights=ng.compile(net(QCFS())))
    with pytest.raises(ng.SpecError, match=r"quantised\(levels=0\)"):
        quantised(net(), IMAGES, levels=0)
    with pytest.raises(ng.ShapeError, match=r"images of shape \(6, 6\)"):
        quantised(net(), IMAGES[:, 0], weights=ng.compile(net()))
    with pytest.raises(ng.SpecError, match=r"ReLU\(\), which has no trained threshold"):
        convert(net(), "qcfs", IMAGES, weights=ng.compile(net()))
