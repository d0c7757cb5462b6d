"""exp, sigmoid and tanh as additions, multiplications and one shift of bits.

Math libraries (numpy, torch, LLVM, CUDA) disagree in the last bit of exp, and one bit can make or
unmake a spike. So NeuroGraph computes it itself, with correctly rounded operations only, in one order:
exp(x) = 2**n * exp(r), n = round(x / ln 2), r = x - n ln 2 in two parts (Cody & Waite 1980), and exp(r)
by its Taylor series on |r| <= ln 2 / 2. The error stays below 2 units in the last place. Above 88.03
(float64: 709.09) the result is inf, below -87.34 (-708.4) it is 0, and NaN stays NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurograph.expr.functions import where
from neurograph.expr.ops import COMPOSITES
from neurograph.expr.value import Trace, Value, live


@dataclass(frozen=True)
class _Precision:
    terms: int  # of the Taylor series
    ln2_high: float  # short enough that n * ln2_high is exact
    ln2_low: float
    magic: float  # adding it leaves round(x) in the low bits of the mantissa
    low: float  # exp underflows below, overflows above
    high: float


_PRECISIONS = {
    "float32": _Precision(
        7, 0.693359375, -2.12194440054690583e-4, 1.5 * 2.0**23, -87.33654022216797, 88.02969193111305
    ),
    "float64": _Precision(
        13,
        float.fromhex("0x1.62e42fee00000p-1"),
        float.fromhex("0x1.a39ef35793c76p-33"),
        1.5 * 2.0**52,
        -708.396418532264,
        709.08956571282,
    ),
}


def _exp(x: Value, p: _Precision) -> Value:
    inside = where(x > p.high, p.high, where(x < p.low, p.low, x))
    assert isinstance(inside, Value)
    shifted = inside * (1.0 / math.log(2.0)) + p.magic
    n = shifted - p.magic
    r = inside - n * p.ln2_high - n * p.ln2_low
    series = x.trace.const(1.0 / math.factorial(p.terms))
    for k in range(p.terms - 1, -1, -1):
        series = series * r + 1.0 / math.factorial(k)
    y = series * x.trace.add("pow2", shifted)
    result = where(x > p.high, math.inf, where(x < p.low, 0.0, y))
    assert isinstance(result, Value)
    return result


def _sigmoid(x: Value, p: _Precision) -> Value:
    return 1.0 / (1.0 + _exp(-x, p))


def _tanh(x: Value, p: _Precision) -> Value:
    return 1.0 - 2.0 / (1.0 + _exp(x + x, p))


_RULES = {"exp": _exp, "sigmoid": _sigmoid, "tanh": _tanh}


def expand(results: dict[str, Value], dtype: str, *, with_gradient_rules: bool = False) -> dict[str, Value]:
    """The same results in a new trace without composite operations, for `dtype`."""
    precision = _PRECISIONS[dtype]
    trace = Trace()
    new: dict[int, Value] = {}
    for value in live(results.values(), with_gradient_rules=with_gradient_rules):
        if value.op == "custom" and not with_gradient_rules:
            new[value.index] = new[value.args[0].index]
            continue
        args = [new[a.index] for a in value.args]
        if value.op in COMPOSITES:
            new[value.index] = _RULES[value.op](args[0], precision)
        else:
            new[value.index] = trace.add(value.op, *args, attr=value.attr)
    return {name: new[value.index] for name, value in results.items()}
