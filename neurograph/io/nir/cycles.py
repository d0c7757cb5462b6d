"""Where the step of delay of a cycle lies, and the order in which nodes are evaluated.

NIR allows cycles and does not say which of their edges is one step late. The rule here looks at the graph alone, never at the
order of its nodes: in each strongly connected part, the neuron nearest to an Input (then the first by name) is taken to come
first, and the edges of the part that enter it are cut; then the same in what is left. Only edges that enter a neuron are cut,
never one that enters a weight, and none where a Delay of a step or more lies in the cycle.
"""

from __future__ import annotations

from collections.abc import Callable

import networkx

from neurograph.errors import FormatError
from neurograph.io.nir.flat import Flat
from neurograph.io.nir.model import Edge

_MOST_WORK = 20_000_000


def back_edges(net: Flat, late: Callable[[str], bool], where: str) -> list[Edge]:
    """The edges that carry a step of delay, sorted. `late` says whether a Delay is of at least one step."""
    near = _distance(net)
    flow: networkx.DiGraph = networkx.DiGraph()
    flow.add_nodes_from(sorted(net.nodes))
    flow.add_edges_from((a, b) for a, b in net.edges if not late(a))
    cut: list[Edge] = []
    work, visited = [set(net.nodes)], 0
    while work:
        part = flow.subgraph(work.pop())
        visited += len(part) + part.number_of_edges()
        if visited > _MOST_WORK:
            raise FormatError(f"{where}: its cycles are entangled beyond what is read ({_MOST_WORK:,} edges looked at)")
        for members in list(networkx.strongly_connected_components(part)):
            if len(members) == 1 and not part.has_edge(*(2 * tuple(members))):
                continue
            neurons = [n for n in members if net.nodes[n].is_neuron]
            if not neurons:
                path = " -> ".join([*sorted(members), sorted(members)[0]])
                raise FormatError(
                    f"{where}: the cycle {path} holds no neuron and no delay of a step, so its values would depend on "
                    "themselves. Put a Delay into it"
                )
            first = min(neurons, key=lambda n: (near.get(n, len(net.nodes)), n))
            entering = sorted((a, first) for a in flow.pred[first] if a in members)
            cut += entering
            flow.remove_edges_from(entering)
            work.append(set(members))
    return sorted(cut)


def evaluation_order(net: Flat, cut: list[Edge], late: Callable[[str], bool]) -> list[str]:
    """Every node after those it reads in the same step: nearest to an Input first, then by name."""
    near = _distance(net)
    flow: networkx.DiGraph = networkx.DiGraph()
    flow.add_nodes_from(net.nodes)
    flow.add_edges_from((a, b) for a, b in net.edges if (a, b) not in set(cut) and not late(a))
    last = len(net.nodes)
    return list(networkx.lexicographical_topological_sort(flow, key=lambda n: (near.get(n, last), n)))


def _distance(net: Flat) -> dict[str, int]:
    """Edges from the nearest Input."""
    out: dict[str, int] = {}
    front, steps = [n for n, node in net.nodes.items() if node.kind == "Input"], 0
    while front:
        out.update(dict.fromkeys(front, steps))
        front, steps = list(dict.fromkeys(b for a in front for b in net.out_of[a] if b not in out)), steps + 1
    return out
