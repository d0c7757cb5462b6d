"""Put spiking neurons in the place of activations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurograph.convert.conversion import Array, Conversion, Pass, Site
from neurograph.convert.passes.fold import before
from neurograph.errors import SpecError, declared_at
from neurograph.graph import Output, Population, Projection
from neurograph.nodes.burst import BurstIF
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from neurograph.projections.reshape import Flatten
from neurograph.projections.scale import Scale
from neurograph.projections.spike_pool import SMaxPool2d
from neurograph.readout import Mean


class Place(Pass):
    """Each activation becomes BurstIF with its threshold; what it sends on is weighted by the threshold.

    A spike stays 1: it stands for theta, and the weights it meets first are multiplied by theta (a Scale where there are
    none). `start`: the potential at the start as a part of theta; 1/2 makes the error of a constant input zero on average
    (Bu et al. 2022). `reset`: "soft" or "hard". `max_spikes`: spikes a step. The answer is the mean over T of the logits.
    """

    name = "place"

    def __init__(self, *, start: float = 0.5, reset: str = "soft", max_spikes: int = 1):
        if not 0.0 <= start < 1.0:
            raise SpecError(f"Place(start={start}) at {declared_at()}: a part of the threshold, 0 <= start < 1")
        self.start, self.reset, self.max_spikes = start, reset, max_spikes

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for site in conversion.sites.values():
            theta = site.spread(site.theta)
            neuron = BurstIF(
                threshold=theta,
                v0=theta * self.start if self.start else 0.0,
                max_spikes=self.max_spikes,
                reset=self.reset,
            )
            replace_neuron(conversion, site, neuron)
            for p in conversion.out_of(site.population):
                weigh(conversion, p, site.theta)
        for output in conversion.graph.outputs:
            conversion.put(Output(output.name, Mean(), output.at))


def replace_neuron(conversion: Conversion, site: Site, neuron: Any) -> None:
    """A population of another neuron in the place of a site's, read at its first output."""
    node = conversion.graph.nodes[site.population]
    assert isinstance(node, Population)
    conversion.put(replace(node, neuron=neuron))
    for p in conversion.out_of(site.population):
        conversion.change(p, source=replace(p.source, port=neuron.outputs[0]))
    for p in conversion.into(site.population):
        conversion.change(p, target=replace(p.target, port=neuron.inputs[0]))


def weigh(conversion: Conversion, p: Projection, theta: Array) -> None:
    """Multiply what enters a projection by theta (one number, or one per channel), in its first weights if it can be."""
    operators, values = list(p.operators), theta
    shapes = conversion.shapes()
    at, k = shapes[p.source.node], 0
    while k < len(operators):
        operator = operators[k]
        if isinstance(operator, Scale):
            operators[k] = Scale(operator.weight * values, operator.bias)
            break
        if operator.by_channel:
            held = operator.started(**conversion.weights_of(p, k, shapes))
            if len(values) in (1, _inputs(held)):
                operators[k] = before(held, values, None)
                break
        if isinstance(operator, SMaxPool2d) and operator.rule == "braincog":
            k = len(operators)  # its rounding depends on the size of what it sums
            break
        after = shapes[p.parts[k][0]]
        if isinstance(operator, Flatten):
            values = values if len(values) == 1 else np.repeat(values, int(np.prod(at[1:])))
        elif not isinstance(operator, AvgPool2d | MaxPool2d | AdaptiveAvgPool2d):
            k = len(operators)
            break
        at, k = after, k + 1
    else:
        k = len(operators)
    if k == len(operators) and not np.all(theta == 1.0):
        operators.insert(0, Scale(theta))
    conversion.change(p, operators=tuple(operators))


def _inputs(operator: Operator) -> int:
    return int(operator.starts["weight"].shape[1] * getattr(operator, "groups", 1))
