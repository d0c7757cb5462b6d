"""From a Graph to a flat NIR graph: populations and operators become nodes, Relays vanish, delays become Delay nodes.

A delay of one step that closes a cycle is left to the reader where the rule of cycles.py puts it into the very same edge,
because most readers of NIR know no Delay.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph.activations.relay import Relay
from neurograph.compiler import lower
from neurograph.connectivity.explicit import Explicit
from neurograph.encode import Direct
from neurograph.graph import Graph, Input, Output, Population, Projection
from neurograph.io.nir.cycles import back_edges
from neurograph.io.nir.export_layers import Weights, folded, layer_of, scaled, weights_of
from neurograph.io.nir.export_neurons import Clock, in_steps, node_of, scheme_of, start_of
from neurograph.io.nir.flat import Flat, bypassed
from neurograph.io.nir.layers import has_bias
from neurograph.io.nir.losses import Losses
from neurograph.io.nir.model import Array, Edge, Node, Sizes
from neurograph.io.nir.names import decoded, unchained
from neurograph.passes.validate import delay_steps
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.operator import Operator
from neurograph.projections.reshape import OneToOne


@dataclass
class _Part:
    """An operator of a projection with the shapes around it."""

    name: str
    operator: Operator
    weights: Weights
    source: Sizes
    target: Sizes


class Exporter:
    """`discrete`: gains are written for steps. `fold`: batch normalisation goes into the weights before it."""

    def __init__(self, graph: Graph, clock: Clock, *, discrete: bool, fold: bool, losses: Losses):
        self.graph, self.clock, self.discrete, self.fold, self.losses = graph, clock, discrete, fold, losses
        self.slots = lower(graph, dt=clock.dt, stop_after="infer").slots
        self.dt = clock.dt * clock.seconds
        self.starts: dict[str, str] = {}
        self.schemes: dict[str, str] = {}

    def flat(self) -> Flat:
        """The graph in NIR's terms; what cannot be said is among the losses."""
        self._whole()
        made = self._assembled(explicit=False)
        return made if made is not None else self._assembled(explicit=True) or Flat({}, [])

    def _assembled(self, explicit: bool) -> Flat | None:
        """None where a delay left to the reader would come to lie elsewhere."""
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.relays: set[str] = set()
        self.late: set[str] = set()
        self.factors: dict[str, Array] = {}
        self.names = {n: decoded(n) for n in self.graph.nodes}
        self.taken = set(self.names.values())
        self.explicit = explicit
        for node in self.graph.nodes.values():
            self._node(node)
        beside = {b for p in self.graph.projections.values() for b in [self._beside(p)] if b is not None}
        self.moved = self._moved_biases()
        for p in self.graph.projections.values():
            if p.name not in beside:
                self._projection(p)
        names = [*self.nodes, *self.relays, *self.late]
        edges = bypassed(names, self.edges, self.relays)
        expected = sorted(
            (a, b) for m in self.late for a in {a for a, t in edges if t == m} for b in {t for s, t in edges if s == m}
        )
        edges = bypassed([n for n in names if n not in self.relays], edges, self.late)
        if self.late and max(Counter(edges).values(), default=0) > 1:
            return None
        flat = Flat(self.nodes, self._single(edges))
        if self.losses.impossible:
            return flat
        cut = back_edges(flat, lambda n: self.nodes[n].kind == "Delay", f"graph {self.graph.name!r}")
        return flat if cut == expected else None

    def _whole(self) -> None:
        if not self.graph.inputs:
            self.losses.refuse("the graph", "it has no input; in NIR an Input drives the network")
        seen: dict[str, str] = {}
        for node in self.graph.populations:
            element = f"population {node.name!r}"
            start, scheme = start_of(node.neuron, element, self.losses), scheme_of(node.neuron)
            for what, value, before in (("starts at", start, self.starts), ("is integrated by", scheme, self.schemes)):
                if value is not None:
                    other = seen.setdefault(what, node.name)
                    if before.setdefault(what, value) != value:
                        self.losses.lose(
                            element, f"it {what} {value!r}, but {other!r} {before[what]!r}; a file says one for all"
                        )
        if self.discrete and "exact" in self.schemes.values():
            self.losses.lose("the graph", "exact integration; the discrete dialect is a step of Euler's rule")

    def _shape(self, node: Input | Population | Output) -> Sizes:
        slot = f"{node.name}.{node.neuron.outputs[0]}" if isinstance(node, Population) else node.name
        return self.slots[slot].shape

    def _node(self, node: Any) -> None:
        shape, name = self._shape(node), self.names[node.name]
        if isinstance(node, Input):
            if not isinstance(node.encoder, Direct):
                self.losses.lose(f"input {node.name!r}", f"the encoder {node.encoder!r}; a file takes what it gives")
            self.nodes[name] = Node("Input", {"shape": shape})
        elif isinstance(node, Output):
            self.nodes[name] = Node("Output", {"shape": shape})
        else:
            self._population(node, shape, name)

    def _population(self, node: Population, shape: Sizes, name: str) -> None:
        if node.combine != "add":
            self.losses.refuse(f"population {node.name!r}", f"arrivals become one by {node.combine!r}; NIR sums them")
        if isinstance(node.neuron, Relay):
            self.relays.add(name)
            return
        made = node_of(node, shape, self.clock, self.losses)
        if made is None:
            self.nodes[name] = Node(
                "Threshold", {"threshold": np.zeros(shape)}
            )  # a place for edges, until all is found
            return
        if self.discrete:
            made, factor = in_steps(made, self.dt)
            if factor is not None:
                self.factors[node.name] = factor
        self.nodes[name] = made

    def _projection(self, p: Projection) -> None:
        element = f"projection {p.name!r}"
        for part in (*p.synapses, *([p.plasticity] if p.plasticity else [])):
            self.losses.refuse(
                element, f"{part!r}; NIR has no {'plasticity' if part is p.plasticity else 'synapse models'}"
            )
        steps = (
            delay_steps(p.delay, self.clock.dt, p.name) if isinstance(p.delay, int | float) and p.rule is None else 0
        )
        delay: Array | None = None
        if p.rule is not None:
            lines = self._delay_lines(p)
            if lines is None:
                self.losses.refuse(
                    element, f"{p.rule!r} makes synapses when it is compiled; use Dense or Sparse weights"
                )
                return
            layers, delay = [], lines
        else:
            layers = self._with_bias(p, self._layers(p, element))
        waits = steps > 0 or delay is not None
        delay_name, names = self._names(p, [key for key, _ in layers], waits)
        implicit = steps == 1 and delay_name is None and not self.explicit and self._may_wait(p, layers)
        chain: list[tuple[str, Node]] = []
        if waits and not implicit:
            if delay is None:
                shape = self._shape(self.graph.nodes[p.source.node])
                delay = np.full(shape, steps * self.clock.dt * self.clock.seconds)
            if delay_name is None:
                delay_name, names = self._named_delay(p, names, [key for key, _ in layers])
            chain.append((self._unique(delay_name), Node("Delay", {"delay": delay})))
        chain += [(self._unique(name), node) for name, (_, node) in zip(names, layers, strict=True)]
        self._take_factor(p, chain)
        ends = [self.names[p.source.node]]
        for name, node in chain:
            self.nodes[name] = node
            ends.append(name)
        if implicit:
            marker = self._unique(f"late {p.name}")
            self.late.add(marker)
            ends.append(marker)
        ends.append(self.names[p.target.node])
        self.edges += zip(ends[:-1], ends[1:], strict=True)

    def _layers(self, p: Projection, element: str) -> list[tuple[str, Node]]:
        """The operators as nodes, each with the name of its weights in a model."""
        parts: list[_Part] = []
        source = self._shape(self.graph.nodes[p.source.node])
        for name, operator in p.parts:
            if not isinstance(operator, Operator):
                continue
            target = self.slots[name].shape
            weights = weights_of(operator, source, target, element, self.losses)
            before = parts[-1] if parts else None
            if isinstance(operator, BatchNorm) and self.fold and before is not None and before.operator.by_channel:
                parts[-1] = replace(before, weights=folded(before.weights, operator, weights))
            else:
                parts.append(_Part(name, operator, weights, source, target))
            source = target
        made = [(t.name, layer_of(t.operator, t.weights, t.source, t.target, element, self.losses)) for t in parts]
        return [(name, node) for name, node in made if node is not None]

    def _moved_biases(self) -> dict[str, Array | None]:
        """Biases of recurrent projections, given to one that goes forward into the same neurons; None: given away.

        A bias arrives in every step, a reader's step of delay lets none through in the first.
        """
        moved: dict[str, Array | None] = {}
        if self.explicit:
            return moved
        forward: dict[str, Projection] = {}
        for p in self.graph.projections.values():
            if p.rule is None and p.operators and delay_steps(p.delay, self.clock.dt, p.name) == 0:
                forward.setdefault(p.target.node, p)
        for p in self.graph.projections.values():
            host = forward.get(p.target.node)
            if p.rule is not None or host is None or delay_steps(p.delay, self.clock.dt, p.name) != 1:
                continue
            last = [layers[-1][1] for layers in (self._layers(q, "") for q in (p, host)) if layers]
            kinds = [n.kind for n in last]
            if len(last) == 2 and has_bias(last[0]) and (kinds[0] == kinds[1] or set(kinds) == {"Affine", "Linear"}):
                before = moved.get(host.name)
                moved[host.name] = last[0].params["bias"] + (0.0 if before is None else before)
                moved[p.name] = None
        return moved

    def _with_bias(self, p: Projection, layers: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
        if p.name not in self.moved:
            return layers
        more, (key, last) = self.moved[p.name], layers[-1]
        params = dict(last.params)
        if more is not None:
            made = Node(
                "Affine" if last.kind == "Linear" else last.kind, {**params, "bias": params.get("bias", 0.0) + more}
            )
        elif last.kind == "Affine":
            made = Node("Linear", {"weight": params["weight"]})
        else:
            made = Node(last.kind, {**params, "bias": np.zeros_like(params["bias"])})
        return [*layers[:-1], (key, made)]

    def _names(self, p: Projection, keys: list[str], waits: bool) -> tuple[str | None, list[str]]:
        """The name of the delay, where the projection's name tells one, and the names of the operators."""
        held = unchained(p.name)
        if waits and len(held) == len(keys) + 1 and (keys or not self._unnamed(p)):
            return held[0], held[1:]
        if len(held) == len(keys):
            return None, held
        return None, keys

    def _named_delay(self, p: Projection, names: list[str], keys: list[str]) -> tuple[str, list[str]]:
        """A name for a delay that has none: beside the operators, so that all are one projection again when read."""
        if not names:
            return p.name, names
        if len(names) == 1 or names == keys:
            return f"{p.name}.delay", keys
        return f"{names[0]}.delay", names

    def _unnamed(self, p: Projection) -> bool:
        """Whether the name only tells from where to where."""
        base = f"{p.source.node.replace('.', '_')}_to_{p.target.node.replace('.', '_')}"
        return re.fullmatch(re.escape(base) + r"(_\d+|_*)", p.name) is not None

    def _unique(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _may_wait(self, p: Projection, layers: list[tuple[str, Node]]) -> bool:
        """Whether the delay may lie behind the operators: it enters a neuron, and they make nothing of nothing."""
        target = self.graph.nodes[p.target.node]
        node = self.nodes.get(self.names[target.name])
        return node is not None and node.is_neuron and not any(has_bias(n) for _, n in layers)

    def _take_factor(self, p: Projection, chain: list[tuple[str, Node]]) -> None:
        factor = self.factors.get(p.target.node)
        if factor is None:
            return
        if chain and (taken := scaled(chain[-1][1], factor)) is not None:
            chain[-1] = (chain[-1][0], taken)
            return
        shape = self._shape(self.graph.nodes[p.target.node])
        name = self._unique(f"{p.name}.gain")
        chain.append((name, Node("Scale", {"scale": np.array(np.broadcast_to(factor, shape))})))

    def _delay_lines(self, p: Projection) -> Array | None:
        """The delay of each element, in seconds, where a rule only delays."""
        rule = p.rule
        if not isinstance(rule, Explicit) or rule.delay is None or rule.weight is not None or p.weight != 1.0:
            return None
        shape = self._shape(self.graph.nodes[p.source.node])
        delays = np.zeros(int(np.prod(shape)))
        if len(np.unique(rule.pre)) != len(rule.pre) or not np.array_equal(rule.pre, rule.post):
            return None
        if len(rule.pre) < len(delays) and self._beside(p) is None:
            return None
        delays[rule.pre] = rule.delay
        return (delays * self.clock.seconds).reshape(shape)

    def _beside(self, p: Projection) -> str | None:
        """The projection that passes on what a partial delay line leaves out."""
        if not isinstance(p.rule, Explicit) or p.rule.delay is None:
            return None
        for q in self.graph.projections.values():
            if (
                (q.source, q.target) == (p.source, p.target)
                and len(q.operators) == 1
                and q.rule is None
                and q.delay == 0
            ):
                one = q.operators[0]
                if isinstance(one, OneToOne) and one.weight.ndim and not one.starts:
                    flat = one.weight.reshape(-1)
                    if set(np.unique(flat)) <= {0.0, 1.0} and np.array_equal(
                        np.flatnonzero(flat == 0), np.sort(p.rule.pre)
                    ):
                        return q.name
        return None

    def _single(self, edges: list[Edge]) -> list[Edge]:
        """Edges that stand twice go through a Scale of 1, since NIR refuses them."""
        out: list[Edge] = []
        seen: set[Edge] = set()
        for a, b in sorted(edges):
            if (a, b) not in seen:
                seen.add((a, b))
                out.append((a, b))
                continue
            name = self._unique(f"{a}.again")
            shape = self._gives(a)
            self.nodes[name] = Node("Scale", {"scale": np.ones(shape)})
            out += [(a, name), (name, b)]
        return out

    def _gives(self, name: str) -> Sizes:
        """The shape of what a node gives: it is that of the population or projection it came from."""
        for node in self.graph.nodes.values():
            if self.names[node.name] == name:
                return self._shape(node)
        node_shape = self.nodes[name].shape
        assert node_shape is not None
        return node_shape
