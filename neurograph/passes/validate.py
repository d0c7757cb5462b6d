"""validate: everything a graph must be before shapes are looked at."""

from __future__ import annotations

import math

import networkx

from neurograph.errors import GraphError
from neurograph.graph import Graph, Input, Output, Population


def validate(graph: Graph, dt: float) -> Graph:
    """Raise GraphError unless the graph has inputs and outputs that are reached, and every cycle a delay."""
    if not graph.nodes:
        raise GraphError(f"graph {graph.name!r} is empty: declare an input, a population and an output")
    if graph.inputs and not graph.outputs and not graph.probes:  # a circuit without inputs counts its spikes
        raise GraphError(f"graph {graph.name!r} has no output and no probe: nothing of it could be seen")
    for projection in graph.projections.values():
        if isinstance(projection.delay, int | float):
            delay_steps(projection.delay, dt, f"projection {projection.name!r} ({projection.at})")
    reached = {p.target.node for p in graph.projections.values()}
    for node in graph.nodes.values():
        if isinstance(node, Output) and node.name not in reached:
            raise GraphError(f"output {node.name!r} ({node.at}): nothing projects to it; connect something to it")
        if isinstance(node, Population) and node.name not in reached and node.shape is None:
            raise GraphError(
                f"population {node.name!r} ({node.at}): nothing projects to it, so its shape is unknown. "
                "Connect something to it or give it a shape"
            )
    _delay_in_every_cycle(graph, dt)
    _inputs_used(graph)
    return graph


def delay_steps(delay: float, dt: float, where: str) -> int:
    """A delay in steps of dt, rounded to the nearest (half up); one that rounds to nothing is an error."""
    steps = math.floor(delay / dt + 0.5)
    if delay > 0 and steps == 0:
        raise GraphError(
            f"{where}: delay {delay:g} is less than half a step of dt={dt:g} and would vanish. Use a smaller dt"
        )
    return steps


def _delay_in_every_cycle(graph: Graph, dt: float) -> None:
    instant = networkx.DiGraph()
    instant.add_nodes_from(graph.nodes)
    for p in graph.projections.values():
        if isinstance(p.delay, int | float) and delay_steps(p.delay, dt, p.name) == 0:
            instant.add_edge(p.source.node, p.target.node, at=p.at)
    try:
        cycle = networkx.find_cycle(instant)
    except networkx.NetworkXNoCycle:
        return
    path = " -> ".join([a for a, _ in cycle] + [cycle[0][0]])
    places = ", ".join(instant.edges[a, b]["at"] for a, b in cycle)
    raise GraphError(
        f"cycle without delay: {path} ({places}). A spike cannot arrive in the step that causes it: "
        f"give one of these projections delay={dt:g} or more"
    )


def _inputs_used(graph: Graph) -> None:
    sources = {p.source.node for p in graph.projections.values()}
    for node in graph.nodes.values():
        if isinstance(node, Input) and node.name not in sources:
            raise GraphError(f"input {node.name!r} ({node.at}): nothing reads it; connect it or leave it out")
