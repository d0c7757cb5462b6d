"""networkx: a graph as a MultiDiGraph with plain attributes, and a network of neurons from any networkx graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurograph.errors import GraphError, declared_at
from neurograph.graph import Graph
from neurograph.spec import Neuron

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph, *, dt: float | None = None, objects: bool = True) -> networkx.MultiDiGraph:
    """The graph as a networkx.MultiDiGraph; a projection is an edge whose key is its name.

    Attributes are numbers and texts: of nodes kind, neuron, what, shape, neurons, weights, operations, inputs, outputs;
    of edges operators, delay, weights, synapses, macs, source_port, target_port, recurrent. `objects` adds what was
    declared: `node`, `projection`, `probes` of the graph, and the shape as a tuple, `sizes`. Shapes are missing where they cannot be inferred.
    """
    import networkx

    from neurograph.io.drawing.facts import facts_of

    facts = facts_of(graph, dt)
    out = networkx.MultiDiGraph(name=graph.name)
    if objects:
        out.graph["probes"] = tuple(graph.probes.values())
    for node in facts.nodes:
        more = {"node": graph.nodes[node.name], "sizes": node.shape} if objects else {}
        out.add_node(node.name, **node.plain, **more)
    for place, edge in enumerate(facts.edges):
        # networkx lists edges by their source; the order of declaration is part of a graph
        declared = {"projection": graph.projections[edge.name], "place": place} if objects else {}
        out.add_edge(edge.source, edge.target, key=edge.name, **edge.plain, **declared)
    return out


def from_networkx(graph: networkx.Graph, neuron: Neuron | None = None, *, name: str = "neurons") -> Graph:
    """A Graph of a networkx graph.

    Of one that to_networkx() made: the nodes and projections it still has, in its order, so that a graph may be cut with
    networkx. Of any other, with neuron=: one population in which each node is a neuron and each edge a synapse, with
    the edge's `weight` (default 1) and `delay` (default 1 step) where it has them; an undirected edge is a synapse each way.
    """
    if neuron is None:
        return _declared(graph)
    from neurograph.connectivity.explicit import Explicit

    count = graph.number_of_nodes()
    if not count:
        raise GraphError(f"from_networkx(...) at {declared_at()}: the graph has no nodes; give one that has")
    out = Graph(str(graph.name) or "graph")
    population = out.population(name, neuron, count)
    if graph.number_of_edges():
        rule = Explicit.from_networkx(graph)
        port = population[neuron.inputs[0]] if neuron.inputs else population
        out.connect(population, port, rule, delay=None if rule.delay is not None else 1.0)
    return out


def _declared(graph: networkx.Graph) -> Graph:
    out = Graph(str(graph.name) or "graph")
    for name, data in graph.nodes(data=True):
        if getattr(data.get("node"), "name", None) != name:
            raise GraphError(
                f"from_networkx(...) at {declared_at()}: node {name!r} has no attribute 'node' as to_networkx() gives it. "
                "For a graph of another origin give neuron=, and each node is one neuron"
            )
        out.nodes[name] = data["node"]
    edges = list(graph.edges(keys=True, data=True)) if graph.is_multigraph() else []
    for source, target, key, data in sorted(edges, key=lambda e: e[3].get("place", len(edges))):
        p = data.get("projection")
        ends = p is not None and (p.source.node, p.target.node, p.name)
        if ends != (source, target, key):
            raise GraphError(
                f"from_networkx(...) at {declared_at()}: edge {source!r} -> {target!r} ({key!r}) has no attribute "
                "'projection' that says so; connect() in the Graph instead of adding edges in networkx"
            )
        out.projections[key] = p
    kept = {*out.nodes, *out.projections}
    out.probes.update({p.key: p for p in graph.graph.get("probes", ()) if p.population in kept})
    return out
