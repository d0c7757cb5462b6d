"""Graphs made from graphs: what differs, without a part, a part alone, two as one; equality and hash."""

from __future__ import annotations

import dataclasses
import importlib.util
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng


def net(**changes: Any) -> ng.Graph:
    graph = ng.Graph(changes.get("name", "net"))
    x = graph.input("x", changes.get("inputs", 4))
    a = graph.population("block1.a", ng.LIF(tau=changes.get("tau", 2.0)))
    b = graph.population("block1.b", ng.MCN(), 3)
    c = graph.population("block2.c", changes.get("neuron", ng.IF()), 3)
    graph.connect(x, a, ng.Dense(5, weight=changes.get("weight", np.ones((5, 4)))), name="into")
    graph.connect(a, b["basal"], ng.Dense(), name="block1.up")
    graph.connect(b, c)
    graph.connect(c, c, delay=changes.get("delay", 1.0), name="loop")
    graph.connect(c, graph.output("y", readout=changes.get("readout")), ng.Dense(2))
    graph.probe(a, "v", every=changes.get("every", 1))
    return graph


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "number": ({"tau": 3.0}, r"population 'block1.a': neuron.tau: 2.0 -> 3.0"),
    "type": ({"tau": 2}, r"neuron.tau: 2.0 -> 2"),
    "numpy": ({"tau": np.float32(2.0)}, r"neuron.tau: 2.0 -> float32\(2.0\)"),
    "array": ({"tau": np.full(5, 2.0)}, r"neuron.tau: 2.0 -> .*float64\[5\]"),
    "learnable": ({"tau": ng.learnable(2.0)}, r"neuron.tau: 2.0 -> learnable\(2.0, per='population'\)"),
    "values": ({"weight": np.eye(5, 4)}, r"weight: .*16 of 20 values differ, by 1 at most"),
    "sign of zero": ({"weight": np.ones((5, 4)) * [[1, 1, 1, -1]]}, r"5 of 20 values differ, by 2"),
    "size": ({"inputs": 8, "weight": np.ones((5, 8))}, r"input 'x': shape\[0\]: 4 -> 8"),
    "delay": ({"delay": 2.0}, r"projection 'loop': delay: 1.0 -> 2.0"),
    "class": ({"neuron": ng.LIF()}, r"neuron"),
    "readout": ({"readout": ng.MeanFrom(3)}, r"output 'y': readout"),
    "probe": ({"every": 2}, r"probe 'block1.a.v': every: 1 -> 2"),
    "name": ({"name": "other"}, r"graph: name: 'net' -> 'other'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(change: str) -> None:
    arguments, message = CHANGES[change]
    one, two = net(), net(**arguments)
    found = one.diff(two)
    assert found and one != two and one.hash != two.hash
    assert re.search(message, str(found)), str(found)
    assert found.as_data()["changed"] and not found.added and not found.removed
    assert two.diff(one) and not one.diff(net()) and one == net() and one.hash == net().hash
    assert str(one.diff(one)) == "no difference"


def test_parts_added_removed_and_moved() -> None:
    one, two = net(), net()
    two.population("new", ng.LIF(), 2)
    found = one.diff(two)
    assert found.added == ("population 'new'",) and two.diff(one).removed == ("population 'new'",) and not found.changed
    moved = net()
    moved.nodes = dict(reversed(moved.nodes.items()))
    assert moved != one and "order of nodes" in str(one.diff(moved))


@pytest.mark.parametrize("values", [[0.0, -0.0], [np.nan, 1.0], [np.inf, -np.inf]])
def test_odd_numbers_are_compared(values: list[float]) -> None:
    graphs = []
    for value in values:
        graph = ng.Graph()
        graph.population("n", ng.LIF(v=np.full(3, value)), 3)
        graphs.append(graph)
    assert graphs[0] != graphs[1] and "3 of 3 values differ" in str(graphs[0].diff(graphs[1]))
    assert graphs[0] == graphs[0].copied()


def test_where_a_part_was_declared_does_not_count(tmp_path: Path) -> None:
    one = net()
    two = net()
    assert one.nodes["x"].at == two.nodes["x"].at
    moved = ng.Graph("net")
    for name, node in one.nodes.items():
        moved.nodes[name] = dataclasses.replace(node, at="elsewhere:1")
    moved.projections, moved.probes = dict(one.projections), dict(one.probes)
    assert moved == one and moved.hash == one.hash and not moved.diff(one)
    assert one != 3 and one != "net"


def test_a_lesion_keeps_shapes_and_runs() -> None:
    graph = net()
    cut = graph.without("block1.a")
    assert list(cut.nodes) == ["x", "block1.b", "block2.c", "y"] and not cut.probes
    assert {"into", "block1.up"}.isdisjoint(cut.projections)
    assert "block1.a" in graph.nodes, "the graph itself stays"
    lesion = graph.without("into")
    assert lesion.nodes["block1.a"].shape == (5,) and lesion.nodes["block2.c"].shape == (3,)
    silent = lesion.without("x")
    silent.connect(silent.input("x2", 4), "block1.a", ng.Dense(5))
    assert ng.compile(silent, "reference")(np.ones((2, 1, 4))).shape == (1, 2)
    assert list(graph.without("block1").nodes) == ["x", "block2.c", "y"]
    assert list(graph.without("block1", "y", "loop").projections) == []


def test_a_subgraph_is_what_lies_between() -> None:
    graph = net()
    part = graph.subgraph("block1")
    assert list(part.nodes) == ["block1.a", "block1.b"] and list(part.projections) == ["block1.up"]
    assert list(part.probes) == ["block1.a.v"] and part.nodes["block1.a"].shape == (5,)
    assert list(graph.subgraph("loop").nodes) == ["block2.c"]
    assert graph.subgraph("x", "block1", "block2", "y").diff(graph).removed == ()


@pytest.mark.parametrize("method", ["without", "subgraph"])
def test_unknown_names_are_refused(method: str) -> None:
    graph = net()
    with pytest.raises(ng.GraphError, match=r"has nothing of that name or prefix. Did you mean .*'block1'"):
        getattr(graph, method)("block")
    for wrong in ("zzz", "block1.", ""):
        with pytest.raises(ng.GraphError, match="nothing of that name or prefix"):
            getattr(graph, method)(wrong)
    for wrong in (3, None, ng.LIF()):
        with pytest.raises(ng.GraphError, match="takes names"):
            getattr(graph, method)(wrong)


def test_nodes_themselves_may_be_named() -> None:
    graph = net()
    assert graph.without(graph.nodes["block1.a"]) == graph.without("block1.a")
    assert graph.subgraph(graph.projections["loop"]) == graph.subgraph("loop")


def test_a_part_can_be_cut_out_of_a_graph_that_is_not_whole() -> None:
    graph = ng.Graph("half")
    graph.population("a", ng.LIF())
    graph.population("b", ng.LIF(), 3)
    graph.connect("b", "a", ng.Dense(2))
    assert list(graph.without("b").nodes) == ["a"]


def test_merge_joins_two() -> None:
    one, two = net(), net(tau=3.0, name="two")
    both = one.merge(two, prefix="right")
    assert len(both.nodes) == 2 * len(one.nodes) and len(both.projections) == 2 * len(one.projections)
    assert both.nodes["right.block1.a"].neuron.params["tau"] == 3.0
    assert both.projections["right.into"].source.node == "right.x" and "right.block1.a.v" in both.probes
    assert both.subgraph("x", "block1", "block2", "y").nodes.keys() == one.nodes.keys()
    both.connect("block2.c", "right.block2.c", delay=1.0)
    x = {"x": np.ones((2, 1, 4)), "right.x": np.ones((2, 1, 4))}
    assert set(ng.compile(both, "reference").run(x)[0]) == {"y", "right.y"}
    alone = ng.compile(one, "reference").run(np.ones((2, 1, 4)))[0]["y"]
    assert alone.shape == (1, 2) and len(one.nodes) == 5, "what was merged stays as it was"


def test_merge_refuses_what_does_not_fit() -> None:
    graph = net()
    with pytest.raises(ng.GraphError, match="already declared"):
        graph.merge(net())
    with pytest.raises(ng.GraphError, match="takes a Graph"):
        graph.merge("right")  # type: ignore[arg-type]
    for prefix in ("1x", "a b", "a.", "/", "x"):
        with pytest.raises(ng.GraphError, match="name"):
            graph.merge(net(), prefix=prefix)
    with pytest.raises(ng.GraphError, match="prefix"):
        graph.merge(net(), prefix=3)  # type: ignore[arg-type]
    assert graph == net()


def test_merged_names_may_not_be_prefixes() -> None:
    one = ng.Graph()
    one.population("right.x", ng.LIF(), 2)
    two = ng.Graph()
    two.population("right", ng.LIF(), 2)
    with pytest.raises(ng.GraphError, match="prefix"):
        one.merge(two)


def test_projections_below_a_node_are_merged() -> None:
    one = ng.Graph()
    one.population("a", ng.LIF(), 2)
    one.connect("a", "a", delay=1.0, name="a.back")
    assert list(one.merge(one, prefix="b").projections) == ["a.back", "b.a.back"]
    two = ng.Graph()
    two.population("other", ng.LIF(), 2)
    two.connect("other", "other", delay=1.0, name="a.back")
    with pytest.raises(ng.GraphError, match="'a.back' is already declared; give a prefix="):
        one.merge(two)


def test_graphs_at_random_are_merged_and_cut_apart() -> None:
    spec = importlib.util.spec_from_file_location("random_parts", Path(__file__).parents[1] / "io" / "parts.py")
    assert spec is not None and spec.loader is not None
    parts = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(parts)
    for seed in range(40):
        one, two = (parts.graph(random.Random(f"{seed} {k}")) for k in range(2))
        both = one.merge(two, prefix="right")
        assert len(both.nodes) == len(one.nodes) + len(two.nodes)
        assert len(both.projections) == len(one.projections) + len(two.projections)
        left = both.without("right")
        assert {n: p.shape for n, p in one.nodes.items() if not hasattr(p, "readout")}.keys() <= left.nodes.keys()
        assert list(left.projections) == list(one.projections) and left.probes.keys() == one.probes.keys()
        assert bool(one.diff(two)) == (one != two) and not one.diff(one.copied())
        assert both.diff(left).removed and not left.diff(both).removed
