"""A graph that is saved and loaded is the same graph: every recipe, every class of every family, graphs at random."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph import models
from neurograph.constructed import FAMILIES, members
from neurograph.io.formats import FORMATS

WHOLE = [f.name for f in FORMATS.values() if f.whole]
CLASSES = [(family, name) for family in FAMILIES for name in sorted(members(family))]


def through(graph: ng.Graph, folder: Path, format: str) -> ng.Graph:
    """The graph after one way through a file."""
    path = folder / f"graph{FORMATS[format].endings[0]}"
    assert ng.save(graph, path) == path
    return ng.load(path)


def same(one: ng.Graph, two: ng.Graph) -> None:
    assert not one.diff(two), str(one.diff(two))
    assert one == two and one.hash == two.hash
    assert list(one.nodes) == list(two.nodes) and list(one.projections) == list(two.projections)
    assert list(one.probes.values()) == list(two.probes.values())
    assert [n.at for n in one.nodes.values()] == [n.at for n in two.nodes.values()]


def recipe(name: str) -> ng.Graph:
    arguments = (np.full((3, 3), 50.0),) if name == "brain_regions" else ()
    return models.recipe(name)(*arguments)


@pytest.mark.parametrize("format", WHOLE)
@pytest.mark.parametrize("name", sorted(models.RECIPES))
def test_recipes_come_back(name: str, format: str, tmp_path: Path) -> None:
    graph = recipe(name)
    same(through(graph, tmp_path, format), graph)


@pytest.mark.parametrize("format", WHOLE)
@pytest.mark.parametrize(("family", "name"), CLASSES)
def test_every_class_comes_back(family: str, name: str, format: str, tmp_path: Path, parts: Any) -> None:
    for seed in range(8):
        graph = parts.holding(members(family)[name], random.Random(f"{name}{seed}"))
        same(through(graph, tmp_path, format), graph)


@pytest.mark.parametrize("format", WHOLE)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rng=st.randoms(use_true_random=False))
def test_graphs_at_random_come_back(
    rng: random.Random, format: str, parts: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    graph = parts.graph(rng)
    same(through(graph, tmp_path_factory.mktemp("random"), format), graph)


@pytest.mark.parametrize("format", WHOLE)
def test_a_file_of_before_a_class_had_an_argument_is_as_good_as_it_was(
    format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = ng.Graph("g")
    lif = graph.population("lif", ng.LIF())
    graph.connect(graph.input("x", (2, 4, 4)), lif, ng.BatchNorm(weight=2.0), ng.Flatten(), ng.Dense(weight=np.eye(32)))
    written = ng.BatchNorm.arguments_given

    def earlier(self: ng.BatchNorm) -> dict[str, Any]:
        return {k: v for k, v in written(self).items() if k != "bias"}

    path = tmp_path / f"graph{FORMATS[format].endings[0]}"
    with monkeypatch.context() as release:
        release.setattr(ng.BatchNorm, "arguments_given", earlier)
        ng.save(graph, path)
    same(ng.load(path), graph)
