"""validate: everything a graph must be before shapes are looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator

from neurograph.errors import GraphError
from neurograph.graph import Graph, Input, Output, Population

LONGEST = 2**31 - 1  # steps of a delay; they are counted in 32 bits


def validate(graph: Graph, dt: float) -> Graph:
    """Raise GraphError unless the graph has inputs and outputs that are reached, and every cycle a delay."""
    for problem in problems(graph, dt):
        raise problem
    return graph


def problems(graph: Graph, dt: float) -> Iterator[GraphError]:
    """Everything that validate would raise, one after the other."""
    if not graph.nodes:
        yield GraphError(f"graph {graph.name!r} is empty: declare an input, a population and an output")
        return
    if graph.inputs and not graph.outputs and not graph.probes:  # a circuit without inputs counts its spikes
        yield GraphError(f"graph {graph.name!r} has no output and no probe: nothing of it could be seen")
    for projection in graph.projections.values():
        if isinstance(projection.delay, int | float):
            try:
                delay_steps(projection.delay, dt, f"projection {projection.name!r} ({projection.at})")
            except GraphError as error:
                yield error
    reached = {p.target.node for p in graph.projections.values()}
    for node in graph.nodes.values():
        if isinstance(node, Output) and node.name not in reached:
            yield GraphError(f"output {node.name!r} ({node.at}): nothing projects to it; connect something to it")
        if isinstance(node, Population) and node.name not in reached and node.shape is None:
            yield GraphError(
                f"population {node.name!r} ({node.at}): nothing projects to it, so its shape is unknown. "
                "Connect something to it or give it a shape"
            )
    yield from _cycles_without_delay(graph, dt)
    sources = {p.source.node for p in graph.projections.values()}
    for node in graph.nodes.values():
        if isinstance(node, Input) and node.name not in sources:
            yield GraphError(f"input {node.name!r} ({node.at}): nothing reads it; connect it or leave it out")


def delay_steps(delay: float, dt: float, where: str) -> int:
    """A delay in steps of dt, rounded to the nearest (half up); one that rounds to nothing is an error."""
    if not delay / dt < LONGEST:
        raise GraphError(f"{where}: delay {delay:g} is more than {LONGEST} steps of dt={dt:g}. Use a larger dt")
    steps = math.floor(delay / dt + 0.5)
    if delay > 0 and steps == 0:
        raise GraphError(
            f"{where}: delay {delay:g} is less than half a step of dt={dt:g} and would vanish. Use a smaller dt"
        )
    return steps


def _cycles_without_delay(graph: Graph, dt: float) -> Iterator[GraphError]:
    """Cycles that share no projection; a delay that rounds away is a problem of its own, and counts as one here."""
    import networkx  # a tenth of a second, which only a network is worth

    instant = networkx.DiGraph()
    instant.add_nodes_from(graph.nodes)
    for p in graph.projections.values():
        if isinstance(p.delay, int | float) and p.delay == 0:
            instant.add_edge(p.source.node, p.target.node, at=p.at)
    while True:
        try:
            cycle = networkx.find_cycle(instant)
        except networkx.NetworkXNoCycle:
            return
        path = " -> ".join([a for a, _ in cycle] + [cycle[0][0]])
        places = ", ".join(instant.edges[a, b]["at"] for a, b in cycle)
        yield GraphError(
            f"cycle without delay: {path} ({places}). A spike cannot arrive in the step that causes it: "
            f"give one of these projections delay={dt:g} or more"
        )
        instant.remove_edges_from(cycle)
