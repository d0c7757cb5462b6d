"""The operations of a step: one row each, with its meaning, its gradient and its text in every dialect.

`numpy` is the definition (the reference backend interprets it). `text` is the scalar or tensor
expression shared by the dialects; `torch`, `numba` and `triton` differ from it only where needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Op:
    """One operation; `takes` and `result` are kinds: "f" number, "b" condition, "*" any number of "f"."""

    name: str
    takes: str
    result: str
    numpy: Callable[..., Any]
    text: str = ""
    dialects: dict[str, str] = field(default_factory=dict)
    # gradient(args, output, g) -> the gradient reaching each argument (None: none reaches it)
    gradient: Callable[[Sequence[Any], Any, Any], tuple[Any, ...]] | None = None

    def kinds(self, count: int) -> str:
        return "f" * count if self.takes == "*" else self.takes

    def in_dialect(self, dialect: str) -> str:
        return self.dialects.get(dialect, self.text)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return condition.trace.add("where", condition, a, b)


def _sign(x: Any) -> Any:
    return _where(x > 0.0, 1.0, _where(x < 0.0, -1.0, 0.0))


def _pow2_numpy(t: Any) -> Any:
    """2**n from t = n + 1.5 * 2**mantissa_bits: the low bits of t's mantissa are n."""
    t = np.asarray(t)
    integer, shift, bias = (np.int32, 23, 127) if t.dtype == np.float32 else (np.int64, 52, 1023)
    return ((t.view(integer) + integer(bias)) << integer(shift)).view(t.dtype)


def _custom_gradient(args: Sequence[Any], _output: Any, g: Any) -> tuple[Any, ...]:
    reaching: list[Any] = [None]
    for _of, slope in zip(args[1::2], args[2::2], strict=True):
        reaching += [g * slope, None]
    return tuple(reaching)


_ROWS = [
    Op("leaf", "", "f", np.asarray),
    Op("const", "", "f", np.asarray),
    Op("add", "ff", "f", np.add, "{0} + {1}", gradient=lambda a, y, g: (g, g)),
    Op("sub", "ff", "f", np.subtract, "{0} - {1}", gradient=lambda a, y, g: (g, -g)),
    Op("mul", "ff", "f", np.multiply, "{0} * {1}", gradient=lambda a, y, g: (g * a[1], g * a[0])),
    Op(
        "div",
        "ff",
        "f",
        np.divide,
        "{0} / {1}",
        {"triton": "tl.div_rn({0}, {1})"},  # `/` is approximate there
        lambda a, y, g: (g / a[1], -(g * y) / a[1]),
    ),
    # Triton before 3.8 makes 0 - x of -x, which has the wrong sign where x is 0
    Op("neg", "f", "f", np.negative, "-{0}", {"triton": "{0} * -1.0"}, lambda a, y, g: (-g,)),
    Op(
        "abs",
        "f",
        "f",
        np.abs,
        "abs({0})",
        {"torch": "torch.abs({0})", "triton": "tl.abs({0})"},
        lambda a, y, g: (g * _sign(a[0]),),
    ),
    Op(
        "sqrt",
        "f",
        "f",
        np.sqrt,
        "math.sqrt({0})",
        {"torch": "torch.sqrt({0})", "triton": "tl.sqrt_rn({0})"},
        lambda a, y, g: (g * 0.5 / y,),
    ),
    # a NaN stays, as in torch
    Op(
        "relu",
        "f",
        "f",
        lambda x: np.maximum(x, np.zeros((), np.asarray(x).dtype)),
        "F(0.0) if {0} <= F(0.0) else {0}",
        {"torch": "torch.relu({0})", "triton": "tl.where({0} <= 0.0, 0.0, {0})"},
        lambda a, y, g: (_where(a[0] > 0.0, g, 0.0),),
    ),
    Op(
        "floor",
        "f",
        "f",
        np.floor,
        "math.floor({0})",
        {"numba": "floor({0})", "torch": "torch.floor({0})", "triton": "floor({0})"},
        lambda a, y, g: (None,),
    ),
    Op("gt", "ff", "b", np.greater, "{0} > {1}"),
    Op("ge", "ff", "b", np.greater_equal, "{0} >= {1}"),
    Op("lt", "ff", "b", np.less, "{0} < {1}"),
    Op("le", "ff", "b", np.less_equal, "{0} <= {1}"),
    Op("eq", "ff", "b", np.equal, "{0} == {1}"),
    Op("and", "bb", "b", np.logical_and, "{0} & {1}"),
    Op("or", "bb", "b", np.logical_or, "{0} | {1}"),
    Op("not", "b", "b", np.logical_not, "~{0}", {"numba": "not {0}", "triton": "{0} == 0"}),
    Op(
        "where",
        "bff",
        "f",
        np.where,
        "{1} if {0} else {2}",
        {"torch": "torch.where({0}, {1}, {2})", "triton": "tl.where({0}, {1}, {2})"},
        lambda a, y, g: (None, _where(a[0], g, 0.0), _where(a[0], 0.0, g)),
    ),
    # exp, sigmoid and tanh are expanded into the rows above and pow2 before code is emitted, so that
    # every backend computes the same bits (math libraries differ in the last one)
    Op("exp", "f", "f", np.exp, gradient=lambda a, y, g: (g * y,)),
    Op("sigmoid", "f", "f", lambda x: 1 / (1 + np.exp(-x)), gradient=lambda a, y, g: (g * y * (1.0 - y),)),
    Op("tanh", "f", "f", np.tanh, gradient=lambda a, y, g: (g * (1.0 - y * y),)),
    Op("pow2", "f", "f", _pow2_numpy, "pow2({0})"),
    # custom(y, u, du, ...): the value of y, with the slopes du given by hand; no gradient enters y
    Op("custom", "*", "f", lambda y, *_: y, "{0}", gradient=_custom_gradient),
]

OPS: dict[str, Op] = {row.name: row for row in _ROWS}
COMPOSITES = frozenset(name for name, row in OPS.items() if not row.text and name not in ("leaf", "const"))
