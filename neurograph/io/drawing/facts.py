"""What an export tells of each node and projection: the facts of the page of a graph, as plain values."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from neurograph.connectivity.rule import Rule
from neurograph.graph import Graph, Population, Projection
from neurograph.projections.operator import Operator

Plain = dict[str, str | int | float | bool]


@dataclass(frozen=True)
class NodeFacts:
    """An input, population or output; `shape` None where it cannot be inferred."""

    name: str
    kind: str
    type: str  # class of its neuron, encoder or readout
    what: str  # that with its parameters
    shape: tuple[int, ...] | None
    neurons: int
    weights: int
    operations: int  # of one step of all its neurons
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    combine: str
    probes: tuple[str, ...]
    at: str

    @property
    def plain(self) -> Plain:
        """Numbers and texts by name; what says nothing is left out."""
        said: Plain = {
            "kind": self.kind, "neuron": self.type, "what": self.what, "shape": _times(self.shape),
            "neurons": self.neurons, "weights": self.weights, "operations": self.operations,
            "inputs": ", ".join(self.inputs), "outputs": ", ".join(self.outputs), "probes": ", ".join(self.probes),
            "combine": "" if self.combine == "add" else self.combine, "at": self.at,
        }  # fmt: skip
        if self.kind != "population":
            said.pop("neuron")
        return {k: v for k, v in said.items() if v not in ("", 0)}


@dataclass(frozen=True)
class Part:
    """What a projection is made of, in order: an operator, a rule of connection or a synapse model."""

    name: str
    type: str
    what: str
    shape: tuple[int, ...] | None  # of what leaves it
    weights: int
    macs: int


@dataclass(frozen=True)
class EdgeFacts:
    """A projection; `delay` is "" for none, `sign` 1 or -1 where all its synapses excite or inhibit."""

    name: str
    source: str
    output: str
    target: str
    port: str
    parts: tuple[Part, ...]
    delay: str
    weights: int
    synapses: int
    macs: int
    sign: int
    weight: str
    plasticity: str
    recurrent: bool  # both ends lie in one cycle
    closing: bool  # it leads back, to what was declared before its source
    ports: int  # of the target that projections lead to
    at: str

    @property
    def plain(self) -> Plain:
        """Numbers and texts by name; what says nothing is left out."""
        said: Plain = {
            "operators": " > ".join(p.what for p in self.parts), "delay": self.delay, "weights": self.weights,
            "synapses": self.synapses, "macs": self.macs, "source_port": self.output, "target_port": self.port,
            "synaptic_weight": self.weight, "plasticity": self.plasticity, "recurrent": self.recurrent, "at": self.at,
        }  # fmt: skip
        return {k: v for k, v in said.items() if v not in ("", 0) or k == "recurrent"}


@dataclass(frozen=True)
class Facts:
    """A graph's nodes and projections in their order; `problem` says why shapes are missing."""

    name: str
    nodes: tuple[NodeFacts, ...]
    edges: tuple[EdgeFacts, ...]
    problem: str

    @property
    def weights(self) -> int:
        return sum(n.weights for n in self.nodes) + sum(e.weights for e in self.edges)


def facts_of(graph: Graph, dt: float | None = None) -> Facts:
    """The facts of a graph, complete or not; `dt` is one that fits its delays unless given."""
    from neurograph.view.data import Reader
    from neurograph.view.subject import subject_of

    subject = subject_of(graph, dt)
    data = Reader(subject).data()
    order = {name: k for k, name in enumerate(graph.nodes)}
    nodes = tuple(_node(graph, row) for row in data["nodes"])
    edges = tuple(_edge(graph, row, data, order) for row in data["edges"])
    return Facts(graph.name, nodes, edges, subject.problem)


