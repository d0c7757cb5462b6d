"""Cycles, delays, merges and nested graphs: where the step of delay lies, whatever the order of the nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import FormatError
from neurograph.io import from_nir, read_nir, to_nir

nir = pytest.importorskip("nir")
DT, STEPS = 1e-3, 40


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, shape).astype(np.float32)


def lif(n: int = 3) -> Any:
    return nir.LIF(*(np.full(n, v, np.float32) for v in (6e-3, 2.0, 0.0, 0.3, -0.05)))


def graph_of(nodes: dict[str, Any], edges: list[tuple[str, str]], shape: int = 3) -> Any:
    ends = {"input": nir.Input(np.array([shape])), "output": nir.Output(np.array([3]))}
    return nir.NIRGraph({**ends, **nodes}, edges, type_check=False)


W = [nir.Linear(drawn(k, 3, 3)) for k in range(8)]
B = [nir.Affine(drawn(k, 3, 3), drawn(10 + k, 3)) for k in range(8)]
# name -> the graph, and the edges that the rule cuts
CYCLES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "weights around a neuron": (
        graph_of({"w": W[0], "n": lif(), "rec": W[1]},
                 [("input", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "output")]), [("rec", "n")]),
    "with a bias": (
        graph_of({"w": W[0], "n": lif(), "rec": B[1]},
                 [("input", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "output")]), [("rec", "n")]),
    "a neuron to itself": (
        graph_of({"n": lif()}, [("input", "n"), ("n", "n"), ("n", "output")]), [("n", "n")]),
    "two neurons": (
        graph_of({"n": lif(), "a": W[0], "m": lif(), "b": W[1]},
                 [("input", "n"), ("n", "a"), ("a", "m"), ("m", "b"), ("b", "n"), ("m", "output")]), [("b", "n")]),
    "two neurons, names the other way": (
        graph_of({"z": lif(), "a": W[0], "b": lif(), "y": W[1]},
                 [("input", "z"), ("z", "a"), ("a", "b"), ("b", "y"), ("y", "z"), ("b", "output")]), [("y", "z")]),
    "back to the weights": (  # never cut there
        graph_of({"w": W[0], "n": lif(), "fb": W[1]},
                 [("input", "w"), ("w", "n"), ("n", "fb"), ("fb", "w"), ("n", "output")]), [("w", "n")]),
    "two loops in one": (
        graph_of({"n": lif(), "a": W[0], "m": lif(), "b": W[1], "c": W[2]},
                 [("input", "n"), ("n", "a"), ("a", "m"), ("m", "b"), ("b", "n"), ("m", "c"), ("c", "m"), ("m", "output")]),
        [("b", "n"), ("c", "m")]),
    "a delay closes it": (
        graph_of({"n": lif(), "d": nir.Delay(np.full(3, 2e-3)), "rec": W[1]},
                 [("input", "n"), ("n", "d"), ("d", "rec"), ("rec", "n"), ("n", "output")]), []),
    "delays of their own close it": (
        graph_of({"n": lif(), "d": nir.Delay(np.array([1e-3, 2e-3, 3e-3])), "rec": W[1]},
                 [("input", "n"), ("n", "rec"), ("rec", "d"), ("d", "n"), ("n", "output")]), []),
    "a delay of nothing does not": (
        graph_of({"n": lif(), "d": nir.Delay(np.zeros(3)), "rec": W[1]},
                 [("input", "n"), ("n", "d"), ("d", "rec"), ("rec", "n"), ("n", "output")]), [("rec", "n")]),
    "several ways back": (
        graph_of({"n": lif(), "a": W[0], "b": W[1], "c": W[2], "s": nir.Scale(drawn(3, 3))},
                 [("input", "n"), ("n", "a"), ("n", "b"), ("a", "c"), ("b", "c"), ("c", "n"), ("b", "s"), ("s", "n"), ("n", "output")]),
        [("c", "n"), ("s", "n")]),
    "behind a current-based neuron": (
        graph_of({"w": W[0], "n": nir.CubaLIF(*(np.full(3, v) for v in (3e-3, 5e-3, 3.0, 0.0, 0.2))), "rec": B[1], "out": W[3],
                  "li": nir.LI(*(np.full(3, v) for v in (5e-3, 1.0, 0.0)))},
                 [("input", "w"), ("w", "n"), ("n", "rec"), ("rec", "n"), ("n", "out"), ("out", "li"), ("li", "output")]),
        [("rec", "n")]),
}  # fmt: skip


@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_carries_a_step_of_delay(name: str, run: Any, oracle: Any, tmp_path: Path) -> None:
    graph, cut = CYCLES[name]
    x = np.random.default_rng(5).normal(0.5, 0.8, (STEPS, 3))
    found = read_nir(graph, dt=DT)
    assert list(found.delayed) == cut
    late = {*cut} if name != "a delay of nothing does not" else {("rec", "n")}
    expected = oracle(graph, x, DT, "euler", late)["output"]
    for backend in ("reference", "numba", "torch"):
        np.testing.assert_allclose(run(found.graph, x, backend), expected, atol=1e-9, err_msg=backend)
    written = to_nir(found.graph, tmp_path / "again.nir", dt=DT, dtype="float64")
    again = read_nir(tmp_path / "again.nir")
    assert again.graph == found.graph and again.delayed == found.delayed
    if "delay" not in name:  # readers that know no Delay still read it
        assert not any(type(n).__name__ == "Delay" for n in written.nodes.values())


@pytest.mark.parametrize("name", CYCLES)
def test_the_order_of_nodes_and_edges_means_nothing(name: str) -> None:
    graph, _ = CYCLES[name]
    whole = from_nir(graph, dt=DT)
    rng = np.random.default_rng(0)
    for _ in range(5):
        nodes, edges = list(graph.nodes.items()), list(graph.edges)
        rng.shuffle(nodes), rng.shuffle(edges)  # type: ignore[arg-type]
        other = nir.NIRGraph(dict(nodes), [tuple(e) for e in edges], type_check=False)
        assert from_nir(other, dt=DT) == whole


def test_a_cycle_without_neuron_and_delay_is_refused() -> None:
    graph = graph_of({"a": W[0], "b": W[1], "n": lif()},
                     [("input", "a"), ("a", "b"), ("b", "a"), ("a", "n"), ("n", "output")])  # fmt: skip
    with pytest.raises(FormatError, match="a -> b -> a holds no neuron and no delay of a step"):
        from_nir(graph, dt=DT)


def nested() -> Any:
    def block(k: int, inside: Any = None) -> Any:
        nodes = {"in": nir.Input(np.array([3])), "fc": W[k], "lif": lif() if inside is None else inside,
                 "out": nir.Output(np.array([3]))}  # fmt: skip
        return nir.NIRGraph(nodes, [("in", "fc"), ("fc", "lif"), ("lif", "out")], type_check=False)

    nodes = {"a": block(0), "b": block(1, block(2)), "d": nir.Delay(np.array([0.0, 1e-3, 4e-3])), "w": W[4], "v": B[5],
             "sum": W[6], "n": lif()}  # fmt: skip
    edges = [("input", "a"), ("input", "d"), ("a", "b"), ("a", "w"), ("b", "w"), ("d", "w"), ("w", "sum"), ("a", "v"),
             ("v", "sum"), ("sum", "n"), ("n", "output"), ("w", "n"), ("n", "b")]  # fmt: skip
    return graph_of(nodes, edges)


def test_nested_graphs_delays_and_merges(run: Any, oracle: Any, tmp_path: Path) -> None:
    graph = nested()
    x = np.random.default_rng(5).normal(0.5, 0.8, (STEPS, 3))
    found = read_nir(graph, dt=DT)
    late = set(found.delayed)
    expected = oracle(graph, x, DT, "euler", late)["output"]
    for backend in ("reference", "numba", "torch"):
        np.testing.assert_allclose(run(found.graph, x, backend), expected, atol=1e-9, err_msg=backend)
    assert {p.name for p in found.graph.populations} >= {"a.lif", "b.lif.lif", "n"}
    flat = to_nir(found.graph, tmp_path / "flat.nir", dt=DT, dtype="float64")
    assert "b.lif.fc" in flat.nodes and from_nir(tmp_path / "flat.nir") == found.graph
    again = to_nir(found.graph, tmp_path / "nested.nir", dt=DT, nested=True, dtype="float64")
    assert set(again.nodes) == set(graph.nodes) and set(again.edges) == set(graph.edges)
    assert set(again.nodes["b"].nodes) == {"input", "fc", "lif", "output"}
    assert from_nir(tmp_path / "nested.nir") == found.graph
    assert nir.read(tmp_path / "nested.nir")  # types check


def test_groups_that_are_no_graph_stay_names(tmp_path: Path) -> None:
    """NIR's graphs have one input and one output; a prefix whose nodes are reached in two ways stays a prefix."""
    graph = ng.Graph("g")
    x = graph.input("x", 3)
    for name in ("block.a", "block.b"):
        graph.population(name, ng.LIF(), 3)
    y = graph.output("y", readout=ng.Steps())
    graph.connect(x, "block.a")
    graph.connect("block.a", "block.b")
    graph.connect("block.a", y)
    graph.connect("block.b", y)
    one = graph.population("other", ng.LIF(), 3)
    graph.connect("block.b", one)
    graph.connect(one, y)
    made = to_nir(graph, tmp_path / "g.nir", dt=DT, nested=True)
    assert "block.a" in made.nodes
    assert from_nir(tmp_path / "g.nir", dt=DT) == from_nir(to_nir(graph, dt=DT), dt=DT)
