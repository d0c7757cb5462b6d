"""What a page folds: siblings that are equal in themselves and in how they are connected, drawn once with a count.

The dotted names make a tree. Among the children of one parent these are folded:

* chain: three or more equal populations in a row, or two or more equal blocks, each connected to the next alike;
* alike: three or more that are equal and have the same neighbours by the same projections;
* many: eight or more that are equal, among more siblings than can be looked at, however they are connected.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CROWD = 60  # siblings from which equal ones are folded whatever their connections
_Link = tuple[Any, ...]


@dataclass(frozen=True)
class Edge:
    """A projection as folding sees it; `kind` is equal for projections that compute the same."""

    source: str
    target: str
    kind: Hashable


@dataclass
class _Node:
    name: str
    children: dict[str, _Node] = field(default_factory=dict)
    kind: Hashable = None  # of a leaf


@dataclass(frozen=True)
class Fold:
    """Siblings that are drawn as their first, and why."""

    members: tuple[str, ...]
    how: str


def folds_of(leaves: Mapping[str, Hashable], edges: Sequence[Edge]) -> list[Fold]:
    """The folds of a graph: `leaves` maps each node's dotted name to what it is, in order."""
    root = _Node("")
    for name, kind in leaves.items():
        at = root
        parts = name.split(".")
        for k in range(len(parts)):
            prefix = ".".join(parts[: k + 1])
            at = at.children.setdefault(prefix, _Node(prefix))
        at.kind = kind
    out: list[Fold] = []
    _fold(root, list(edges), out)
    return out


def _fold(parent: _Node, edges: list[Edge], out: list[Fold]) -> None:
    """`edges` are those with an end inside `parent`."""
    children = list(parent.children)
    depth = parent.name.count(".") + 2 if parent.name else 1

    def child(name: str) -> str:
        """The child of `parent` that a leaf is in, or nothing."""
        prefix = ".".join(name.split(".", depth)[:depth])
        return prefix if prefix in parent.children else ""

    inner: dict[str, list[Edge]] = defaultdict(list)
    outer: dict[str, list[tuple[Edge, bool]]] = defaultdict(list)  # an edge, and whether it leaves the child
    for edge in edges:
        a, b = child(edge.source), child(edge.target)
        if a and a == b:
            inner[a].append(edge)
        else:
            if a:
                outer[a].append((edge, True))
            if b:
                outer[b].append((edge, False))
    kinds = {name: _shape(parent.children[name], inner[name]) for name in children}
    taken: set[str] = set()
    for fold in (*_chains(parent, children, kinds, outer, child), *_alike(children, kinds, outer, child)):
        if taken.isdisjoint(fold.members):
            taken.update(fold.members)
            out.append(fold)
    for name in children:
        node = parent.children[name]
        if node.children:
            _fold(node, inner[name] + [e for e, _ in outer[name]], out)


def _shape(node: _Node, inner: list[Edge]) -> Hashable:
    """What a child is in itself, its own name left out."""
    cut = len(node.name)

    def tree(at: _Node) -> Hashable:
        return (at.name[cut:], at.kind, tuple(tree(c) for c in at.children.values()))

    wires = Counter((e.source[cut:], e.target[cut:], e.kind) for e in inner)
    return tree(node), frozenset(wires.items())


def _chains(parent: _Node, children: list[str], kinds: Any, outer: Any, child: Any) -> list[Fold]:
    out: list[Fold] = []
    start = 0
    while start < len(children):
        stop = start + 1
        while stop < len(children) and kinds[children[stop]] == kinds[children[start]]:
            stop += 1
        while stop - start >= 2:
            run = children[start:stop]
            least = 2 if parent.children[run[0]].children else 3
            length = _chain_length(run, outer, child)
            if length >= least:
                out.append(Fold(tuple(run[:length]), "chain"))
            start += max(1, length)
        start = max(start, stop)
    return out


def _chain_length(run: list[str], outer: Any, child: Any) -> int:
    """How many of the first members form a chain: equal links from each to the next, and equal ends elsewhere."""
    place = {name: k for k, name in enumerate(run)}
    links: list[Counter[_Link]] = []
    coming: list[Counter[_Link]] = []
    going: list[Counter[_Link]] = []
    for k, name in enumerate(run):
        cut = len(name)
        link, into, outof = Counter[_Link](), Counter[_Link](), Counter[_Link]()
        for edge, leaves in outer[name]:
            mine, other = (edge.source, edge.target) if leaves else (edge.target, edge.source)
            owner = child(other)
            step = place[owner] - k if owner in place else None
            if step == 1:
                link[(leaves, mine[cut:], other[len(owner) :], edge.kind)] += 1
            elif step == -1:
                continue  # counted at its other end
            else:
                (outof if leaves else into)[(mine[cut:], other, edge.kind)] += 1
        links.append(link)
        coming.append(into)
        going.append(outof)
    if not links[0]:
        return 1
    length = 1
    while length < len(run):
        k = length  # the member that would join: its link backwards, and what it must not have besides
        if links[k - 1] != links[0]:
            break
        if k > 1 and coming[k] != coming[1]:  # the first may have more coming in, the last more going out
            break
        if k > 1 and going[k - 1] != going[0]:
            break
        if coming[1] - coming[0]:
            break
        length += 1
    return length


def _alike(children: list[str], kinds: Any, outer: Any, child: Any) -> list[Fold]:
    by_place: dict[Hashable, list[str]] = defaultdict(list)
    for name in children:
        cut = len(name)
        place = Counter(
            (leaves, (e.source if leaves else e.target)[cut:], e.target if leaves else e.source, e.kind)
            for e, leaves in outer[name]
        )
        by_place[kinds[name], frozenset(place.items())].append(name)
    out = [Fold(tuple(m), "alike") for m in by_place.values() if len(m) >= 3]
    if len(children) > CROWD:
        by_kind: dict[Hashable, list[str]] = defaultdict(list)
        for name in children:
            by_kind[kinds[name]].append(name)
        out = [Fold(tuple(m), "many") for m in by_kind.values() if len(m) >= 8] + out
    return out
