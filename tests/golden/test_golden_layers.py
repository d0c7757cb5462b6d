"""Layers BrainCog was recorded on: threshold-dependent batch norm, voting, lateral inhibition."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.projections.operator import Run

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "braincog.json").read_text())["cases"] if FOLDER else []
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
BACKENDS = ("torch", "numba", "reference")


def recorded(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    case = next((c for c in CASES if c["id"] == name), None)
    if case is None:
        pytest.skip("NEUROGRAPH_GOLDEN names no folder with this case")
    with np.load(Path(FOLDER or ".") / "braincog.npz") as file:
        return case["params"], {n: file[entry["key"]] for n, entry in case["arrays"].items()}


def ran(backend: str, operator: ng.Operator, x: np.ndarray) -> np.ndarray:
    """What the operator makes of a static input in a graph."""
    graph = ng.Graph()
    graph.connect(graph.input("x", x.shape[1:]), graph.output("y"), operator)
    y = ng.compile(graph, backend, dtype="float32")(torch.tensor(x) if backend == "torch" else x, 1)
    return np.asarray(y.detach() if isinstance(y, torch.Tensor) else y)


def test_threshold_dependent_batch_norm() -> None:
    params, found = recorded("layer/tdBN")
    norm = ng.BatchNorm(weight=params["alpha"] * params["threshold"])
    shape = found["x"].shape[1:]
    held = {
        n: np.array(w.init(np.random.default_rng(0), w.shape), np.float32)
        for n, w in norm.weights(shape, shape).items()
    }
    np.testing.assert_array_equal(held["weight"], found["weight"])
    tensors = {n: torch.tensor(a) for n, a in held.items()}
    run = Run(len(found["x"]), 1, training=True)
    np.testing.assert_allclose(norm.torch(torch.tensor(found["x"]), tensors, run), found["y"], **CLOSE)
    np.testing.assert_allclose(norm.numpy(found["x"], held, run), found["y"], **CLOSE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_voting(backend: str) -> None:
    _, found = recorded("layer/VotingLayer")
    np.testing.assert_allclose(ran(backend, ng.Voting(5), found["x"]), found["y"], **CLOSE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_lateral_inhibition(backend: str) -> None:
    params, found = recorded("layer/LateralInhibition")
    taken = ran(backend, ng.LateralInhibition(params["inh"]), found["spikes"])
    np.testing.assert_allclose(found["mem_before"] + taken, found["mem_after"], **CLOSE)
    assert np.any(taken < 0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tau", [None, 2.0, 4.0])
def test_inhibition_of_the_next_step_is_what_is_taken_from_the_potential(backend: str, tau: float | None) -> None:
    """A population that projects to itself, against BrainCog's order of things written out."""
    x, strength = np.random.default_rng(2).uniform(0.0, 1.5, (12, 3, 4, 2, 2)), 0.4
    neuron = ng.IF() if tau is None else ng.LIF(tau=tau)
    graph = ng.Graph()
    n = graph.population("n", neuron, (4, 2, 2))
    graph.connect(graph.input("x", (4, 2, 2)), n)
    graph.connect(n, n, ng.LateralInhibition(strength * (1.0 if tau is None else tau - 1.0)), delay=1.0)
    graph.connect(n, graph.output("y", readout=ng.Steps()))
    program = ng.compile(graph, backend, dtype="float64")
    y = np.asarray(program(torch.tensor(x) if backend == "torch" else x))
    v, expected = np.zeros(x.shape[1:]), []
    for now in x:
        v = v + now if tau is None else v + (now - v) / tau
        s = (v > 0.5).astype(float)
        v = v * (1 - s)
        v = v - strength * (s.max(1, keepdims=True) - s)
        expected.append(s)
    assert np.array_equal(y, np.array(expected)) and 0.05 < y.mean() < 0.9


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ng.Voting(0), "how many values become one"),
        (lambda: ng.Voting(2.5), "size is a whole number"),
        (lambda: ng.LateralInhibition(float("nan")), "finite"),
    ],
)
def test_wrong_settings_are_refused(make: Any, said: str) -> None:
    with pytest.raises(ng.SpecError, match=said):
        make()


def test_voters_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ng.ShapeError, match=r"Voting\(3\): the last axis of \(20,\) is no multiple of 3"):
        ng.Voting(3).shape((20,), None)
