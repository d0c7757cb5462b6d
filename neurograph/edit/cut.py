"""A graph without some of its parts, or only some of them."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

from neurograph.errors import GraphError, NeuroGraphError, declared_at
from neurograph.graph import Graph, Population
from neurograph.step_length import fitting_dt


def without(graph: Graph, *names: str) -> Graph:
    """A copy without these nodes, projections or everything below these prefixes, and without what joined them.

    Populations whose shape followed from what is gone keep the shape they had; what nothing reaches any more gets no
    input: a lesion.
    """
    gone = _chosen(graph, names, "without")
    return _kept(graph, [n for n in graph.nodes if n not in gone], gone)


def subgraph(graph: Graph, *prefixes: str) -> Graph:
    """A copy of only these nodes, or those below these prefixes, with the projections and probes between them."""
    wanted = _chosen(graph, prefixes, "subgraph")
    inner = {n for n in wanted if n in graph.projections}
    ends = {e.node for n in inner for e in (graph.projections[n].source, graph.projections[n].target)}
    return _kept(graph, [n for n in graph.nodes if n in wanted or n in ends], set())


def _kept(graph: Graph, nodes: list[str], gone: set[str]) -> Graph:
    shapes = shapes_of(graph)
    out = Graph(graph.name)
    for name in nodes:
        node = graph.nodes[name]
        if isinstance(node, Population) and node.shape is None and name in shapes:
            node = replace(node, shape=shapes[name])
        out.nodes[name] = node
    out.projections = {
        n: p
        for n, p in graph.projections.items()
        if n not in gone and p.source.node in out.nodes and p.target.node in out.nodes
    }
    here = {*out.nodes, *out.projections}
    out.probes = {k: p for k, p in graph.probes.items() if p.population in here}
    return out


def shapes_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """The shape of every population, as far as the graph is whole enough to know."""
    from neurograph.compiler import lower

    known = {p.name: p.shape for p in graph.populations if p.shape is not None}
    if len(known) == len(graph.populations):
        return known
    try:
        tape = lower(graph, dt=fitting_dt(graph), stop_after="infer")
    except NeuroGraphError:  # it cannot be run as it is; what is declared is what is known
        return known
    return known | {i.name: tape.slots[i.outs[0]].shape for i in tape.walk() if i.op == "neuron"}


def _chosen(graph: Graph, names: tuple[Any, ...], what: str) -> set[str]:
    """The nodes and projections that names or prefixes stand for."""
    known = (*graph.nodes, *graph.projections)
    out: set[str] = set()
    for given in names:
        name = getattr(given, "name", given)  # a node or a projection itself
        if not isinstance(name, str):
            raise GraphError(f"{what}({given!r}) at {declared_at()} takes names of nodes and projections, or prefixes")
        found = {n for n in known if n == name or n.startswith(f"{name}.")}
        if not found:
            prefixes = {n.rpartition(".")[0] for n in known} - {""}
            near = difflib.get_close_matches(name, [*known, *prefixes], 3)
            hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"It has {', '.join(known[:12])}"
            raise GraphError(
                f"{what}({name!r}) at {declared_at()}: {graph.name!r} has nothing of that name or prefix. {hint}"
            )
        out |= found
    return out
