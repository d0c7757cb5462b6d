"""Nested graphs again from dotted names: `block.lif` becomes `lif` in `block`, where NIR's one input and one output allow it."""

from __future__ import annotations

from collections.abc import Callable

from neurograph.io.nir.flat import Flat
from neurograph.io.nir.model import Edge, Net, Node, Sizes


def nest(flat: Flat, gives: Callable[[str], Sizes]) -> Net:
    """The graph with a nested one for each prefix; `gives` tells the shape of what a node gives.

    A prefix stays in the names where the edges across its border are not those of one input and one output.
    """
    return _level(dict(flat.nodes), list(flat.edges), "", gives, flat.metadata)


def _level(
    nodes: dict[str, Node], edges: list[Edge], above: str, gives: Callable[[str], Sizes], metadata: dict[str, object]
) -> Net:
    groups: dict[str, list[str]] = {}
    for name in nodes:
        head, dot, tail = name[len(above) :].partition(".")
        if dot and head and tail:
            groups.setdefault(head, []).append(name)
    out: dict[str, Node | Net] = {}
    inner: dict[str, str] = {}  # of a node that went into a graph: that graph
    for head, members in groups.items():
        made = _graph(head, members, nodes, edges, above, gives)
        if made is not None and above + head not in nodes:
            out[head] = made
            inner.update(dict.fromkeys(members, head))
    out.update((name[len(above) :], node) for name, node in nodes.items() if name not in inner)
    kept = {
        (inner.get(a, a[len(above) :]), inner.get(b, b[len(above) :]))
        for a, b in edges
        if a in nodes and b in nodes and inner.get(a, 0) != inner.get(b, 1)
    }
    return Net(out, sorted(kept), dict(metadata))


def _graph(
    head: str, members: list[str], nodes: dict[str, Node], edges: list[Edge], above: str, gives: Callable[[str], Sizes]
) -> Net | None:
    inside = set(members)
    if any(nodes[n].kind in ("Input", "Output") for n in members):
        return None
    entering = {(a, b) for a, b in edges if b in inside and a not in inside}
    leaving = {(a, b) for a, b in edges if a in inside and b not in inside}
    for crossing in (entering, leaving):
        sources, targets = {a for a, _ in crossing}, {b for _, b in crossing}
        if not crossing or len(crossing) != len(sources) * len(targets):
            return None  # not every source to every target: more than one input or output
    first, last = sorted(b for _, b in entering), sorted(a for a, _ in leaving)
    shapes = {gives(a) for a, _ in entering}, {gives(a) for a in last}
    if any(len(s) != 1 for s in shapes):
        return None
    prefix = f"{above}{head}."
    taken = {n[len(prefix) :] for n in members}
    source, target = (_free(n, taken) for n in ("input", "output"))
    within = {n: nodes[n] for n in members}
    made = _level(within, edges, prefix, gives, {})
    made.nodes = {
        source: Node("Input", {"shape": shapes[0].pop()}),
        **made.nodes,
        target: Node("Output", {"shape": shapes[1].pop()}),
    }
    at = {n: _place(n, prefix, made) for n in members}
    made.edges = sorted({*made.edges, *((source, at[b]) for b in first), *((at[a], target) for a in last)})
    return made


def _place(name: str, prefix: str, net: Net) -> str:
    """What stands for a node at this level: itself, or the nested graph it is in."""
    rest = name[len(prefix) :]
    head = rest.partition(".")[0]
    return rest if rest in net.nodes else head


def _free(name: str, taken: set[str]) -> str:
    while name in taken or any(t.startswith(f"{name}.") for t in taken):
        name += "_"
    return name
