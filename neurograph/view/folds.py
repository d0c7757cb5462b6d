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
        stretch = _Stretch(children[start:stop], outer, child)
        least = 2 if parent.children[children[start]].children else 3
        first = 0
        while stop - start - first >= least:
            length = stretch.chain(first)
            if length >= least:
                out.append(Fold(tuple(stretch.names[first : first + length]), "chain"))
            first += length
        start = stop
    return out


class _Stretch:
    """Equal siblings in a row, and what connects each with the next and with the rest."""

    def __init__(self, names: list[str], outer: Any, child: Any):
        self.names, self.outer, self.child = names, outer, child
        self.place = {name: k for k, name in enumerate(names)}
        self._found: dict[int, tuple[Counter[_Link], Counter[_Link], Counter[_Link]]] = {}

    def ends(self, k: int) -> tuple[Counter[_Link], Counter[_Link], Counter[_Link]]:
        """Of a member: its links to the next, and what comes from and goes to any but its neighbours in the row."""
        if k not in self._found:
            cut = len(self.names[k])
            link, coming, going = Counter[_Link](), Counter[_Link](), Counter[_Link]()
            for edge, leaves in self.outer[self.names[k]]:
                mine, other = (edge.source, edge.target) if leaves else (edge.target, edge.source)
                owner = self.child(other)
                step = self.place[owner] - k if owner in self.place else None
                if step == 1:
                    link[(leaves, mine[cut:], other[len(owner) :], edge.kind)] += 1
                elif step != -1:  # that one is counted at its other end
                    (going if leaves else coming)[(mine[cut:], other, edge.kind)] += 1
            self._found[k] = link, coming, going
        return self._found[k]

    def chain(self, first: int) -> int:
        """How many from `first` on form a chain: each is linked to the next alike, and they are equal elsewhere.

        The first may have more coming in, the last more going out.
        """
        link, coming, going = self.ends(first)
        length = 1
        while link and first + length < len(self.names):
            before, (_, arriving, _) = self.ends(first + length - 1), self.ends(first + length)
            if before[0] != link or arriving - coming:
                break
            if length > 1 and (arriving != self.ends(first + 1)[1] or before[2] != going):
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
