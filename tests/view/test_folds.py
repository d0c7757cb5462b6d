"""What is folded, and what only looks as if it could be."""

from __future__ import annotations

from collections.abc import Callable

import neurograph as ng
from neurograph.view.folds import Edge, Fold, folds_of
from neurograph.view.formula import operations, traced_lines
from neurograph.view.numbers import histogram, shown


def line(*names: str, kind: str = "k") -> list[Edge]:
    return [Edge(a, b, kind) for a, b in zip(names, names[1:], strict=False)]


def test_three_equal_populations_in_a_row() -> None:
    leaves = {"in": "input", "a": "lif", "b": "lif", "c": "lif", "out": "output"}
    assert folds_of(leaves, line(*leaves)) == [Fold(("a", "b", "c"), "chain")]
    assert folds_of({**leaves, "b": "other"}, line(*leaves)) == []
    assert folds_of({n: leaves[n] for n in ("in", "a", "b", "out")}, line("in", "a", "b", "out")) == []  # two are few


def test_a_link_that_differs_ends_a_chain() -> None:
    leaves = dict.fromkeys("abcdef", "lif")
    edges = [*line("a", "b", "c"), Edge("c", "d", "other"), *line("d", "e", "f")]
    assert folds_of(leaves, edges) == [Fold(("a", "b", "c"), "chain"), Fold(("d", "e", "f"), "chain")]
    leaves["x"] = "input"
    tapped = [*line(*"abcdef"), Edge("x", "c", "k")]
    assert folds_of(leaves, tapped) == [Fold(("c", "d", "e", "f"), "chain")]  # the first may have more coming in
    skipping = [*line(*"abcdef"), Edge("a", "c", "k"), Edge("b", "d", "k")]
    assert all("a" not in f.members for f in folds_of(leaves, skipping))


def test_blocks(nets: dict[str, Callable[..., ng.Graph]]) -> None:
    graph = nets["chain"](5)
    leaves = {n.name: type(n).__name__ for n in graph.nodes.values()}
    edges = [Edge(p.source.node, p.target.node, repr(p.operators)) for p in graph.projections.values()]
    assert folds_of(leaves, edges) == [Fold(tuple(f"block{k}" for k in range(1, 6)), "chain")]
    edges.append(Edge("block2.a", "y", "more"))
    first, second = folds_of(leaves, edges)  # only the last of a chain may have more going out
    assert first.members == ("block1", "block2") and second.members == ("block3", "block4", "block5")


def test_alike_side_by_side_and_many() -> None:
    leaves = {"x": "input", **{f"h{k}": "lif" for k in range(5)}, "y": "output"}
    edges = [e for k in range(5) for e in line("x", f"h{k}", "y")]
    assert folds_of(leaves, edges) == [Fold(tuple(f"h{k}" for k in range(5)), "alike")]
    crowd = {f"p{k}": "lif" for k in range(100)}
    wild = [Edge(f"p{k}", f"p{(k * 7 + 3) % 100}", "k") for k in range(100)]
    assert folds_of(crowd, wild) == [Fold(tuple(crowd), "many")]
    few = {f"p{k}": "lif" for k in range(20)}
    assert folds_of(few, [Edge(f"p{k}", f"p{(k * 7 + 3) % 20}", "k") for k in range(20)]) == []


def test_a_step_is_readable() -> None:
    lines = traced_lines(ng.LIF(tau=3.0), 1.0)
    assert lines[0] == "_1 = v + (input - v) / tau" and "spike = 1[_2]" in lines
    assert operations(ng.LIF(tau=3.0), 1.0) == 7

    class Odd(ng.Neuron):
        """No equation."""

        a = ng.Param(2.0)
        surrogate = ng.SurrogateOption(ng.Atan())
        v = ng.State(0.0)

        def step(self, v, input):  # type: ignore[no-untyped-def]
            v = -(v - (input - self.a)) / (self.a / (v * 3.0))
            return {"v": v, "spike": ng.spike(v - 1.0, self.surrogate)}

    assert traced_lines(Odd(), 1.0)[0] == "_1 = -(v - (input - a)) / (a / (v * 3))"


def test_numbers() -> None:
    import numpy as np

    assert shown(2.5) == {"text": "2.5"} and shown(ng.learnable(1.0, per="channel")) == {
        "text": "1",
        "learnt": "channel",
    }
    flat = histogram(np.zeros((3, 2)))
    assert flat["count"] == 6 and flat["zeros"] == 1.0 and "bins" not in flat
    many = histogram(np.linspace(0, 1, 3_000_000))
    assert many["count"] == 3_000_000 and many["sample"] == 1_000_000 and sum(many["bins"]) == 1_000_000
    assert histogram(np.array([])) == {"text": "array [0], empty"}
    assert histogram(np.array([np.nan, np.inf, 1.0, 2.0]))["count"] == 4