def _node(graph: Graph, row: dict[str, Any]) -> NodeFacts:
    node = graph.nodes[row["id"]]
    neuron = node.neuron if isinstance(node, Population) else None
    shape = _shape(row["shape"])
    return NodeFacts(
        name=row["id"], kind=row["kind"], type=row["type"], what=row["what"], shape=shape,
        neurons=math.prod(shape) if neuron is not None and shape is not None else 0,
        weights=row.get("weights", 0), operations=row.get("ops", 0),
        inputs=() if neuron is None else tuple(neuron.inputs), outputs=() if neuron is None else tuple(neuron.outputs),
        combine=row.get("combine", "add"), probes=tuple(row.get("probes", ())), at=row["at"],
    )  # fmt: skip


def _edge(graph: Graph, row: dict[str, Any], data: dict[str, Any], order: dict[str, int]) -> EdgeFacts:
    p = graph.projections[row["id"]]
    rows = [data["parts"][k] for k in row["parts"]]
    parts = tuple(
        Part(
            name, r["type"], r["text"], _shape(r["out"]),
            0 if isinstance(part, Rule) else r.get("weights", 0), r.get("ops", 0) if isinstance(part, Operator) else 0,
        )
        for (name, part), r in zip(p.parts, rows, strict=True)
    )  # fmt: skip
    rule: dict[str, Any] = next((r for (_, part), r in zip(p.parts, rows, strict=True) if isinstance(part, Rule)), {})
    return EdgeFacts(
        name=p.name, source=p.source.node, output=p.source.port, target=p.target.node, port=p.target.port,
        parts=parts, delay=row["delay"], weights=sum(part.weights for part in parts), synapses=rule.get("synapses", 0),
        macs=sum(part.macs for part in parts), sign=_sign(p, rule.get("sign", 0)), weight=rule.get("weight", {}).get("text", ""),
        plasticity="" if p.plasticity is None else repr(p.plasticity), recurrent=row["loop"],
        closing=row["loop"] and order[p.target.node] <= order[p.source.node],
        ports=len({q.target.port for q in graph.projections.values() if q.target.node == p.target.node}), at=p.at,
    )  # fmt: skip


def _sign(p: Projection, sign: int) -> int:
    # conductances and currents of an inhibitory port are given as positive numbers
    return -1 if sign and "inh" in p.target.port.split("_") else sign


def label_lines(edge: EdgeFacts, most: int = 4) -> list[str]:
    """What is written beside a projection: operators, port, plasticity and delay, each at most a line."""
    parts = [short(p.what, 30) for p in edge.parts]
    room = most - bool(edge.delay) - (edge.ports > 1) - bool(edge.plasticity)
    if len(parts) > max(1, room):
        kept = max(1, room - 1)
        parts = [*parts[:kept], f"+ {len(parts) - kept} more"]
    if edge.plasticity:
        parts.append(short(edge.plasticity, 30))
    if edge.ports > 1:
        parts.append(f"to {edge.port}")
    if edge.delay:
        parts.append(f"delay {short(edge.delay, 24)}")
    return parts


def short(text: str, most: int) -> str:
    """Text of at most so many characters; of a long call, first its arguments go."""
    if len(text) <= most:
        return text
    name, bracket, _ = text.partition("(")
    if bracket and len(name) + 3 <= most:
        inside = text[len(name) + 1 :]
        cut = inside[: max(0, most - len(name) - 3)]
        whole = cut.rpartition(",")[0]
        return f"{name}({whole}, …)" if whole else f"{name}(…)"
    return text[: most - 1] + "…"


def count_text(number: int) -> str:
    """12,345 as 12.3k: three digits and a letter."""
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return str(number)


def summary_line(facts: Facts) -> str:
    """How many there are of what, on one line."""
    kinds = Counter(n.kind for n in facts.nodes)
    said = [_many(kinds["population"], "population"), _many(len(facts.edges), "projection")]
    neurons, synapses = sum(n.neurons for n in facts.nodes), sum(e.synapses for e in facts.edges)
    if neurons:
        said.append(f"{count_text(neurons)} neurons")
    if facts.weights:
        said.append(f"{count_text(facts.weights)} weights")
    if synapses:
        said.append(f"{count_text(synapses)} synapses")
    return ", ".join(said)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _shape(sizes: list[int] | None) -> tuple[int, ...] | None:
    return None if sizes is None else tuple(sizes)


def _times(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else "x".join(map(str, shape))
