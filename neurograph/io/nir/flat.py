"""Nested graphs in one plane: `block` holding `lif` becomes `block.lif`, its Input and Output become plain edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from neurograph.errors import FormatError
from neurograph.io.nir.model import MOST_EDGES, Edge, Net, Node


@dataclass
class Flat:
    """Nodes by NIR name, and edges between them, sorted; an edge may stand twice."""

    nodes: dict[str, Node]
    edges: list[Edge]
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.edges = sorted(self.edges)
        self.into: dict[str, list[str]] = {n: [] for n in self.nodes}
        self.out_of: dict[str, list[str]] = {n: [] for n in self.nodes}
        for a, b in self.edges:
            self.into[b].append(a)
            self.out_of[a].append(b)


def flattened(net: Net, where: str) -> Flat:
    """The graph without nesting."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    ports: dict[str, tuple[str, str]] = {}  # of a nested graph: its input and its output
    passed: set[str] = set()

    def place(inner: Net, prefix: str, at: str) -> None:
        for name, node in inner.nodes.items():
            full = f"{prefix}{name}"
            if full in nodes or full in ports:
                raise FormatError(f"{where}: two nodes are named {full!r} once nested graphs are laid flat. Rename one")
            if isinstance(node, Net):
                ports[full] = _ports(node, full, f"{where}, graph {full!r}")
                passed.update(ports[full])
                place(node, f"{full}.", f"{where}, graph {full!r}")
            else:
                nodes[full] = node
        seen: set[Edge] = set()
        for a, b in inner.edges:
            for end in (a, b):
                if end not in inner.nodes:
                    known = ", ".join(list(inner.nodes)[:8])
                    raise FormatError(f"{at}: edge {a!r} -> {b!r}: there is no node {end!r}; known are {known}")
            if (a, b) in seen:
                raise FormatError(f"{at}: edge {a!r} -> {b!r} stands twice; NIR sums edges, so write a Scale of 2")
            seen.add((a, b))
            from_, to = inner.nodes[a], inner.nodes[b]
            if isinstance(from_, Node) and from_.kind == "Output":
                raise FormatError(f"{at}: edge {a!r} -> {b!r} leaves an Output")
            if isinstance(to, Node) and to.kind == "Input":
                raise FormatError(f"{at}: edge {a!r} -> {b!r} enters an Input")
            source = ports[f"{prefix}{a}"][1] if isinstance(from_, Net) else f"{prefix}{a}"
            target = ports[f"{prefix}{b}"][0] if isinstance(to, Net) else f"{prefix}{b}"
            edges.append((source, target))

    place(net, "", where)
    kept = bypassed(list(nodes), edges, passed)
    return Flat({n: node for n, node in nodes.items() if n not in passed}, kept, net.metadata)


def bypassed(names: list[str], edges: list[Edge], passed: set[str]) -> list[Edge]:
    """The edges once the nodes `passed` only pass on what arrives: every source to every target."""
    into: dict[str, list[str]] = {n: [] for n in names}
    out_of: dict[str, list[str]] = {n: [] for n in names}
    for a, b in edges:
        out_of[a].append(b)
        into[b].append(a)
    count = len(edges)
    for name in [n for n in names if n in passed]:
        sources, targets = into.pop(name), out_of.pop(name)
        count += len(sources) * len(targets)
        if count > MOST_EDGES:
            raise FormatError(f"{name!r}: nested graphs laid flat make more than {MOST_EDGES:,} edges")
        if name in sources:
            raise FormatError(f"{name!r} only passes on what arrives, and passes it to itself")
        for a in sources:
            out_of[a] = [t for t in out_of[a] if t != name]
        for b in targets:
            into[b] = [s for s in into[b] if s != name]
        for a in sources:
            out_of[a] += targets
        for b in targets:
            into[b] += sources
    return [(a, b) for a, targets in out_of.items() for b in targets]


def _ports(net: Net, full: str, where: str) -> tuple[str, str]:
    ends = []
    for kind in ("Input", "Output"):
        found = [n for n, node in net.nodes.items() if isinstance(node, Node) and node.kind == kind]
        if len(found) != 1:
            raise FormatError(
                f"{where}: a nested graph has one {kind}, here are {len(found)}: {', '.join(found) or 'none'}"
            )
        ends.append(f"{full}.{found[0]}")
    return ends[0], ends[1]
