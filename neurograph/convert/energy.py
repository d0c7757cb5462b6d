"""What a network computes: additions that spikes cause, multiply-accumulates of the rest, and the energy of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.compiler import lower
from neurograph.graph import Graph, Input, Output, Population, Projection
from neurograph.passes import schedule
from neurograph.projections.accumulate import Accumulate
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.mean_over import MeanOver
from neurograph.projections.operator import Operator, Run
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from neurograph.projections.reshape import OneToOne
from neurograph.projections.scale import Scale
from neurograph.projections.shift import Shift
from neurograph.spec import Shape
from neurograph.tape import STATIC

Array = np.ndarray[Any, Any]

MAC = 4.6e-12
"""Joules of a multiplication (3.7 pJ) and addition (0.9 pJ) of 32-bit floats in 45 nm."""
AC = 0.9e-12
"""Joules of an addition of 32-bit floats in 45 nm."""
ENERGY_SOURCE = (
    "Horowitz 2014, ISSCC: 45 nm, 32-bit float, 4.6 pJ a MAC, 0.9 pJ an addition; neurons and memory not counted"
)


@dataclass(frozen=True)
class Work:
    """Operations of one projection (or product of arrivals) per image: additions by spikes, and multiply-accumulates on other values."""

    name: str
    synops: float
    macs: float


def energy(synops: float, macs: float) -> float:
    """Joules: AC synops + MAC macs. Source: Horowitz 2014 (45 nm, 32-bit floats); no memory, no neurons."""
    return AC * synops + MAC * macs


def is_synapses(operator: Operator, source: Shape, target: Shape) -> bool:
    """Whether an operator has a weight for each pair it connects, not a factor per value."""
    factors = isinstance(operator, Scale | Shift | OneToOne | BatchNorm)
    return operator.linear and not factors and "weight" in operator.held(source, target)


def fan_out(operator: Operator, source: Shape, target: Shape) -> Array:
    """How many weights each input value meets, [*source]: sum_j 1[i -> j], exact at the borders of a convolution."""
    import torch

    held = operator.held(source, target)
    ones = {n: (torch.ones if n == "weight" else torch.zeros)(w.shape, dtype=torch.float64) for n, w in held.items()}
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.ones((1, *source), dtype=torch.float64, requires_grad=True)
        operator.torch(x, ones, Run(1, 1)).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return np.asarray(x.grad[0].numpy())


def ann_macs(graph: Graph) -> int:
    """Multiply-accumulates of the weights of an ANN for one image; those of normalisation and pools are not counted."""
    tape = lower(graph, stop_after="infer")
    total = 0
    for instr in tape.walk():
        source = tape.slots[instr.ins[0]].shape if instr.ins else ()
        target = tape.slots[instr.outs[0]].shape
        if instr.op == "apply" and is_synapses(instr.what, source, target):
            total += instr.what.macs(source, target)
        elif instr.op == "combine":
            total += instr.what.macs([tape.slots[s].shape for s in instr.ins])
    return total


class Counter:
    """Counts SynOps of a spiking network: a spike costs one addition for each weight it meets.

    It follows spikes from their population: pools and relays pass them on (an average pool each of them, a maximum as many
    as its busiest unit sent), then the first weights count. Where no weights lie between two populations, a spike is one
    addition. What is no spike (the image, sums) costs multiply-accumulates, once where it does not change over time.
    """

    def __init__(self, graph: Graph, spiking: list[str]):
        self.graph, self.spiking = graph, spiking
        tape = schedule(lower(graph, stop_after="infer"))
        self.slots = tape.slots
        combined = {i.name: i for i in tape.walk() if i.op == "combine"}
        names = (*graph.projections, *combined)
        self.synops = dict.fromkeys(names, 0.0)
        self.once = dict.fromkeys(names, 0)
        self.each = dict.fromkeys(names, 0)  # multiply-accumulates of each step
        for name, instr in combined.items():
            into = self.once if self._static(instr.outs[0]) else self.each
            into[name] = instr.what.macs([tape.slots[s].shape for s in instr.ins])
        self._fan_out: dict[str, Array] = {}
        self._multiply()

    def add(self, counts: Mapping[str, Array]) -> None:
        """Add what the spikes of a batch cause; counts: spikes of each population over all steps, [N, *shape]."""
        events: dict[str, Array | None] = dict(counts)
        for p in self.graph.projections.values():
            self._follow(p, self._events(p.source.node, events))

    def per_image(self, images: int, steps: int) -> list[Work]:
        """The work of each projection for one image and run of `steps`."""
        return [Work(n, self.synops[n] / images, self.once[n] + self.each[n] * steps) for n in self.synops]

    def _static(self, slot: str) -> bool:
        return self.slots[slot].time == STATIC

    def _events(self, node: str, known: dict[str, Array | None]) -> Array | None:
        """Spikes that a node sends on, over all steps; None where it sends other values."""
        if node not in known:
            known[node] = None
            what = self.graph.nodes[node]
            if isinstance(what, Population) and what.neuron.identity and what.combine in ("add", "concat"):
                arriving = [p for p in self.graph.projections.values() if p.target.node == node]
                parts = [self._follow(p, self._events(p.source.node, known), count=False) for p in arriving]
                if all(x is not None for x in parts):
                    known[node] = sum(parts) if what.combine == "add" else np.concatenate(parts, 1)  # type: ignore[arg-type, assignment]
        return known[node]

    def _follow(self, p: Projection, events: Array | None, count: bool = True) -> Array | None:
        """What of these spikes reaches the end of the projection as spikes."""
        if events is None:
            return None
        source = self._shape(p)
        for name, operator in p.parts:
            target = self.slots[name].shape
            if is_synapses(operator, source, target):
                if name not in self._fan_out:
                    self._fan_out[name] = fan_out(operator, source, target)
                if count:
                    self.synops[p.name] += float((events.sum(0, dtype=np.float64) * self._fan_out[name]).sum())
                return None
            passed = _passed(operator, events, source, target)
            if passed is None:
                return None
            events, source = passed, target
        node = self.graph.nodes[p.target.node]
        ends = isinstance(node, Output) or (isinstance(node, Population) and not node.neuron.identity)
        if ends and count:
            self.synops[p.name] += float(events.sum(dtype=np.float64))
        return events

    def _multiply(self) -> None:
        """Multiply-accumulates of weights that meet other values than spikes."""
        one = {n: np.ones((1, *self.slots[f"{n}.{self._port(n)}"].shape), np.float32) for n in self.spiking}
        known: dict[str, Array | None] = dict(one)
        for p in self.graph.projections.values():
            events, source = self._events(p.source.node, known), self._shape(p)
            into = self.once if self._static(self._first_slot(p)) else self.each
            for name, operator in p.parts:
                target = self.slots[name].shape
                if is_synapses(operator, source, target):
                    if events is None:
                        into[p.name] += operator.macs(source, target)
                    events = None
                elif events is not None:
                    events = _passed(operator, events, source, target)
                source = target

    def _port(self, node: str) -> str:
        population = self.graph.nodes[node]
        assert isinstance(population, Population)
        return population.neuron.outputs[0]

    def _first_slot(self, p: Projection) -> str:
        node = self.graph.nodes[p.source.node]
        return node.name if isinstance(node, Input) else f"{node.name}.{p.source.port}"

    def _shape(self, p: Projection) -> Shape:
        return self.slots[self._first_slot(p)].shape


def _passed(operator: Operator, events: Array, source: Shape, target: Shape) -> Array | None:
    """Spikes behind an operator without weights; None where what comes out are no spikes."""
    run = Run(1, len(events))
    if isinstance(operator, Scale | Shift | OneToOne | Accumulate):
        return events
    if isinstance(operator, MaxPool2d):
        return MaxPool2d.numpy(operator, events, {}, run)
    if not operator.linear or operator.held(source, target):
        return None
    out = operator.numpy(events, {}, run)
    if isinstance(operator, AvgPool2d):
        return out * float(np.prod(operator.kernel))
    if isinstance(operator, AdaptiveAvgPool2d | MeanOver):
        return out * (np.prod(source) / np.prod(target))  # type: ignore[no-any-return]
    return out
