"""The tree of dotted names: groups in groups, and rings of populations that project to each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Union

import networkx

Child = Union[str, "Group"]
Pair = tuple[str, str]


@dataclass
class Group:
    """Nodes and groups of one prefix, drawn in a box; or a ring, drawn without one. A satellite stands at a member."""

    prefix: str
    children: list[Child] = field(default_factory=list)
    title: str = ""
    ring: bool = False
    satellites: list[tuple[int, str]] = field(default_factory=list)

    @property
    def leaves(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child.leaves
        yield from (name for _, name in self.satellites)


def tree_of(names: Iterable[str], pairs: Sequence[Pair] = ()) -> Group:
    """The groups of dotted names in their order, rings in them; a prefix of a single node makes no group.

    `pairs` are the ends of all projections.
    """
    root = Group("")
    made = {"": root}
    for name in names:
        parent = root
        parts = name.split(".")
        for k in range(1, len(parts)):
            prefix = ".".join(parts[:k])
            if prefix not in made:
                made[prefix] = Group(prefix)
                parent.children.append(made[prefix])
            parent = made[prefix]
        parent.children.append(name)
    return _ringed(_tidy(root), pairs)


def _ringed(group: Group, pairs: Sequence[Pair]) -> Group:
    group = _with_rings(group, pairs)
    return replace(group, children=[c if isinstance(c, str) or c.ring else _ringed(c, pairs) for c in group.children])


def _tidy(group: Group) -> Group:
    children: list[Child] = []
    for child in group.children:
        if isinstance(child, Group):
            child = _tidy(child)
            while len(child.children) == 1 and isinstance(child.children[0], Group):
                child = child.children[0]
            if len(child.children) == 1 and isinstance(child.children[0], str):
                children.append(child.children[0])
                continue
            child = replace(child, title=child.prefix[len(group.prefix) + bool(group.prefix) :])
        children.append(child)
    return replace(group, children=children)


def titles_of(group: Group) -> dict[str, str]:
    """What is written in each node: its name without the prefix of the box it is in."""
    out = {}
    begin = len(group.prefix) + bool(group.prefix)
    for child in group.children:
        out.update({child: child[begin:]} if isinstance(child, str) else titles_of(child))
    return out | {name: name[begin:] for _, name in group.satellites}


def cycles_of(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The sets of children that lie in one cycle, each in order; those in none are left out."""
    flow = networkx.DiGraph()
    flow.add_nodes_from(range(count))
    flow.add_edges_from((a, b) for a, b in pairs if a != b)
    return [sorted(c) for c in networkx.strongly_connected_components(flow) if len(c) > 1]


def _with_rings(group: Group, pairs: Sequence[Pair]) -> Group:
    """The group with those of its nodes that mostly project to each other put into rings; `pairs` are all projections."""
    place = {leaf: k for k, child in enumerate(group.children) for leaf in _inside(child)}
    near = [(a, b) for a, b in pairs if a in place and b in place]
    lifted = {(place[a], place[b]) for a, b in near}
    rings = []
    for cycle in cycles_of(len(group.children), lifted):
        within = [(a, b) for a, b in lifted if a in cycle and b in cycle and (a != b or _leaf(group, a))]
        if all(_leaf(group, k) for k in cycle) and len(within) >= 1.5 * len(cycle) + 1:
            rings.append([str(group.children[k]) for k in cycle])
    children = list(group.children)
    for members in rings:
        satellites = _satellites(members, pairs, children)
        gone = {*members, *satellites.values()}
        at = children.index(members[0])
        made = Group(group.prefix, list(members), ring=True)
        made.satellites = [(members.index(m), s) for m, s in satellites.items()]
        children[at] = made
        children = [c for c in children if c is made or not gone.issuperset(_inside(c))]
    return replace(group, children=children)


def _satellites(members: list[str], pairs: Sequence[Pair], children: list[Child]) -> dict[str, str]:
    """Member -> the one source that has no other projection, where all its siblings are such sources too."""
    after, before = defaultdict(set), defaultdict(set)
    for a, b in pairs:
        after[a].add(b)
        before[b].add(a)
    found: dict[str, str] = {}
    for child in children:
        own = list(_inside(child))
        targets = [next(iter(after[s])) for s in own if not before[s] and len(after[s]) == 1]
        free = len(targets) == len(own) == len(set(targets)) and not set(targets) & set(found)
        if free and set(targets) <= set(members):
            found.update(zip(targets, own, strict=True))
    return found


def _inside(child: Child) -> list[str]:
    return [child] if isinstance(child, str) else list(child.leaves)


def _leaf(group: Group, k: int) -> bool:
    return isinstance(group.children[k], str)
