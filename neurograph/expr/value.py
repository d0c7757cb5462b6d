"""Values of the step tape: a typed SSA expression that overloads Python arithmetic while it is traced."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from typing import Union

from neurograph.errors import SpecError
from neurograph.expr.ops import OPS

LONGEST = 100_000  # operations of a step; each is a line of a kernel
Number = Union[int, float]
Operand = Union["Value", Number]


class Value:
    """One SSA value: `op(args)`; `kind` is "f" (compute dtype) or "b" (truth value)."""

    __slots__ = ("args", "attr", "index", "kind", "op", "trace")
    __array_priority__ = 1000  # numpy scalars hand their arithmetic over to us

    def __init__(self, trace: Trace, op: str, args: tuple[Value, ...], attr: object, kind: str):
        self.trace, self.op, self.args, self.attr, self.kind = trace, op, args, attr, kind
        self.index = len(trace.values)

    def _new(self, op: str, *args: Operand) -> Value:
        return self.trace.add(op, *args)

    def __add__(self, other: Operand) -> Value:
        return self if _is(other, 0) else self._new("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self if _is(other, 0) else self._new("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return self if _is(other, 0) else self._new("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self._new("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self if _is(other, 1) else self._new("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self if _is(other, 1) else self._new("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self if _is(other, 1) else self._new("div", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self._new("div", other, self)

    def __neg__(self) -> Value:
        return self._new("neg", self)

    def __abs__(self) -> Value:
        return self._new("abs", self)

    def __pow__(self, exponent: int) -> Value:
        if not isinstance(exponent, int) or exponent < 1:
            raise SpecError(
                f"power {exponent!r} in a step: only whole powers >= 1 are traced. "
                "Write exp(p * ...) or sqrt(...) instead."
            )
        result = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __gt__(self, other: Operand) -> Value:
        return self._new("gt", self, other)

    def __ge__(self, other: Operand) -> Value:
        return self._new("ge", self, other)

    def __lt__(self, other: Operand) -> Value:
        return self._new("lt", self, other)

    def __le__(self, other: Operand) -> Value:
        return self._new("le", self, other)

    def __eq__(self, other: object) -> Value:  # type: ignore[override]
        return self._new("eq", self, other)  # type: ignore[arg-type]

    def __ne__(self, other: object) -> Value:  # type: ignore[override]
        return ~self._new("eq", self, other)  # type: ignore[arg-type]

    __hash__ = object.__hash__

    def __and__(self, other: Value) -> Value:
        return self._new("and", self, other)

    def __or__(self, other: Value) -> Value:
        return self._new("or", self, other)

    def __invert__(self) -> Value:
        return self._new("not", self)

    def __bool__(self) -> bool:
        raise SpecError(
            "a step is traced once, so `if`, `and`, `or` and `not` cannot look at a traced value. "
            "Use where(condition, a, b), and & | ~ between conditions."
        )

    def __repr__(self) -> str:
        if self.op in ("const", "leaf"):
            return f"%{self.index} = {self.op} {self.attr}"
        return f"%{self.index} = {self.op} " + " ".join(f"%{a.index}" for a in self.args)


class Trace:
    """The list of values of one step, in the order they were made; equal expressions are one value."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[tuple[object, ...], Value] = {}
        self.observed: dict[str, Value] = {}

    def add(self, op: str, *args: Operand, attr: object = None) -> Value:
        """Append `op(args)`, or return the value that already computes it."""
        operands = tuple(self.lift(a) for a in args)
        rule = OPS.get(op)
        if rule is None:
            raise SpecError(f"unknown operation {op!r} in a step; known: {', '.join(sorted(OPS))}")
        for operand, kind in zip(operands, rule.kinds(len(operands)), strict=True):
            if operand.kind != kind:
                wanted = "a condition" if kind == "b" else "a number"
                raise SpecError(
                    f"{op}() in a step needs {wanted}, got {operand!r}. "
                    "Turn a condition into a number with where(condition, 1.0, 0.0)."
                )
        key = (op, attr, *(o.index for o in operands))
        if key not in self._known:
            if len(self.values) >= LONGEST:
                raise SpecError(
                    f"a step of more than {LONGEST} operations: loops in a step are unrolled. Use fewer rounds, or a state"
                )
            value = Value(self, op, operands, attr, rule.result)
            self.values.append(value)
            self._known[key] = value
        return self._known[key]

    def leaf(self, name: str) -> Value:
        """A named input of the step: port, state, parameter or incoming gradient."""
        return self.add("leaf", attr=name)

    def const(self, number: Number) -> Value:
        """A literal, pinned to the compute dtype when code is emitted."""
        if math.isnan(number) or number == -math.inf:
            raise SpecError(f"the constant {number} in a step: only finite numbers and inf are constants")
        # the text form keeps -0.0 and 0.0, and 1 and 1.0, apart or together as floats do
        return self.add("const", attr=repr(float(number)))

    def lift(self, operand: Operand) -> Value:
        if isinstance(operand, Value):
            if operand.trace is not self:
                raise SpecError("a traced value was kept and used in another step; trace each step on its own")
            return operand
        try:
            return self.const(operand)
        except (TypeError, ValueError):
            raise SpecError(
                f"{operand!r} ({type(operand).__name__}) in a step: only numbers and traced values "
                "take part in the arithmetic. Declare arrays as Param."
            ) from None


def _is(operand: Operand, number: int) -> bool:
    return isinstance(operand, int | float) and float(operand) == number


def live(
    roots: Iterable[Value], *, with_gradient_rules: bool = False, held: Container[int] = frozenset()
) -> list[Value]:
    """The values that `roots` need, in order. A custom gradient's rule counts only when asked for.

    What a value in `held` (by index) is made from is not needed.
    """
    needed: set[int] = set()
    stack = list(roots)
    values: dict[int, Value] = {}
    while stack:
        value = stack.pop()
        if value.index in needed:
            continue
        needed.add(value.index)
        values[value.index] = value
        if value.index in held:
            continue
        forward_only = value.op == "custom" and not with_gradient_rules
        stack.extend(value.args[:1] if forward_only else value.args)
    return [values[i] for i in sorted(needed)]
