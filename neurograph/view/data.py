"""The data of a page: nodes and projections with all that is said of them, as plain JSON values."""

from __future__ import annotations

import json
import math
from typing import Any

import networkx
import numpy as np

from neurograph.distributions import Distribution
from neurograph.errors import NeuroGraphError
from neurograph.fields import Learnable
from neurograph.graph import Graph, Input, Node, Population, Projection
from neurograph.spec import Shape
from neurograph.synapses.synapse import Synapse
from neurograph.view.folds import Edge, folds_of
from neurograph.view.numbers import number, shown
from neurograph.view.subject import Subject
from neurograph.view.unit import sentence, unit_of

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
        self.units, self.ops = Table(), Table()
        self._known: dict[int, int] = {}  # declared objects whose row is known
        self.shapes = _shapes(subject)
        tape = subject.inferred
        self.slots = {} if tape is None else tape.slots
        final = subject.final
        self.built = {} if final is None else {i.name: i.what for i in final.walk() if i.op in ("project", "plastic")}

    def data(self) -> Json:
        """Everything but the tapes and the overlay."""
        cyclic = _cyclic(self.graph)
        edges = [self.edge(p, cyclic) for p in self.graph.projections.values()]
        nodes = [self.node(n) for n in self.graph.nodes.values()]
        leaves = {n["id"]: (n["kind"], n.get("unit"), n["what"], tuple(n["shape"] or ())) for n in nodes}
        folds = folds_of(leaves, [Edge(e["source"], e["target"], self._sameness(e)) for e in edges])
        return {
            "nodes": nodes, "edges": edges, "units": self.units.rows, "ops": self.ops.rows,
            "folds": [{"members": list(f.members), "how": f.how} for f in folds],
        }  # fmt: skip

    def _sameness(self, edge: Json) -> Any:
        """Equal for projections that compute the same; where they are and what training found does not count."""
        parts = tuple((r["text"], str(r["in"]), str(r["out"])) for r in (self.ops.rows[k] for k in edge["parts"]))
        weight = edge.get("weight", {}).get("text")
        return edge["output"], edge["port"], parts, edge["delay"], weight, edge.get("plasticity"), edge.get("synapses")

    def unit(self, declared: Any) -> int:
        if id(declared) not in self._known:
            self._known[id(declared)] = self.units.add(unit_of(declared, self.subject.dt))
        return self._known[id(declared)]

    def node(self, node: Node) -> Json:
        shape = self.shapes.get(node.name)
        size = None if shape is None else math.prod(shape)
        out: Json = {
            "id": node.name, "kind": type(node).__name__.lower(), "shape": None if shape is None else list(shape),
            "size": size, "at": node.at, "weights": 0, "bytes": 0, "ops": 0,
            "probes": [p.variable for p in self.graph.probes.values() if p.population == node.name],
        }  # fmt: skip
        if not isinstance(node, Population):
            part = node.encoder if isinstance(node, Input) else node.readout
            return {**out, "what": repr(part), "type": type(part).__name__, "doc": sentence(type(part))}
        neuron = node.neuron
        out |= {"unit": self.unit(neuron), "what": repr(neuron), "type": type(neuron).__name__}
        out["combine"] = node.combine if isinstance(node.combine, str) else repr(node.combine)
        out["ports"] = list(neuron.inputs)
        out["learnt"] = self.values(node.name)
        out["weights"] = sum(v["count"] for v in out["learnt"])
        if size is not None:
            held = sum(np.size(p.value if isinstance(p, Learnable) else p) for p in neuron.params.values())
            out["bytes"] = (len(neuron.states) * size + held) * self.subject.itemsize
            out["ops"] = self.units.rows[out["unit"]]["ops"] * size
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

    def edge(self, p: Projection, cyclic: dict[str, int]) -> Json:
        delayed = not (isinstance(p.delay, int | float) and p.delay == 0)
        parts, macs, weights, size = [], 0, 0, 0
        shape = self.shapes.get(p.source.node)
        for name, part in p.parts:
            after = shape if isinstance(part, Synapse) else self._after(name)
            row = self._synapse(part, shape) if isinstance(part, Synapse) else self._operator(name, part, shape, after)
            macs, weights = macs + row["macs"], weights + row["count"]
            size += row["bytes"]
            parts.append(self.ops.add(row))
            shape = after
        out: Json = {
            "id": p.name, "source": p.source.node, "output": p.source.port, "target": p.target.node,
            "port": p.target.port, "parts": parts, "at": p.at, "ops": macs, "weights": weights, "bytes": size,
            "delay": _short(p.delay) if delayed else "",
            "loop": cyclic[p.source.node] >= 0 and cyclic[p.source.node] == cyclic[p.target.node],
        }  # fmt: skip
        if p.rule is not None:
            out |= self._synapses(p)
        if p.plasticity is not None:
            out["plasticity"] = self.unit(p.plasticity)
        return out

    def _after(self, name: str) -> Shape | None:
        slot = self.slots.get(name)
        return None if slot is None else slot.shape

    def _synapse(self, part: Synapse, shape: Shape | None) -> Json:
        unit, size = self.unit(part), 0 if shape is None else math.prod(shape)
        return {
            "type": type(part).__name__, "text": repr(part), "unit": unit, "in": _list(shape), "out": _list(shape),
            "weights": [], "count": 0, "macs": self.units.rows[unit]["ops"] * size,
            "bytes": len(part.states) * size * self.subject.itemsize,
        }  # fmt: skip

    def _operator(self, name: str, part: Any, before: Shape | None, after: Shape | None) -> Json:
        known = before is not None and after is not None
        weights = self.values(name)
        count = sum(w["count"] for w in weights if w["learnt"])
        held = sum(w["count"] for w in weights)
        macs = 0
        if known:
            try:
                macs = part.macs(before, after)
            except NeuroGraphError:
                macs = 0
        return {
            "type": type(part).__name__, "text": repr(part), "doc": sentence(type(part)), "in": _list(before),
            "out": _list(after), "weights": weights, "count": count, "macs": macs, "bytes": held * self.subject.itemsize,
        }  # fmt: skip

    def _synapses(self, p: Projection) -> Json:
        """What is known of the synapses of a connectivity rule: made by a program, or expected."""
        assert p.rule is not None
        source, target = self.shapes.get(p.source.node), self.shapes.get(p.target.node)
        out: Json = {"rule": repr(p.rule), "weight": shown(p.weight), "sign": _sign(p.weight), "delays": shown(p.delay)}
        own = getattr(p.rule, "weight", None)
        if own is not None:
            out |= {"weight": shown(own), "sign": _sign(own)}
        what = self.built.get(p.parts[[part for _, part in p.parts].index(p.rule)][0])
        made = getattr(what, "synapses", None)
        if made is not None:
            count, out["made"], out["bytes"] = made.count, True, made.nbytes
            if isinstance(made.weight, np.ndarray):
                out["weight"] = shown(made.weight)
            if made.longest > made.shortest:
                out["delays"] = {"text": f"{made.shortest} to {made.longest} steps"}
        elif source is None or target is None:
            return out
        else:
            n_pre, n_post = math.prod(source), math.prod(target)
            guess = p.rule.expected(n_pre, n_post, p.source.node == p.target.node)
            if guess is None:
                return out
            count, out["made"] = round(guess), False
            each = 4 if isinstance(out["weight"].get("text"), str) and _is_number(p.weight) and own is None else 8
            out["bytes"] = count * each
        out["synapses"], out["weights"] = count, count
        if source is not None and target is not None:
            out["fan_out"] = number(count / max(1, math.prod(source)))
            out["fan_in"] = number(count / max(1, math.prod(target)))
        return out


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


def _cyclic(graph: Graph) -> dict[str, int]:
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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _short(delay: Any) -> str:
    if isinstance(delay, int | float):
        return number(float(delay))
    if isinstance(delay, np.ndarray | list | tuple):
        array = np.asarray(delay)
        return f"{number(float(array.min()))} to {number(float(array.max()))}" if array.size else ""
    return repr(delay)


def _list(shape: Shape | None) -> list[int] | None:
    return None if shape is None else list(shape)
