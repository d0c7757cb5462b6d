"""Fold batch normalisation into the weights next to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.convert.activity import activity
from neurograph.convert.conversion import Array, Conversion, Pass
from neurograph.errors import GraphError
from neurograph.graph import Projection
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.dropout import Dropout
from neurograph.projections.operator import Operator
from neurograph.projections.scale import Scale


class Fold(Pass):
    """Conv/Dense then BatchNorm: W = W g / sigma, b = (b - mean) g / sigma + beta; BatchNorm then an unpadded Conv/Dense too.

    One that has no such neighbour becomes a Scale. Dropout is taken out. The largest change of an output, as a part of
    its largest value, is reported as the fold error; above `tolerance` it is an error.
    """

    name = "fold"

    def __init__(self, tolerance: float = 1e-4):
        self.tolerance = tolerance

    def apply(self, conversion: Conversion) -> None:
        before = conversion.graph.copied()
        for p in list(conversion.graph.projections.values()):
            shapes = conversion.shapes()
            operators = list(p.operators)
            for k, operator in enumerate(operators):  # with their weights, so that places may change
                held = conversion.weights_of(p, k, shapes)
                operators[k] = operator.started(**held) if held else operator
            conversion.change(p, operators=tuple(_folded(p, [o for o in operators if not isinstance(o, Dropout)])))
        images = conversion.images[:100]
        was, now = (
            next(outputs for _, outputs in activity(g, images, batch=len(images), dtype="float64"))
            for g in (before, conversion.graph)
        )
        # numpy's maximum, which keeps a NaN
        conversion.fold_error = float(
            np.max([np.abs(now[n] - x).max() / max(np.abs(x).max(), 1e-30) for n, x in was.items()])
        )
        if not conversion.fold_error <= self.tolerance:
            raise GraphError(
                f"folding batch normalisation changes the outputs by {conversion.fold_error:.1e} of the largest value, more than "
                f"{self.tolerance:.0e}: the weights or running statistics hold values that cannot be divided by"
            )


def _folded(p: Projection, operators: list[Operator]) -> list[Operator]:
    out: list[Operator] = []
    for operator in operators:
        last = out[-1] if out else None
        if isinstance(operator, BatchNorm):
            if not np.all(operator.starts["running_var"] + operator.eps > 0):
                raise GraphError(
                    f"projection {p.name!r} ({p.at}): the running variance of {operator!r} is below 0 somewhere, so it has no "
                    "root. A variance is 0 or more; look at where these statistics come from"
                )
            w, b = affine_of(operator)
            if _takes(last):
                out[-1] = _after(last, w, b)  # type: ignore[arg-type]
            elif isinstance(last, Scale):
                out[-1] = Scale(last.weight * w, (0.0 if last.bias is None else last.bias) * w + b)
            else:
                out.append(Scale(w, b))
        elif isinstance(last, Scale) and _takes(operator) and _unpadded(operator):
            out[-1] = before(operator, last.weight, last.bias)
        else:
            out.append(operator)
    return out


def affine_of(norm: BatchNorm) -> tuple[Array, Array]:
    """w and b of y = w x + b, what batch normalisation is in evaluation."""
    held = norm.starts
    scale = 1.0 / np.sqrt(held["running_var"] + norm.eps)
    if norm.affine:
        scale = scale * held["weight"]
    return scale, (held["bias"] if norm.affine else 0.0) - held["running_mean"] * scale


def _takes(operator: Operator | None) -> bool:
    return operator is not None and operator.by_channel and "weight" in operator.starts


def _unpadded(operator: Operator) -> bool:
    return not any(np.atleast_1d(getattr(operator, "padding", 0)))


def _after(operator: Any, w: Array, b: Array) -> Operator:
    """The operator that gives w y + b where this one gives y."""
    held = operator.starts
    weight = held["weight"] * w.reshape((-1,) + (1,) * (held["weight"].ndim - 1))
    return operator.reweighted(weight, held.get("bias", 0.0) * w + b)


def before(operator: Any, w: Array, b: Array | None) -> Operator:
    """The operator that gives for x what this one gives for w x + b; w and b one number or one per input channel."""
    weight, held = operator.starts["weight"], operator.starts
    scaled, shift = by_input(operator, weight, w), held.get("bias")
    if b is not None:
        added = by_input(operator, weight, b).reshape(len(weight), -1).sum(1)
        shift = added if shift is None else shift + added
    return operator.reweighted(scaled, shift)


def by_input(operator: Any, weight: Array, values: Array) -> Array:
    """Each weight times the value of the input channel it reads."""
    if len(values) == 1:
        return weight * values[0]
    groups, each = getattr(operator, "groups", 1), weight.shape[1]
    channel = (np.arange(len(weight)) // (len(weight) // groups))[:, None] * each + np.arange(each)
    return weight * values[channel].reshape(channel.shape + (1,) * (weight.ndim - 2))
