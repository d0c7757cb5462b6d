"""Sums, products and constants of a torch module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from neurograph.activations.rectifier import ReLU6
from neurograph.io.torch_import.call import MASKED, Call
from neurograph.io.torch_import.flow import Flow
from neurograph.io.torch_import.trace import Held
from neurograph.projections.arrange import Pad, Permute
from neurograph.projections.combine import MatMul, Product
from neurograph.projections.dense import Dense
from neurograph.projections.reshape import OneToOne


def add(call: Call, input: Any, other: Any, *, alpha: float = 1.0) -> Flow:
    if isinstance(input, Flow) and isinstance(other, Flow):
        a, b = call.spread(input, call.shape), call.spread(call.scaled(other, float(alpha)), call.shape)
        return Flow((*a.parts, *b.parts), call.shape)
    if not isinstance(input, Flow):
        input, other = call.scaled(call.flow(other), float(alpha)), input
        alpha = 1.0
    input = call.spread(input, call.shape)
    return call.shifted(input, alpha * call.array(other, call.shape), _learnt(other) and alpha == 1.0)


def sub(call: Call, input: Any, other: Any, *, alpha: float = 1.0) -> Flow:
    return add(call, input, other, alpha=-alpha)


def rsub(call: Call, input: Any, other: Any) -> Flow:
    return add(call, other, input, alpha=-1.0)


def neg(call: Call, input: Flow) -> Flow:
    return call.scaled(input, -1.0)


def mul(call: Call, input: Any, other: Any) -> Flow:
    if isinstance(input, Flow) and isinstance(other, Flow):
        return product(call, input, other)
    flow, factor = (input, other) if isinstance(input, Flow) else (call.flow(other), input)
    return times(call, flow, call.array(factor, call.shape), _learnt(factor))


def times(call: Call, flow: Flow, factor: np.ndarray[Any, Any], learnt: bool = False) -> Flow:
    flow = call.spread(flow, call.shape)
    if factor.ndim == 0 and not learnt:
        return call.scaled(flow, float(factor))
    return call.then(flow, OneToOne(factor, learnable=learnt))


def product(call: Call, a: Flow, b: Flow) -> Flow:
    a, b = call.spread(a, call.shape), call.spread(b, call.shape)
    return call.joined(Product(), a, b)


def div(call: Call, input: Any, other: Any, *, rounding_mode: str | None = None) -> Flow:
    if rounding_mode is not None or isinstance(other, Flow):
        call.fail("divides by a value, or rounds", "A graph divides by constants only")
    return times(call, call.flow(input), 1.0 / call.array(other, call.shape))


def power(call: Call, input: Any, exponent: Any) -> Flow:
    if not isinstance(exponent, int | float) or exponent != 2 or not isinstance(input, Flow):
        call.fail("a power other than 2", "Only squares are imported")
    return square(call, input)


def square(call: Call, input: Flow) -> Flow:
    input = call.settled(input)
    return product(call, input, input)


def hardsigmoid(call: Call, input: Flow, inplace: bool = False) -> Flow:
    return call.scaled(call.activation(call.shifted(input, 3.0), ReLU6()), 1.0 / 6.0)


def hardswish(call: Call, input: Flow, inplace: bool = False) -> Flow:
    input = call.settled(input)
    gate = hardsigmoid(call.within("gate"), input)
    return product(call, input, gate)


def masked_fill(call: Call, input: Any, mask: Any, value: Any) -> Flow:
    if not isinstance(input, Flow) or isinstance(mask, Flow) or isinstance(value, Flow):
        call.fail("the mask or the value depends on the input", "Only constant masks are imported")
    closed = np.broadcast_to(call.array(mask, call.shape), call.shape) != 0
    fill = float(call.array(value, ()))
    flow = call.spread(input, call.shape)
    if fill > MASKED:
        flow = call.then(flow, OneToOne(np.where(closed, 0.0, 1.0)))
    return call.shifted(flow, np.where(closed, fill, 0.0))


def matmul(call: Call, input: Any, other: Any) -> Flow:
    if isinstance(other, Held) and isinstance(input, Flow):
        if other.value.dim() != 2:
            call.fail(f"multiplies by a constant of {other.value.dim()} axes", "A constant factor is a matrix")
        weight = other.value.T
        return linear(call, input, Held(weight, other.learnt))
    a, b = call.flow(input, "its first factor"), call.flow(other, "its second factor")
    if min(len(a.shape), len(b.shape)) < 2 or len(a.shape) != len(b.shape) or a.shape[:-2] != b.shape[:-2]:
        call.fail(
            f"multiplies values of shape {a.shape} and {b.shape} per sample",
            "Both must be matrices (or equally many of them); use unsqueeze, expand or a product with sum",
        )
    return matrices(call, a, b)


def matrices(call: Call, a: Flow, b: Flow) -> Flow:
    """a b per sample; a transposition that waits on b is done by the product."""
    last = b.parts[0].chain[-1] if len(b.parts) == 1 and b.parts[0].chain else None
    axes = len(b.shape)
    transposed = isinstance(last, Permute) and last.order == (*range(axes - 2), axes - 1, axes - 2)
    if transposed:
        p = b.parts[0]
        shape = (*b.shape[:-2], b.shape[-1], b.shape[-2])
        b = Flow((type(p)(p.source, p.chain[:-1], p.names[:-1]),), shape)
    return call.joined(MatMul(transposed=transposed), a, b)


def linear(call: Call, input: Flow, weight: Any, bias: Any = None) -> Flow:
    arrays = call.arrays(weight=weight, bias=bias)
    if arrays["weight"].ndim != 2:
        call.fail(f"its weights have {arrays['weight'].ndim} axes", "They must be a matrix [outputs, inputs]")
    features = arrays["weight"].shape[0]
    operator = Dense(features, bias=bias is not None, last_axis=len(call.flow(input).shape) > 1)
    return call.then(input, operator.started(**arrays))


def cat(call: Call, tensors: Any, dim: int = 0) -> Flow:
    values = [v for v in tensors if v is not None]
    axes = len(call.shape)
    axis = call.axis(dim, axes)
    flows = [v for v in values if isinstance(v, Flow)]
    if len(flows) == 1 or len(flows) < len(values):
        return _padded(call, values, axis)
    first = (axis, *(a for a in range(axes) if a != axis))
    if axis:
        flows = [call.rearranged(f, Permute(*first)) for f in flows]
    joined = call.joined("concat", *flows)
    return call.rearranged(joined, Permute(*np.argsort(first).tolist())) if axis else joined


def _padded(call: Call, values: list[Any], axis: int) -> Flow:
    """What is joined as a sum: each value with zeros in the places of the others, and the constants."""
    full, at, parts = call.shape, 0, []
    constant, learnt = np.zeros(full), False
    for value in values:
        if isinstance(value, Flow):
            n = value.shape[axis]
            sides = [(at, full[axis] - at - n) if a == axis else (0, 0) for a in range(len(full))]
            parts += list(call.rearranged(value, Pad(*sides)).parts if n < full[axis] else value.parts)
        else:
            n = value.value.shape[axis + 1]
            place = tuple(slice(at, at + n) if a == axis else slice(None) for a in range(len(full)))
            constant[place] = call.array(value, constant[place].shape)
            learnt = learnt or value.learnt
        at += n
    return call.shifted(Flow(tuple(parts), full), constant, learnt)


def stack(call: Call, tensors: Any, dim: int = 0) -> Flow:
    axis = call.axis(dim, len(call.shape))
    flows = [call.flow(t, "one of the values") for t in tensors]
    apart = [call.reshaped(f, (*f.shape[:axis], 1, *f.shape[axis:])) for f in flows]
    return cat(call, apart, axis + 1)


def _learnt(value: Any) -> bool:
    return isinstance(value, Held) and value.learnt


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": add, "iadd": add, "sub": sub, "isub": sub, "subtract": sub, "rsub": rsub, "neg": neg, "negative": neg,
    "mul": mul, "imul": mul, "multiply": mul, "div": div, "true_divide": div, "truediv": div, "itruediv": div,
    "divide": div, "pow": power, "square": square, "matmul": matmul, "bmm": matmul, "mm": matmul, "linear": linear,
    "cat": cat, "concat": cat, "concatenate": cat, "stack": stack, "masked_fill": masked_fill,
    "hardsigmoid": hardsigmoid, "hardswish": hardswish,
}  # fmt: skip

EITHER = frozenset({add, sub, rsub, mul, div, matmul})  # where a constant may come first
