"""Two graphs as one."""

from __future__ import annotations

from dataclasses import replace

from neurograph.errors import GraphError, declared_at
from neurograph.graph import Graph, Port, Probe


def merged(graph: Graph, other: Graph, prefix: str = "") -> Graph:
    """A copy of `graph` that also holds the parts of `other`, their names behind `prefix` and a dot.

    Join them with connect() afterwards. Raises GraphError where a name is there twice.
    """
    if not isinstance(other, Graph):
        raise GraphError(f"merge() at {declared_at()} takes a Graph, got {type(other).__name__}")

    if not isinstance(prefix, str):
        raise GraphError(f"merge() at {declared_at()}: prefix={prefix!r} is no name such as 'left'")

    def named(name: str) -> str:
        return f"{prefix}.{name}" if prefix else name

    def port(end: Port) -> Port:
        return Port(named(end.node), end.port)

    out = graph.copied()
    for name, node in other.nodes.items():
        out.nodes[named(name)] = replace(node, name=out._fresh(named(name)))
    for name, p in other.projections.items():
        if named(name) in out.projections or named(name) in out.nodes:  # it may begin as a node is named
            raise GraphError(f"merge() at {declared_at()}: {named(name)!r} is already declared; give a prefix=")
        out.projections[named(name)] = replace(p, name=named(name), source=port(p.source), target=port(p.target))
    for probe in other.probes.values():
        moved: Probe = replace(probe, population=named(probe.population))
        out.probes[moved.key] = moved
    return out
