"""Images that leave a run early, and what is computed once for a run in several windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.convert import answer_early, convert
from neurograph.projections.operator import Run


def network(recipe: str = "rate") -> ng.Graph:
    rng = np.random.default_rng(5)
    graph = ng.Graph("net")
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    conv = ng.Conv2d(3, 3, padding=1).started(weight=rng.normal(0.1, 0.5, (3, 1, 3, 3)), bias=rng.normal(0, 0.1, 3))
    graph.connect(graph.input("image", (1, 6, 6)), a, conv, name="conv1")
    conv = ng.Conv2d(4, 3, padding=1).started(weight=rng.normal(0, 0.4, (4, 3, 3, 3)), bias=rng.normal(0, 0.1, 4))
    graph.connect(a, b, conv, ng.MaxPool2d(2), name="conv2")
    graph.connect(
        b, graph.output("y"), ng.Flatten(), ng.Dense(weight=rng.normal(0, 0.5, (5, 36)), bias=False), name="fc"
    )
    return convert(graph, recipe, images(40))[0]


def images(n: int) -> Any:
    return np.random.default_rng(2).random((n, 1, 6, 6)).astype(np.float32)


def program(backend: str, recipe: str = "rate") -> Any:
    made = ng.compile(network(recipe), backend, dtype="float64")
    return made.eval() if backend == "torch" else made


def answers_of(run: Any, x: Any, steps: int) -> Any:
    given = torch.as_tensor(x, dtype=torch.float64) if run.backend == "torch" else x
    with torch.inference_mode():
        return np.asarray(run.run(given, steps)[0]["y"])


@pytest.mark.parametrize("recipe", ["rate", "equilibrium"])
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_every_image_has_the_answer_of_a_run_as_long_as_its_own(backend: str, recipe: str) -> None:
    run, x = program(backend, recipe), images(23)
    early = answer_early(run, x, 40, patience=5, window=3, batch=10, check=True)
    assert 5 <= early.steps.min() < early.mean_steps < early.steps.max() <= 40
    for steps in np.unique(early.steps):
        left = early.steps == steps
        alone = answers_of(run, x, int(steps))[left]
        np.testing.assert_allclose(early.logits[left], alone, atol=1e-12)
        assert np.array_equal(early.answers[left], alone.argmax(1))
    full = answers_of(run, x, 40).argmax(1)
    assert early.full_answers is not None and np.array_equal(early.full_answers, full)
    assert early.agreement == np.mean(early.answers == full)
    assert "are those of the full run" in str(early)


def test_torch_and_numba_let_the_same_images_go() -> None:
    one, two = (answer_early(program(b), images(30), 24, patience=3) for b in ("torch", "numba"))
    assert np.array_equal(one.steps, two.steps) and np.array_equal(one.answers, two.answers)


def test_patience_margin_and_least_keep_images_longer() -> None:
    run, x = program("numba"), images(30)
    base = answer_early(run, x, 32, patience=2, window=1)
    for stricter in ({"patience": 6}, {"margin": 0.3}, {"least": 10}):
        longer = answer_early(run, x, 32, **{"patience": 2, "window": 1, **stricter})  # type: ignore[arg-type]
        assert np.all(longer.steps >= base.steps) and longer.mean_steps > base.mean_steps, stricter
    assert answer_early(run, x, 32, patience=2, window=1, least=10).steps.min() >= 11
    never = answer_early(run, x, 8, patience=9)
    assert np.all(never.steps == 8)


def test_an_answer_of_the_biases_alone_does_not_count() -> None:
    graph = ng.Graph()
    n = graph.population("n", ng.BurstIF(threshold=10.0))
    graph.connect(graph.input("x", 2), n, ng.Dense(weight=np.eye(2), bias=False))
    head = ng.Dense(weight=np.array([[0.0, 0.0], [0.0, 90.0]]), bias=np.array([1.0, 0.0]))
    graph.connect(n, graph.output("y"), head)
    early = answer_early(ng.compile(graph, "numba"), np.array([[0.0, 1.0]]), 30, patience=3, window=1)
    assert early.answers[0] == 1 and early.steps[0] == 12  # the spike of step 10 is what arrives first


def test_delays_shrink_with_the_batch() -> None:
    graph = ng.Graph()
    a = graph.population("a", ng.BurstIF())
    graph.connect(graph.input("x", 3), a, ng.Dense(weight=np.eye(3), bias=False))
    graph.connect(a, graph.output("y"), ng.Dense(weight=np.eye(3), bias=False), delay=2)
    x = np.array([[0.9, 0.1, 0.3], [0.3, 0.31, 0.29], [0.1, 0.2, 0.8]])
    run = ng.compile(graph, "numba", dtype="float64")
    early = answer_early(run, x, 60, patience=6, margin=0.2, window=2)
    assert early.steps[1] == 60 > early.steps[0]
    np.testing.assert_allclose(early.logits[1], run.run(x, 60)[0]["y"][1])


def test_errors() -> None:
    with pytest.raises(ng.DataError, match="patience=0"):
        answer_early(program("numba"), images(2), 4, patience=0)
    with pytest.raises(ng.BackendError, match="takes a program"):
        answer_early(network(), images(2), 4)
    with pytest.raises(ng.BackendError, match="training mode"):
        answer_early(ng.compile(network()).train(), images(2), 4)
    with pytest.raises(ng.DataError, match="no image"):
        answer_early(program("numba"), images(0), 4)


CALLS: list[tuple[int, ...]] = []


class Spied(ng.Dense):
    """Counts how often it is applied."""

    key = "spied"

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        CALLS.append(tuple(x.shape))
        return super().torch(x, w, run)

    def numpy(self, x: Any, w: Mapping[str, Any], run: Run) -> Any:
        CALLS.append(tuple(x.shape))
        return super().numpy(x, w, run)


def spied() -> ng.Graph:
    """Two ways from the image to the neurons, one over a unit without state, and one layer that changes."""
    graph = ng.Graph()
    x, n = graph.input("x", 4), graph.population("n", ng.LIF(), 3)
    r = graph.population("r", ng.ReLU())
    graph.connect(x, r, Spied(5), name="one")
    graph.connect(r, n, Spied(3), name="two")
    graph.connect(x, n, Spied(3), name="three")
    graph.connect(n, graph.output("y", readout=ng.Steps()), ng.Dense(2), name="last")
    return graph


@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_what_does_not_change_over_time_is_computed_once_for_all_windows(backend: str) -> None:
    run = ng.compile(spied(), backend, dtype="float64")
    if backend == "torch":
        run.eval()
    x = torch.rand(6, 4, dtype=torch.float64) * 4
    given = x if backend == "torch" else x.numpy()
    whole, _ = run.run(given, 23)
    CALLS.clear()
    windows, state = run.run(given, 23, chunk=5)
    assert sorted(CALLS) == [(6, 4), (6, 4), (6, 5)]
    first, second = (np.asarray(o["y"].detach() if backend == "torch" else o["y"]) for o in (whole, windows))
    assert np.array_equal(first, second) and state["step"] == 23
    CALLS.clear()
    sequence = given[None].repeat(23, 1, 1) if backend == "torch" else np.repeat(given[None], 23, 0)
    run.run(sequence, 23, chunk=1)
    assert len(CALLS) == 3 * 23  # a sequence may change


def test_training_in_windows_computes_every_window() -> None:
    run = ng.compile(spied(), "torch").train()
    CALLS.clear()
    run.run(torch.rand(2, 4), 6, chunk=2)
    assert len(CALLS) == 9
