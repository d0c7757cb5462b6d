"""A constant current added to what arrives at a population, in weights that are there already if it can be."""

from __future__ import annotations

import numpy as np

from neurograph.convert.conversion import Array, Conversion
from neurograph.errors import ShapeError
from neurograph.graph import Population, Projection
from neurograph.projections.cumulative_pool import CumulativeMaxPool2d
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from neurograph.projections.scale import Scale


def add_bias(conversion: Conversion, population: str, values: Array) -> None:
    """Add values, one per channel [C], to what arrives at a population in every step.

    They go into the bias of the convolution or dense layer that an arrival ends with; a constant passes through max pools, and
    average pools that count no padding. Where no arrival ends so, a Scale is appended. Joined arrivals get their part each.
    Raises ShapeError where values do not fit the population.
    """
    node = conversion.graph.nodes[population]
    assert isinstance(node, Population)
    shapes = conversion.shapes()
    channels = shapes[population][0]
    if values.shape != (channels,):
        raise ShapeError(f"add_bias({population!r}): values of shape {values.shape} for {channels} channels")
    arrivals = conversion.into(population)
    if node.combine == "concat":
        begin = 0
        for p in arrivals:
            size = shapes[p.parts[-1][0] if p.parts else p.source.node][0]
            _add_to(conversion, p, values[begin : begin + size])
            begin += size
        return
    # of a sum, one arrival that has weights to take them
    _add_to(conversion, next((p for p in arrivals if _place(p) is not None), arrivals[0]), values)


def _add_to(conversion: Conversion, p: Projection, values: Array) -> None:
    operators, k = list(p.operators), _place(p)
    if k is None:
        operators.append(Scale(1.0, values))
    else:
        operator = operators[k]
        if isinstance(operator, Scale):
            operators[k] = Scale(operator.weight, values if operator.bias is None else operator.bias + values)
        else:
            held = conversion.weights_of(p, k)
            operators[k] = operator.reweighted(held["weight"], held.get("bias", 0.0) + values)
    conversion.change(p, operators=tuple(operators))


def _place(p: Projection) -> int | None:
    """The operator from which on a constant per channel arrives unchanged, where it can be taken."""
    for k in reversed(range(len(p.operators))):
        operator = p.operators[k]
        if operator.by_channel or isinstance(operator, Scale):
            return k
        if not _passes(operator):
            return None
    return None


def _passes(operator: Operator) -> bool:
    # a pool on spikes compares what was sent, so a constant is none of its units' business
    maximum = type(operator) in (MaxPool2d, CumulativeMaxPool2d)
    return maximum or (
        isinstance(operator, AdaptiveAvgPool2d)
        or (isinstance(operator, AvgPool2d) and not (operator.count_padding and np.any(operator.padding)))
    )
