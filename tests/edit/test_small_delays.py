"""Graphs whose delays are shorter than 1: what only looks at a graph takes a step length that fits it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph import models


@pytest.fixture
def quick() -> ng.Graph:
    """Shapes that follow from operators, and a delay of a tenth."""
    graph = ng.Graph("quick")
    a, b = graph.population("a", ng.LIF()), graph.population("b", ng.LIF())
    graph.connect(graph.input("x", 4), a, ng.Dense(3))
    graph.connect(a, b, ng.Dense(5), delay=0.1, name="ab")
    graph.connect(b, graph.output("y"), ng.Dense(2))
    return graph


def test_the_summary_is_complete(quick: ng.Graph) -> None:
    for graph in (quick, models.cuba(40)):
        assert "not complete" not in str(graph) and "multiply-accumulates" in graph.summary()
    assert "delay 0.1 is less than half a step" in quick.summary(dt=1.0)


def test_weights_become_part_of_it(quick: ng.Graph, tmp_path: Path) -> None:
    program = ng.compile(quick, "numba", dt=0.1, steps=5)
    held = quick.with_weights(program)
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    expected = program(x)
    assert np.array_equal(ng.compile(held, "numba", dt=0.1, steps=5, seed=9)(x), expected)
    ng.save(program, tmp_path / "quick.h5")
    again = ng.compile(ng.load(tmp_path / "quick.h5"), "numba", dt=0.1, steps=5)
    assert np.array_equal(again(x), expected)


def test_a_lesion_keeps_the_shapes(quick: ng.Graph) -> None:
    cut = quick.without("ab")
    assert {p.name: p.shape for p in cut.populations} == {"a": (3,), "b": (5,)}
    ng.compile(cut, "numba", dt=0.1, steps=2)
