"""The data of a page: nodes and projections with all that is said of them, as plain JSON values.

What many share is held once: kinds of neurons, units (one neuron's values), parts of projections.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable
from typing import Any

import networkx
import numpy as np

from neurograph.connectivity.rule import Rule
from neurograph.distributions import Distribution
from neurograph.errors import NeuroGraphError
from neurograph.fields import Learnable
from neurograph.graph import Graph, Input, Node, Population, Projection
from neurograph.spec import Shape
from neurograph.synapses.synapse import Synapse
from neurograph.view.folds import Edge, folds_of
from neurograph.view.numbers import number, shown
from neurograph.view.subject import Subject
from neurograph.view.unit import kind_key, kind_of, sentence, values_of

Json = dict[str, Any]


class Table:
    """Values that many share, each held once."""

    def __init__(self) -> None:
        self.rows: list[Json] = []
        self._places: dict[str, int] = {}

    def add(self, row: Json) -> int:
        key = json.dumps(row, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append(row)
        return self._places[key]


class Reader:
    """Reads a subject, element by element."""

    def __init__(self, subject: Subject):
        self.subject, self.graph = subject, subject.graph
        self.kinds, self.units, self.parts = Table(), Table(), Table()
        self._kind_rows: dict[Hashable, int] = {}
        self._known: dict[int, int] = {}  # declared objects whose unit is known
        self.shapes = _shapes(subject)
        tape, final = subject.inferred, subject.final
        self.slots = {} if tape is None else tape.slots
        self.built = {} if final is None else {i.name: i.what for i in final.walk() if i.op in ("project", "plastic")}

    def data(self) -> Json:
        """Everything but the tapes and the overlay."""
        cycles = _cycles(self.graph)
        edges = [self.edge(p, cycles) for p in self.graph.projections.values()]
        nodes = [self.node(n) for n in self.graph.nodes.values()]
        leaves = {n["id"]: (n["kind"], n.get("unit"), n["what"], tuple(n["shape"] or ())) for n in nodes}
        folds = folds_of(leaves, [Edge(e["source"], e["target"], self._sameness(e)) for e in edges])
        return {
            "nodes": nodes, "edges": edges, "kinds": self.kinds.rows, "units": self.units.rows, "parts": self.parts.rows,
            "folds": [{"members": list(f.members), "how": f.how} for f in folds],
        }  # fmt: skip

    def _sameness(self, edge: Json) -> Any:
        """Equal for projections that compute the same; where they are and what training found does not count."""
        parts = tuple(
            (r["text"], str(r["in"]), str(r["out"]), r.get("weight", {}).get("text"), r.get("plasticity"))
            for r in (self.parts.rows[k] for k in edge["parts"])
        )
        return edge["output"], edge["port"], parts, edge["delay"]

    def unit(self, declared: Any) -> int:
        if id(declared) not in self._known:
            key = kind_key(declared)
            if key not in self._kind_rows:
                self._kind_rows[key] = self.kinds.add(kind_of(declared, self.subject.dt))
            self._known[id(declared)] = self.units.add({"kind": self._kind_rows[key], **values_of(declared)})
        return self._known[id(declared)]

    def _ops(self, unit: int) -> int:
        return int(self.kinds.rows[self.units.rows[unit]["kind"]]["ops"])

    def node(self, node: Node) -> Json:
        shape = self.shapes.get(node.name)
        out: Json = {"id": node.name, "kind": type(node).__name__.lower(), "shape": _list(shape), "at": node.at}
        probes = [p.variable for p in self.graph.probes.values() if p.population == node.name]
        if probes:
            out["probes"] = probes
        if not isinstance(node, Population):
            part = node.encoder if isinstance(node, Input) else node.readout
            return {**out, "what": repr(part), "type": type(part).__name__, "doc": sentence(type(part))}
        neuron, unit = node.neuron, self.unit(node.neuron)
        out |= {"unit": unit, "what": repr(neuron), "type": type(neuron).__name__}
        if node.combine != "add":
            out["combine"] = node.combine if isinstance(node.combine, str) else repr(node.combine)
        learnt = self.values(node.name)
        if learnt:
            out |= {"learnt": learnt, "weights": sum(v["count"] for v in learnt)}
        if shape is not None:
            size = math.prod(shape)
            held = sum(np.size(p.value if isinstance(p, Learnable) else p) for p in neuron.params.values())
            out["bytes"] = (len(neuron.states) * size + held) * self.subject.itemsize
            out["ops"] = self._ops(unit) * size
        return out

    def values(self, owner: str) -> list[Json]:
        """The weights of an instruction with the values that are known."""
        out = []
        for key, weight in self.subject.by_owner.get(owner, {}).items():
            held = self.subject.known(f"{owner}.{key}", weight)
            out.append({
                "name": key, "shape": list(weight.shape), "count": math.prod(weight.shape),
                "learnt": weight.learnable and not weight.buffer, "value": None if held is None else shown(held),
            })  # fmt: skip
        return out

    def edge(self, p: Projection, cycles: dict[str, int]) -> Json:
        delayed = not (isinstance(p.delay, int | float) and p.delay == 0)
        shape, parts = self.shapes.get(p.source.node), []
        for name, part in p.parts:
            slot = self.slots.get(name)
            after = shape if isinstance(part, Synapse) else None if slot is None else slot.shape
            row: Json = {"type": type(part).__name__, "text": repr(part), "in": _list(shape), "out": _list(after)}
            if isinstance(part, Synapse):
                row |= self._synapse(part, shape)
            elif isinstance(part, Rule):
                row |= {"doc": sentence(type(part)), **self._synapses(p, part, name)}
            else:
                row |= self._operator(name, part, shape, after)
            parts.append(self.parts.add(row))
            shape = after
        return {
            "id": p.name, "source": p.source.node, "output": p.source.port, "target": p.target.node,
            "port": p.target.port, "parts": parts, "at": p.at, "delay": _short(p.delay) if delayed else "",
            "loop": cycles[p.source.node] >= 0 and cycles[p.source.node] == cycles[p.target.node],
        }  # fmt: skip

    def _synapse(self, part: Synapse, shape: Shape | None) -> Json:
        unit, size = self.unit(part), 0 if shape is None else math.prod(shape)
        held = len(part.states) * size * self.subject.itemsize
        return {"unit": unit, "ops": self._ops(unit) * size, "bytes": held}

    def _operator(self, name: str, part: Any, before: Shape | None, after: Shape | None) -> Json:
        weights, macs = self.values(name), 0
        if before is not None and after is not None:
            try:
                macs = part.macs(before, after)
            except NeuroGraphError:
                macs = 0
        return {
            "doc": sentence(type(part)), "values": weights, "weights": sum(w["count"] for w in weights if w["learnt"]),
            "ops": macs, "bytes": sum(w["count"] for w in weights) * self.subject.itemsize,
        }  # fmt: skip

    def _synapses(self, p: Projection, rule: Rule, name: str) -> Json:
        """What is known of the synapses of a connectivity rule: made by a program, or expected."""
        own = getattr(rule, "weight", None)
        weight = p.weight if own is None else own
        out: Json = {"weight": shown(weight), "sign": _sign(weight), "delays": shown(p.delay)}
        if p.plasticity is not None:
            out["plasticity"] = self.unit(p.plasticity)
        source, target = self.shapes.get(p.source.node), self.shapes.get(p.target.node)
        if source is None or target is None:
            return out
        n_pre, n_post = math.prod(source), math.prod(target)
        made = getattr(self.built.get(name), "synapses", None)
        if made is not None:
            count, out["made"], out["bytes"] = made.count, True, made.nbytes
            present = self._present(p, name)
            if present is not None or isinstance(made.weight, np.ndarray):
                out["weight"] = shown(made.weight if present is None else present)
            if made.longest > made.shortest:
                out["delays"] = {"text": f"{made.shortest} to {made.longest} steps"}
        else:
            expected = rule.expected(n_pre, n_post, p.source.node == p.target.node)
            if expected is None:
                return out
            count = round(expected)
            # a synapse is one word of 32 bits, and a weight of its own where they differ
            out["bytes"] = count * (4 if isinstance(weight, int | float) and p.plasticity is None else 8)
        return out | {
            "synapses": count, "weights": count, "fan_out": number(count / n_pre), "fan_in": number(count / n_post)
        }  # fmt: skip

    def _present(self, p: Projection, name: str) -> Any:
        """The weights as a program has them now, where they can change."""
        if f"{name}.weight" in self.subject.weights:
            return self.subject.weights[f"{name}.weight"]
        synapses = getattr(self.subject.program, "synapses", None)
        return synapses(p.name)[2] if p.plasticity is not None and callable(synapses) else None


def _shapes(subject: Subject) -> dict[str, Shape]:
    """The shape of each node; of a graph that is not complete, those that were declared."""
    tape, out = subject.inferred, {}
    for node in subject.graph.nodes.values():
        name = f"{node.name}.{node.neuron.outputs[0]}" if isinstance(node, Population) else node.name
        if tape is not None and name in tape.slots:
            out[node.name] = tape.slots[name].shape
        elif isinstance(node, Input | Population) and node.shape is not None:
            out[node.name] = node.shape
    return out


def _cycles(graph: Graph) -> dict[str, int]:
    """Which cycle each node lies in: its number, or below zero and of its own where it is in none."""
    flow = networkx.DiGraph()
    flow.add_nodes_from(graph.nodes)
    flow.add_edges_from((p.source.node, p.target.node) for p in graph.projections.values())
    out: dict[str, int] = {}
    for k, component in enumerate(networkx.strongly_connected_components(flow)):
        alone = len(component) == 1 and not any(flow.has_edge(n, n) for n in component)
        out.update({n: -1 - k if alone else k for n in component})
    return out


def _sign(weight: Any) -> int:
    """1 or -1 where all weights have that sign, 0 where that is not known."""
    value = weight.value if isinstance(weight, Learnable) else weight
    if isinstance(value, Distribution):
        low, high = value.low, value.high
        return 1 if low is not None and low >= 0 else -1 if high is not None and high <= 0 else 0
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.size == 0:
        return 0
    return 1 if np.all(array >= 0) else -1 if np.all(array <= 0) else 0


def _short(delay: Any) -> str:
    if isinstance(delay, int | float):
        return number(float(delay))
    if isinstance(delay, np.ndarray | list | tuple):
        array = np.asarray(delay)
        return f"{number(float(array.min()))} to {number(float(array.max()))}" if array.size else ""
    return repr(delay)


def _list(shape: Shape | None) -> list[int] | None:
    return None if shape is None else list(shape)
