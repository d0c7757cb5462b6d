"""From a flat NIR graph to a Graph: neurons become populations, what lies between them projections.

Operators that follow each other are one projection. A Relay, which costs nothing, stands where values are summed before an
operator, where the result of one goes to several places, and where it must wait behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurograph.activations.relay import Relay
from neurograph.connectivity.explicit import Explicit
from neurograph.graph import Graph
from neurograph.io.nir.flat import Flat
from neurograph.io.nir.layers import OPERATORS, has_bias
from neurograph.io.nir.model import Edge, uniform
from neurograph.io.nir.names import Taken, chained
from neurograph.io.nir.neurons import neuron_of
from neurograph.io.nir.shapes import Shapes
from neurograph.projections.reshape import OneToOne
from neurograph.readout import Steps


@dataclass(frozen=True)
class Setting:
    """Step length and unit of the graph, both in seconds, the scheme, where potentials start, and whether a bias in a cycle
    arrives in the first step already."""

    dt: float
    seconds: float
    scheme: str
    start: str
    bias_at_start: bool = False


class Builder:
    """`names`: NeuroGraph names of NIR nodes."""

    def __init__(
        self, net: Flat, order: list[str], cut: list[Edge], shapes: Shapes, names: dict[str, str], setting: Setting
    ):
        self.net, self.order, self.cut, self.shapes, self.names = net, order, set(cut), shapes, names
        self.setting = setting
        self.graph = Graph()
        self.taken = Taken(names.values())
        self.relays: dict[tuple[str, str], str] = {}

    def build(self, title: str) -> Graph:
        self.graph = Graph(title)
        for name in self.order:
            self._declare(name)
        for name in self.order:
            self._project(name)
        return self.graph

    def _declare(self, name: str) -> None:
        node, ours, shape = self.net.nodes[name], self.names[name], self.shapes.of[name]
        s = self.setting
        if node.kind == "Input":
            self.graph.input(ours, shape)
        elif node.kind == "Output":
            self.graph.output(ours, readout=Steps())
        elif not self._passes(name):
            self.graph.population(ours, neuron_of(node, s.dt, s.seconds, s.scheme, s.start), shape)
        else:
            if self._sums(name):
                self._relay(name, "in", self.shapes.of[self.net.into[name][0]])
            if self._stands(name):
                self._relay(name, "out", shape)

    def _relay(self, name: str, side: str, shape: tuple[int, ...]) -> None:
        ours = self.taken.fresh(f"{self.names[name]}_{side}")
        self.relays[name, side] = ours
        self.graph.population(ours, Relay(), shape)

    def _passes(self, name: str) -> bool:
        """Whether the node is an operator or a delay and so part of a projection."""
        return self.net.nodes[name].kind in (*OPERATORS, "Delay")

    def _sums(self, name: str) -> bool:
        """Whether a Relay stands before the node: several arrive, or a delay behind an operator."""
        into = self.net.into[name]
        after = len(into) == 1 and self._passes(into[0]) and not self._stands(into[0])
        return len(into) > 1 or (self.net.nodes[name].kind == "Delay" and after) or not into

    def _stands(self, name: str) -> bool:
        """Whether a Relay holds what the node gives: none or several read it, or what reads it waits for it."""
        out = self.net.out_of[name]
        if len(out) != 1 or self._lines(name):  # single delays end in something of known shape
            return True
        if (name, out[0]) not in self.cut:
            return False
        # late by a step: it may wait before the operators, unless they make something of nothing
        chain = self._chain(name)
        biased = not self.setting.bias_at_start and any(has_bias(self.net.nodes[n]) for n in chain)
        return biased or any(self.net.nodes[n].kind == "Delay" for n in chain)

    def _lines(self, name: str) -> bool:
        """Whether the node delays each element by a time of its own."""
        node = self.net.nodes[name]
        return node.kind == "Delay" and not isinstance(uniform(node.params["delay"]), float)

    def _delays(self, name: str) -> np.ndarray:  # type: ignore[type-arg]
        """In the graph's unit, whole steps: 3e-3 s in float32 are 3 steps, not 3.00000003."""
        steps = np.floor(self.net.nodes[name].params["delay"] / self.setting.dt + 0.5)
        return np.asarray(steps * self._step())

    def _chain(self, name: str) -> list[str]:
        """The operators between a source and what this one gives, in order; this one is the last."""
        chain = [name]
        while not self._sums(chain[-1]):
            before = self.net.into[chain[-1]][0]
            if not self._passes(before) or self._stands(before):
                break
            chain.append(before)
        return chain[::-1]

    def _project(self, name: str) -> None:
        """All that arrives at a node, and what an operator puts into its Relay."""
        if self._passes(name):
            if self._sums(name):
                for source in self.net.into[name]:
                    self._connect(source, self.relays[name, "in"], late=(source, name) in self.cut)
            if self._stands(name):
                self._through(name, self.relays[name, "out"], late=False)
            return
        for source in self.net.into[name]:
            self._connect(source, self.names[name], late=(source, name) in self.cut)

    def _connect(self, source: str, target: str, late: bool) -> None:
        """What a NIR node gives, to a node of the graph."""
        if self._passes(source) and not self._stands(source):
            self._through(source, target, late)
            return
        ours = self.relays[source, "out"] if self._passes(source) else self.names[source]
        base = f"{ours.replace('.', '_')}_to_{target.replace('.', '_')}"
        name = self.taken.fresh(base)
        self.graph.connect(ours, target, delay=self._step() if late else None, name=name)

    def _through(self, last: str, target: str, late: bool) -> None:
        chain = self._chain(last)
        before = self.net.into[chain[0]]
        if self._sums(chain[0]):
            source = self.relays[chain[0], "in"]
        else:
            source = self.relays.get((before[0], "out")) or self.names[before[0]]
        name = self._title(chain)
        operators = [self.shapes.operators[n] for n in chain if self.net.nodes[n].kind != "Delay"]
        delay: float | None = self._step() if late else None
        if self.net.nodes[chain[0]].kind == "Delay":
            if self._lines(chain[0]):
                self._delay_lines(chain[0], source, target, name)
                return
            delay = float(self._delays(chain[0]).reshape(-1)[0])
        self.graph.connect(source, target, *operators, delay=delay, name=name)

    def _title(self, chain: list[str]) -> str:
        """The name of a projection; where NIR's are those its parts would have, the name they come from."""
        names = [self.names[n] for n in chain]
        whole = names[0].rpartition(".")[0]
        counted: dict[str, int] = {}
        own = []
        for n in chain:
            key = "delay" if self.net.nodes[n].kind == "Delay" else self.shapes.operators[n].key
            counted[key] = counted.get(key, 0) + 1
            own.append(f"{whole}.{key}" if counted[key] == 1 else f"{whole}.{key}_{counted[key]}")
        return whole if len(names) > 1 and names == own and whole not in self.taken.names else chained(names)

    def _delay_lines(self, name: str, source: str, target: str, projection: str) -> None:
        """One synapse per element, with its delay; what is not delayed at all goes beside them."""
        delays = self._delays(name).reshape(-1)
        late = np.flatnonzero(delays > 0)
        self.graph.connect(source, target, Explicit(late, late, delay=delays[late]), name=projection)
        if len(late) < len(delays):
            beside = self.taken.fresh(f"{projection}_beside")
            at_once = (delays == 0).astype(np.float64).reshape(self.shapes.of[name])
            self.graph.connect(source, target, OneToOne(at_once), name=beside)

    def _step(self) -> float:
        return self.setting.dt / self.setting.seconds
