"""What the author of a step may call besides + - * / and comparisons."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from neurograph.errors import SpecError
from neurograph.expr.value import Operand, Trace, Value


class SpikeRule(Protocol):
    """What `spike` needs of a surrogate: a forward rule and the slopes that stand for its gradient."""

    def forward(self, u: Value) -> Value: ...

    def slopes(self, u: Value) -> list[tuple[Value, Value]]: ...


def _trace_of(*operands: Operand) -> Trace | None:
    return next((o.trace for o in operands if isinstance(o, Value)), None)


def _unary(op: str, on_number: Callable[[float], float], meaning: str) -> Callable[[Operand], Operand]:
    def function(x: Operand) -> Operand:
        trace = _trace_of(x)
        return on_number(float(x)) if trace is None else trace.add(op, x)  # type: ignore[arg-type]

    function.__name__ = function.__qualname__ = op
    function.__doc__ = meaning
    return function


exp = _unary("exp", math.exp, "e**x, the same bits on every backend.")
sigmoid = _unary("sigmoid", lambda x: 1 / (1 + math.exp(-x)), "1 / (1 + exp(-x)).")
tanh = _unary("tanh", math.tanh, "Hyperbolic tangent, 1 - 2 / (1 + exp(2 x)).")
sqrt = _unary("sqrt", math.sqrt, "Square root, correctly rounded.")
relu = _unary("relu", lambda x: max(x, 0.0), "max(x, 0); a NaN stays.")
floor = _unary("floor", math.floor, "Largest whole number <= x; its gradient is zero.")


def where(condition: Value | bool, a: Operand, b: Operand) -> Operand:
    """`a` where the condition holds, else `b`; both are computed, one is chosen."""
    if isinstance(condition, bool):
        return a if condition else b
    if not isinstance(condition, Value):
        raise SpecError(f"where() needs a condition such as `v > 0`, got {condition!r}")
    return condition.trace.add("where", condition, a, b)


def minimum(a: Operand, b: Operand) -> Operand:
    """The smaller of two; a NaN in `a` stays."""
    return b if a is b else where(a > b, b, a)  # type: ignore[operator]


def maximum(a: Operand, b: Operand) -> Operand:
    """The larger of two; a NaN in `a` stays."""
    return b if a is b else where(a < b, b, a)  # type: ignore[operator]


def clip(x: Operand, low: Operand, high: Operand) -> Operand:
    """x limited to [low, high]."""
    return minimum(maximum(x, low), high)


def sign(x: Operand) -> Operand:
    """-1, 0 or 1."""
    return where(x > 0.0, 1.0, where(x < 0.0, -1.0, 0.0))  # type: ignore[operator, arg-type]


def detach(x: Operand) -> Operand:
    """The value of x with no gradient: sg(x)."""
    trace = _trace_of(x)
    return x if trace is None else trace.add("custom", x)


def custom_gradient(y: Value, *slopes: tuple[Operand, Operand]) -> Operand:
    """The value of y, with gradients given by hand: pairs (x, dy/dx) instead of those y would have."""
    pairs = [part for x, slope in slopes if isinstance(x, Value) for part in (x, slope)]
    return y.trace.add("custom", y, *pairs)


def spike(u: Operand, surrogate: SpikeRule) -> Value:
    """s = 1 where u is above zero, else 0; its gradient is the surrogate's.

    `u` is the potential minus the threshold. The first `u` of a step can be probed as "margin":
    how far from the threshold the neuron was, before any reset.
    """
    if not isinstance(u, Value):
        raise SpecError(f"spike() needs a traced value such as v - self.threshold, got {u!r}")
    if not hasattr(surrogate, "slopes"):
        raise SpecError(
            f"spike(u, surrogate) got {surrogate!r}; pass self.surrogate, declared as "
            "`surrogate = SurrogateOption(QGate())` in the neuron."
        )
    seen = u.trace.observed
    seen["margin" if "margin" not in seen else f"margin{len(seen)}"] = u
    pairs = [x for pair in surrogate.slopes(u) for x in pair]
    return u.trace.add("custom", surrogate.forward(u), *pairs)


def hard_reset(v: Value, s: Value, v_reset: Operand) -> Value:
    """v where silent, v_reset where a spike was: v (1 - s) + s v_reset.

    Where s is known to be 0 or 1 the value is chosen instead of computed, which is the same number for less
    work; the gradient is that of the formula, d/dv = 1 - s and d/ds = v_reset - v.
    """
    fired = condition_of(s)
    if fired is None:
        silent = v * (1.0 - s)
        return silent if isinstance(v_reset, int | float) and v_reset == 0 else silent + s * v_reset
    trace = v.trace
    pairs = [v, where(fired, 0.0, 1.0), s, v_reset - v]
    if isinstance(v_reset, Value):
        pairs += [v_reset, s]
    return trace.add("custom", where(fired, v_reset, v), *pairs)


def condition_of(s: Value) -> Value | None:
    """The condition c if s is where(c, 1, 0), detached or with a surrogate gradient or not."""
    while s.op == "custom":
        s = s.args[0]
    if s.op == "where" and [a.attr for a in s.args[1:]] == ["1.0", "0.0"] and {a.op for a in s.args[1:]} == {"const"}:
        return s.args[0]
    return None


def is_binary(value: Value) -> bool:
    """Whether a value is 1 or 0 by its construction, also where a neuron is refractory: where(r, 0, where(c, 1, 0))."""
    while value.op == "custom":
        value = value.args[0]
    if value.op == "const":
        return value.attr in ("1.0", "0.0")
    return value.op == "where" and all(is_binary(a) for a in value.args[1:])


def soft_reset(v: Value, s: Value, threshold: Operand) -> Value:
    """Reset by subtraction: v - s threshold."""
    return v - s * threshold
