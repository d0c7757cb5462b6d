"""The arithmetic of one step: traced once, then differentiated, interpreted or emitted as code."""

from neurograph.expr.functions import (
    clip,
    custom_gradient,
    detach,
    exp,
    floor,
    hard_reset,
    maximum,
    minimum,
    relu,
    sigmoid,
    sign,
    soft_reset,
    spike,
    sqrt,
    tanh,
    where,
)
from neurograph.expr.value import Trace, Value

__all__ = [
    "Trace",
    "Value",
    "clip",
    "custom_gradient",
    "detach",
    "exp",
    "floor",
    "hard_reset",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "sign",
    "soft_reset",
    "spike",
    "sqrt",
    "tanh",
    "where",
]
