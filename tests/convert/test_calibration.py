"""Passes that compare spiking neurons with the activations they stand for, and local threshold balancing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.activations.rectifier import ReLU, ReLU6
from neurograph.convert import Conversion, Recipe, convert
from neurograph.convert.convert import run
from neurograph.convert.passes.bias import add_bias
from neurograph.convert.passes.calibrate import CalibrateBias, CalibratePotential, in_order, mean_activity, means
from neurograph.convert.passes.local_balance import DelayAnswer, LocalBalance
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.observe import largest
from neurograph.convert.passes.place import Place
from neurograph.convert.recipes.calibrated import calibrated
from neurograph.convert.recipes.local_balance import local_threshold_balancing
from neurograph.convert.recipes.rate import rate

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0.0, 1.0, (130, 2, 8, 8)).astype(np.float32)  # a short last batch


def small_net() -> ng.Graph:
    """Convolution, max pool, a residual sum and two dense layers, with fixed weights."""
    rng = np.random.default_rng(3)
    graph = ng.Graph("small")
    x, a, b, c = graph.input("x", (2, 8, 8)), *(graph.population(n, ReLU()) for n in "abc")
    conv = ng.Conv2d(4, 3, padding=1)
    graph.connect(x, a, conv.started(weight=rng.normal(0, 0.4, (4, 2, 3, 3)), bias=rng.normal(0, 0.1, 4)))
    graph.connect(a, b, ng.MaxPool2d(2))
    graph.connect(a, b, conv.started(weight=rng.normal(0, 0.2, (4, 4, 3, 3)), bias=np.zeros(4)), ng.MaxPool2d(2))
    graph.connect(b, c, ng.Flatten(), ng.Dense(weight=rng.normal(0, 0.2, (6, 64)), bias=rng.normal(0, 0.1, 6)))
    graph.connect(c, graph.output("y"), ng.Dense(weight=rng.normal(0, 0.5, (3, 6)), bias=False))
    return graph


def mean_errors(graph: ng.Graph, analogue: ng.Graph, steps: int) -> dict[str, np.ndarray]:
    """Mean of theta r - a per channel of each spiking population."""
    out = {}
    for node in graph.populations:
        if "threshold" in node.neuron.params:
            wanted = mean_activity(analogue, [node.name], IMAGES, 1)[node.name]
            rate = mean_activity(graph, [node.name], IMAGES, steps)[node.name]
            error = rate * node.neuron.params["threshold"] - wanted
            out[node.name] = error.reshape(len(error), -1).mean(1)
    return out


@pytest.mark.parametrize("steps", [8, 32])
def test_bias_calibration_takes_the_mean_error_away(steps: int) -> None:
    plain, report = convert(small_net(), rate(start=0.0), IMAGES)
    corrected, _ = convert(small_net(), rate(start=0.0).after("place", CalibrateBias(steps)), IMAGES)
    assert report.analogue is not None
    before, after = (mean_errors(g, report.analogue, steps) for g in (plain, corrected))
    assert set(before) == {"a", "a_pooled", "b", "c"}
    for name in before:  # without v(0), half a spike is missing in each neuron that is active
        assert np.abs(after[name]).max() < 0.25 * np.abs(before[name]).max(), name


def test_bias_calibration_of_one_neuron_by_hand() -> None:
    """theta = 1, x = 0.3 and 0.5 for 10 steps from v = 0: 2 and 5 spikes (0.3 * 10 = 3 in exact numbers), a mean of 0.4."""
    graph = ng.Graph()
    a = graph.population("a", ReLU())
    graph.connect(graph.input("x", 1), a, ng.Dense(weight=np.ones((1, 1)), bias=False))
    graph.connect(a, graph.output("y"), ng.Dense(weight=np.ones((1, 1)), bias=False))
    images = np.array([[0.29], [0.5], [1.0]], np.float32)
    recipe = Recipe("test", (Normalise(), largest(), Place(start=0.0), CalibrateBias(10)))
    snn, _ = run(recipe, graph, images)
    (dense,) = next(iter(snn.projections.values())).operators
    assert dense.starts["bias"] == pytest.approx([(0.29 + 0.5 + 1.0) / 3 - (0.2 + 0.5 + 1.0) / 3], abs=1e-6)


def test_potential_calibration_by_hand() -> None:
    graph = ng.Graph()
    a = graph.population("a", ReLU())
    graph.connect(graph.input("x", 2), a, ng.Dense(weight=np.eye(2), bias=False))
    graph.connect(a, graph.output("y"), ng.Dense(weight=np.ones((1, 2)), bias=False))
    images = np.array([[0.29, 1.0], [0.5, 0.33], [1.0, 0.79]], np.float32)
    for per in ("neuron", "channel"):
        recipe = Recipe("test", (Normalise(), largest(), Place(start=0.0), CalibratePotential(10, per=per)))
        snn, _ = run(recipe, graph, images)
        neuron = snn.nodes["a"].neuron  # type: ignore[union-attr]
        expected = [(2.9 + 5.0 + 10.0 - 17) / 3, (10.0 + 3.3 + 7.9 - 20) / 3]  # spikes that are missing, of theta = 1
        assert neuron.params["v0"] == pytest.approx(expected, abs=1e-5)


def test_potential_calibration_brings_rates_nearer() -> None:
    plain, report = convert(small_net(), rate(start=0.0), IMAGES)
    corrected, _ = convert(small_net(), rate(start=0.0).after("place", CalibratePotential(16)), IMAGES)
    assert corrected.nodes["b"].neuron.params["v0"].shape == (4, 4, 4)  # type: ignore[union-attr]
    assert report.analogue is not None
    before, after = (mean_errors(g, report.analogue, 16) for g in (plain, corrected))
    for name in before:
        assert np.abs(after[name]).max() < 0.5 * np.abs(before[name]).max(), name


def test_the_calibrated_recipe_has_both_and_a_name() -> None:
    recipe = calibrated(16, max_spikes=2)
    assert [p.name for p in recipe.passes][-3:] == ["place", "calibrate potential", "calibrate bias"]
    assert [p.name for p in calibrated(potential=None).passes][-2:] == ["place", "calibrate bias"]
    graph, report = convert(small_net(), recipe, IMAGES)
    assert report.history[-1] == "calibrate bias" and graph.name == "small_calibrated"
    assert ng.compile(graph, "numba").run(IMAGES[:2], 4)[0]["y"].shape == (2, 3)


# where a constant goes

CASES: dict[str, tuple[tuple[Any, ...], str]] = {
    "conv": ((ng.Conv2d(3, 3),), "Conv2d"),
    "conv without bias": ((ng.Conv2d(3, 3, bias=False),), "Conv2d"),
    "max pool": ((ng.Conv2d(3, 3), ng.MaxPool2d(2)), "Conv2d MaxPool2d"),
    "pool over time": ((ng.Conv2d(3, 3), ng.CumulativeMaxPool2d(3, 2, padding=1)), "Conv2d CumulativeMaxPool2d"),
    "mean pool": ((ng.Conv2d(3, 3), ng.AvgPool2d(2), ng.AdaptiveAvgPool2d(1)), "Conv2d AvgPool2d AdaptiveAvgPool2d"),
    "padded mean": ((ng.Conv2d(3, 3), ng.AvgPool2d(2, padding=1)), "Conv2d AvgPool2d Scale"),
    "padded mean of values": ((ng.Conv2d(3, 3), ng.AvgPool2d(2, padding=1, count_padding=False)), "Conv2d AvgPool2d"),
    "scale": ((ng.Conv2d(3, 3), ng.Scale(2.0), ng.MaxPool2d(2)), "Conv2d Scale MaxPool2d"),
    "scale and shift": ((ng.Conv2d(3, 3), ng.Scale([1.0, -2.0, 3.0], 0.5)), "Conv2d Scale"),
    "no weights": ((ng.MaxPool2d(2),), "MaxPool2d Scale"),
    "dense": ((ng.Flatten(), ng.Dense(3)), "Flatten Dense"),
    "behind a dense layer": ((ng.Flatten(), ng.Dense(12), ng.Reshape((3, 2, 2))), "Flatten Dense Reshape Scale"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bias_arrives_as_it_is(case: str) -> None:
    operators, kinds = CASES[case]
    graph = ng.Graph()
    a = graph.population("a", ng.Relay())
    graph.connect(graph.input("x", (3, 8, 8)), a, *operators, name="p")
    graph.connect(a, graph.output("y"))
    images = np.random.default_rng(2).normal(size=(5, 3, 8, 8)).astype(np.float32)
    conversion = Conversion(graph, graph.with_weights(ng.compile(graph)), images)
    values = np.array([0.5, -1.0, 2.0])
    (before,) = means(conversion.graph, ["a"], images, 3, dtype="float64")
    add_bias(conversion, "a", values)
    (after,) = means(conversion.graph, ["a"], images, 3, dtype="float64")
    expected = np.broadcast_to(values.reshape((3,) + (1,) * (before["a"].ndim - 2)), before["a"].shape)
    np.testing.assert_allclose(after["a"] - before["a"], expected, atol=1e-12)
    assert " ".join(type(o).__name__ for o in conversion.graph.projections["p"].operators) == kinds


@pytest.mark.parametrize("combine", ["add", "concat"])
def test_a_bias_of_several_arrivals(combine: str) -> None:
    graph = ng.Graph()
    x, a = graph.input("x", (2, 6, 6)), graph.population("a", ng.Relay(), combine=combine)
    graph.connect(x, a, ng.MaxPool2d(2), name="pooled")
    graph.connect(x, a, ng.Conv2d(2, 3, padding=1), ng.MaxPool2d(2), name="conv")
    graph.connect(a, graph.output("y"))
    images = np.random.default_rng(2).normal(size=(4, 2, 6, 6)).astype(np.float32)
    conversion = Conversion(graph, graph.with_weights(ng.compile(graph)), images)
    values = np.array([0.5, -1.0] if combine == "add" else [0.5, -1.0, 2.0, 3.0])
    (before,) = means(conversion.graph, ["a"], images, 1, dtype="float64")
    add_bias(conversion, "a", values)
    (after,) = means(conversion.graph, ["a"], images, 1, dtype="float64")
    expected = np.broadcast_to(values[:, None, None], before["a"].shape)
    np.testing.assert_allclose(after["a"] - before["a"], expected, atol=1e-12)
    scaled = any(isinstance(o, ng.Scale) for o in conversion.graph.projections["pooled"].operators)
    assert scaled == (combine == "concat")  # of a sum, the arrival with weights takes all of it
    with pytest.raises(ng.ShapeError, match=r"values of shape \(3,\) for [24] channels"):
        add_bias(conversion, "a", np.zeros(3))


def test_order_follows_the_network() -> None:
    graph = small_net()
    assert in_order(graph, ["c", "a", "b"]) == ["a", "b", "c"]


# local threshold balancing


@pytest.mark.parametrize("per", ["channel", "layer"])
def test_local_balancing_is_that_of_a_loop_by_hand(per: str) -> None:
    rng = np.random.default_rng(5)
    w1, w2 = rng.normal(0, 0.6, (5, 7)), rng.normal(0, 0.6, (4, 5))
    images = rng.uniform(0, 1, (23, 7)).astype(np.float32)
    graph = ng.Graph()
    x, a, b = graph.input("x", 7), graph.population("a", ReLU()), graph.population("b", ReLU())
    graph.connect(x, a, ng.Dense(weight=w1, bias=False))
    graph.connect(a, b, ng.Dense(weight=w2, bias=False))
    graph.connect(b, graph.output("y"), ng.Dense(weight=np.ones((2, 4)), bias=False))
    theta = [np.zeros(5), np.zeros(4)]
    for _ in range(3):
        for start in range(0, 23, 10):
            z1 = images[start : start + 10] @ w1.T
            z2 = np.clip(z1, 0, theta[0]) @ w2.T
            for k, z in enumerate((z1, z2)):
                rise = np.maximum(z - theta[k], 0).mean(0)
                theta[k] = theta[k] + 2 * 0.4 * (rise if per == "channel" else rise.mean())
    conversion = Conversion(graph, graph.copied(), images)
    Normalise().apply(conversion)
    LocalBalance(0.4, passes=3, batch=10, per=per).apply(conversion)
    for k, name in enumerate("ab"):
        theta[k][theta[k] == 0] = theta[k][theta[k] > 0].mean()  # silent ones
        expected = theta[k] if per == "channel" else theta[k][:1]
        np.testing.assert_allclose(conversion.sites[name].theta, expected, rtol=1e-4)
    assert all(isinstance(n.neuron, ReLU) for n in conversion.graph.populations)  # the network itself is as it was


def test_local_balancing_of_maps_keeps_to_a_ceiling() -> None:
    images = np.random.default_rng(0).uniform(0, 1, (40, 2, 4, 4)).astype(np.float32)
    images[:, 1] *= 60
    graph = ng.Graph()
    a = graph.population("a", ReLU6())
    graph.connect(graph.input("x", (2, 4, 4)), a)
    graph.connect(a, graph.output("y"), ng.Flatten(), ng.Dense(weight=np.ones((1, 32)), bias=False))
    conversion = Conversion(graph, graph.copied(), images)
    Normalise().apply(conversion)
    LocalBalance(passes=40).apply(conversion)
    theta = conversion.sites["a"].theta
    assert 0.8 < theta[0] <= 1.0 and theta[1] == 6.0


def test_answers_are_read_when_spikes_come_through() -> None:
    """theta = 1, v(0) = 1/2: a current of 1/8 fires in 4 steps, 1/4 in 2; of each image the largest current counts."""
    graph = ng.Graph()
    x, a, b = graph.input("x", 2), graph.population("a", ReLU()), graph.population("b", ReLU())
    graph.connect(x, a, ng.Dense(weight=np.eye(2), bias=False))
    graph.connect(a, b, ng.Dense(weight=2 * np.eye(2), bias=False))
    graph.connect(b, graph.output("y"), ng.Dense(weight=np.ones((1, 2)), bias=False))
    images = np.array([[0.125, 0.01], [0.0, 0.25]], np.float32)

    class Ones(LocalBalance):
        def apply(self, conversion: Conversion) -> None:
            for site in conversion.sites.values():
                site.threshold = np.ones(1)

    recipe = Recipe("test", (Normalise(), Ones(), Place(), DelayAnswer(2)))
    snn, report = run(recipe, graph, images)
    assert repr(snn.outputs[0].readout) == "MeanFrom(4, least=2)"  # (4 + 2)/2 + (2 + 1)/2 = 4.5
    assert [s.facts["first spike"] for s in report.sites] == pytest.approx([3.0, 1.5])
    y = np.asarray(ng.compile(snn, "reference").run(images[:1], 8)[0]["y"])
    snn.nodes["y"] = type(snn.outputs[0])("y", ng.Steps(), "")
    steps = np.asarray(ng.compile(snn, "reference").run(images[:1], 8)[0]["y"])
    np.testing.assert_allclose(y, steps[4:].mean(0))


def test_local_balancing_as_a_recipe_with_either_pool() -> None:
    for pool, name in ((ng.CumulativeMaxPool2d, "CumulativeMaxPool2d"), (ng.MaxPool2d, "MaxPool2d")):
        recipe = local_threshold_balancing(passes=2, pool=pool, delay=True)
        graph, report = convert(small_net(), recipe, IMAGES)
        assert report.history[-2:] == ["place", "delay answer"]
        kinds = {type(o).__name__ for p in graph.projections.values() for o in p.operators}
        assert name in kinds
    assert "delay answer" not in [p.name for p in local_threshold_balancing(delay=False).passes]


# what is refused


@pytest.mark.parametrize("one", [CalibrateBias(4), CalibratePotential(4), DelayAnswer()])
def test_calibration_comes_after_place(one: Any) -> None:
    with pytest.raises(ng.GraphError, match=f"{one.name}.* after 'place'"):
        one.apply(Conversion(small_net(), small_net(), IMAGES))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CalibrateBias(0), "CalibrateBias.steps=0.*whole number"),
        (lambda: CalibratePotential(4, per="layer"), "per='layer'.*channel, neuron"),
        (lambda: LocalBalance(0.0), "eta is a finite number above 0"),
        (lambda: LocalBalance(passes=0), "passes and batch are whole numbers"),
        (lambda: LocalBalance(per="neuron"), "choose 'layer' or 'channel'"),
        (lambda: DelayAnswer(0), r"DelayAnswer\(least=0\)"),
    ],
)
def test_options_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ng.SpecError, match=message):
        make()
