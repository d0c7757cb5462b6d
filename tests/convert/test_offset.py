"""Offset spikes: neurons that fired too often or too little in a short run start from another potential."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.convert.offset import run_corrected
from neurograph.nodes.burst import BurstIF

BACKENDS = ("reference", "numba", "torch")

# theta = 1, v(0) = 1/2; by columns: too early, too late, as it should be, never
CURRENTS = np.array([[1.0, 0.0, 0.5, -1.0], [-1.0, 0.0, 0.5, 0.0], [0.0, 0.0, 0.5, 0.0], [0.0, 2.0, 0.5, 0.0]])


def net(readout: ng.Readout | None = None, **options: Any) -> ng.Graph:
    graph = ng.Graph()
    a = graph.population("a", BurstIF(**{"threshold": 1.0, "v0": 0.5, **options}))
    graph.connect(graph.input("x", 4), a)
    graph.connect(a, graph.output("y", readout=readout or ng.Sum()))
    return graph


def spikes(backend: str, x: np.ndarray, steps: int | None = None, **options: Any) -> np.ndarray:
    program = ng.compile(net(), backend, dtype="float64")
    given = x
    if backend == "torch":
        import torch

        given = torch.as_tensor(x)
    return np.asarray(run_corrected(program, given, steps, **options)[0]["y"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_spike_too_many_or_too_few_is_put_right(backend: str) -> None:
    x = CURRENTS[:, None, :]
    plain = ng.compile(net(), "reference").run(x)[0]["y"]
    assert plain.tolist() == [[1.0, 1.0, 2.0, 0.0]]
    assert spikes(backend, x).tolist() == [[0.0, 2.0, 2.0, 0.0]]  # the sums of the currents
    assert spikes(backend, x, method="silence").tolist() == [[0.0, 1.0, 2.0, 0.0]]


@pytest.mark.parametrize("backend", BACKENDS)
def test_images_are_corrected_one_by_one_and_a_static_input_too(backend: str) -> None:
    x = np.stack([CURRENTS, CURRENTS[:, ::-1], np.zeros((4, 4))], axis=1)
    assert spikes(backend, x).tolist() == [[0.0, 2.0, 2.0, 0.0], [0.0, 2.0, 2.0, 0.0], [0.0] * 4]
    steady = np.array([[0.25, 0.5, 2.0, -0.5]])
    assert spikes(backend, steady, 8, rho=2).tolist() == [[2.0, 4.0, 8.0, 0.0]]


def test_the_short_run_is_forgotten_but_for_the_potentials() -> None:
    """A pool over time remembers its sums; the second run begins without them."""
    graph = ng.Graph()
    a = graph.population("a", BurstIF(threshold=ng.learnable(0.7), v0=0.35))
    graph.connect(graph.input("x", (1, 4, 4)), a, ng.CumulativeMaxPool2d(2))
    graph.connect(a, graph.output("y", readout=ng.Steps()))
    x = np.random.default_rng(0).normal(0.3, 1.0, (6, 3, 1, 4, 4))
    program = ng.compile(graph, "reference")
    _, after = program.run(x[:3])
    v = after["a.v"]
    start = 0.35 + 0.7 * (v >= 0.7) - 0.7 * (v < 0)
    expected, last = program.run(x, 6, {"a.v": start})
    found, state = run_corrected(program, x, rho=3)
    assert np.array_equal(found["y"], expected["y"]) and np.array_equal(state["a.v"], last["a.v"])
    assert state["step"] == 6


def test_a_torch_program_stays_in_training() -> None:
    import torch

    program = ng.compile(net(), "torch")
    answer, _ = run_corrected(program, torch.rand(2, 4), 8)
    assert program.training and answer["y"].shape == (2, 4) and not answer["y"].requires_grad


@pytest.mark.parametrize("options", [{"rho": 0}, {"rho": 2.0}, {"method": "raise"}])
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ng.DataError, match=rf"run_corrected\({next(iter(options))}="):
        spikes("reference", CURRENTS[:, None, :], **options)


def test_without_potentials_that_tell_nothing_can_be_corrected() -> None:
    program = ng.compile(net(reset="hard"), "reference")
    with pytest.raises(ng.GraphError, match="no BurstIF neurons of soft reset"):
        run_corrected(program, CURRENTS[:, None, :])
