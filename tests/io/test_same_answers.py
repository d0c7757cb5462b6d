"""A graph that was loaded compiles, and answers to the last bit as the one that was saved."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.constructed import members

NEURONS = sorted(n for n, cls in members("neuron").items() if cls.inputs)
SIZES: dict[str, dict[str, Any]] = {"cifar_convnet": {"width": 0.02}}


@pytest.mark.parametrize("name", NEURONS)
def test_every_neuron(name: str, solo: Any, tmp_path: Path, parts: Any) -> None:
    compared = 0
    for seed in range(12):
        neuron = parts.part(members("neuron")[name], random.Random(f"{name}{seed}"))
        graph, rng = solo(neuron, parts.SHAPE), np.random.default_rng(seed)
        inputs = {p: rng.normal(1.0, 2.0, (5, 2, *parts.SHAPE)) for p in neuron.inputs}
        loaded = ng.load(ng.save(graph, tmp_path / "a.h5"))
        with np.errstate(all="ignore"):
            try:
                answer = ng.compile(graph, "reference", dt=0.1).run(inputs)[0]["out"]
            except (ng.NeuroGraphError, ArithmeticError):
                continue  # parameters at random that do not go together
            np.testing.assert_array_equal(ng.compile(loaded, "reference", dt=0.1).run(inputs)[0]["out"], answer)
        compared += 1
        if compared == 3:
            break
    assert compared


@pytest.mark.parametrize("ending", [".json", ".h5"])
@pytest.mark.parametrize("name", ["cifar_convnet", "lenet5"])
def test_recipes_with_inputs(name: str, ending: str, tmp_path: Path) -> None:
    graph = models.recipe(name)(**SIZES.get(name, {}))
    loaded = ng.load(ng.save(graph, tmp_path / f"a{ending}"))
    x = np.random.default_rng(0).random((2, *graph.inputs[0].shape)).astype(np.float32)
    answers = [np.asarray(ng.compile(g, "reference", dtype="float32", seed=4, steps=2)(x)) for g in (graph, loaded)]
    np.testing.assert_array_equal(*answers)


def test_a_circuit(tmp_path: Path) -> None:
    graph = models.recipe("brunel")(n_exc=200)
    loaded = ng.load(ng.save(graph, tmp_path / "a.json"))
    counts = []
    for g in (graph, loaded):
        sim = ng.compile(g, "numba", dt=0.1, seed=2)
        sim.run(20.0)
        counts.append(sim.spike_counts())
    for name in counts[0]:
        np.testing.assert_array_equal(counts[0][name], counts[1][name])


@pytest.mark.parametrize("start", ["no parameter", None, {}, [[1], [2, 3]], np.array(["a"]), 10**40])
def test_a_state_starts_from_numbers(start: Any) -> None:
    with pytest.raises(ng.SpecError, match="a state starts from a number, an array, a distribution"):
        ng.LIF(v=start)


@pytest.mark.parametrize("value", ["text", {}, [[1], [2, 3]], ng.LIF(), np.array(["a"])])
def test_weights_and_delays_are_numbers(value: Any) -> None:
    graph = ng.Graph()
    graph.population("n", ng.LIF(), 3)
    for what in ("weight", "delay"):
        with pytest.raises(ng.SpecError, match=f"{what}=.*give a number, an array of numbers or a distribution"):
            graph.connect("n", "n", ng.FixedProbability(0.5), **{what: value})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ng.Dense(2.5), "features is a whole number or None"),
        (lambda: ng.Dense(True), "features is a whole number"),
        (lambda: ng.Conv2d(4, "3"), "kernel='3' at .*give a whole number or two of them"),
        (lambda: ng.Conv2d(10**30, 3), "channels is a whole number"),
        (lambda: ng.BatchNorm(affine="no"), "affine is True or False"),
        (lambda: ng.LayerNorm(bias=np.ones(3)), "bias is True or False"),
        (lambda: ng.Dropout("0.5"), "p is a number"),
        (lambda: ng.Permute(0, "1"), "Permute|order is a whole number"),
        (lambda: ng.MatMul(transposed=1), "transposed is True or False"),
        (lambda: ng.Latency("4"), "period is a whole number or None"),
        (lambda: ng.Atan("wide"), "alpha must be above 0"),
        (lambda: ng.Atan(2.0, strict="yes"), "strict is True or False"),
    ],
)
def test_constructors_look_at_types(make: Any, message: str) -> None:
    with pytest.raises(ng.SpecError, match=message) as caught:
        make()
    assert "test_same_answers.py" in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ng.Conv2d(4),
            r"Conv2d\(4\) at .*test_same_answers.*missing a required argument: 'kernel'; it takes channels",
        ),
        (
            lambda: ng.Conv2d(1, 16, 3),
            "too many positional arguments.*size of what comes in is inferred, and not given",
        ),
        (
            lambda: ng.Conv2d(16, 3, in_channels=1),
            "unexpected keyword argument 'in_channels'; it takes channels, kernel, str",
        ),
        (lambda: ng.Dense(64, 16), "too many positional arguments; it takes features, bias="),
        (lambda: ng.LIF(2.0), r"LIF\(2.0\).*too many positional arguments; it takes threshold=, .*tau="),
        (lambda: ng.Normal(0.0), "missing a required argument: 'sd'; it takes mean, sd, low, high"),
        (lambda: ng.LIF(surrogate=ng.QGate), "pass a Surrogate such as QGate"),
    ],
)
def test_constructors_say_what_they_take(make: Any, message: str) -> None:
    with pytest.raises(ng.SpecError, match=message):
        make()


def test_numbers_of_numpy_are_taken() -> None:
    assert ng.Dense(np.int64(3)).features == 3 and ng.Dropout(0).p == 0
