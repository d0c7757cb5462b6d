"""A neuron over all T steps as data: what is computed before the loop, in each step, and backwards.

uniform  values that depend on parameters alone, computed once outside the loop (their gradient
         reaches the parameters by ordinary autograd, because they are few and small)
forward  next states and outputs from states, inputs and uniforms
backward gradients of inputs, uniforms and earlier states from those of outputs and later states
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from neurograph.expr.gradient import gradient
from neurograph.expr.value import Trace, Value, live
from neurograph.spec import Step

STATE_GRADIENT, OUTPUT_GRADIENT = "c_", "g_"


@dataclass(frozen=True)
class Scan:
    """The scan of one traced step. Values of `forward` and `backward` live in one trace."""

    neuron: str
    inputs: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]
    observed: tuple[str, ...]
    uniforms: tuple[str, ...]
    prologue: dict[str, Value]  # uniform -> expression of parameters
    next_states: dict[str, Value]
    results: dict[str, Value]  # outputs and observed
    backward: dict[str, Value] = field(repr=False)  # input, state or uniform -> its gradient

    def __deepcopy__(self, memo: dict[int, Any]) -> Scan:
        return self  # it never changes, so copies of a program share it


def scan_of(step: Step, *, reciprocal: frozenset[str] = frozenset()) -> Scan:
    """Split a traced step. Divisions by a parameter in `reciprocal` become exact multiplications.

    `reciprocal` may only name parameters whose value is a power of two: then x / p and x * (1/p) are the
    same float, and a multiplication is several times faster.
    """
    results = {**step.next_states, **{_clear(n, step): v for n, v in step.outputs.items()}, **step.observed}
    order = live(results.values(), with_gradient_rules=True)
    of_params = _depending_on_parameters_only(order, step)
    trace = Trace()
    prologue: dict[str, Value] = {}
    new: dict[int, Value] = {}
    inverse: dict[str, Value] = {}

    taken = {*step.states, *step.inputs, *step.params}

    def uniform(value: Value) -> Value:
        name = str(value.attr) if value.op == "leaf" else f"u{len(prologue)}"
        while value.op != "leaf" and name in taken:
            name += "_"
        known = next((n for n, v in prologue.items() if v is value), None)
        if known is None:
            prologue[name] = value
        return trace.leaf(known or name)

    def copied(value: Value) -> Value:
        if value.op == "const":
            return trace.const(float(str(value.attr)))
        return uniform(value) if value.index in of_params else new[value.index]

    for value in order:
        if value.op == "const" or value.index in of_params:
            continue
        if value.op == "leaf":
            new[value.index] = trace.leaf(str(value.attr))
            continue
        divisor = value.args[1] if value.op == "div" else None
        if divisor is not None and divisor.op == "leaf" and divisor.attr in reciprocal:
            name = str(divisor.attr)
            if name not in inverse:
                inverse[name] = uniform(divisor.trace.add("div", 1.0, divisor))
            new[value.index] = trace.add("mul", copied(value.args[0]), inverse[name])
        else:
            new[value.index] = trace.add(value.op, *(copied(a) for a in value.args), attr=value.attr)

    moved = {name: copied(value) for name, value in results.items()}
    next_states = {name: moved[name] for name in step.states}
    outputs = {name: moved[_clear(name, step)] for name in step.outputs}
    leaves = {n: trace.leaf(n) for n in (*step.states, *step.inputs, *prologue)}
    seeds = {n: trace.leaf(STATE_GRADIENT + n) for n in next_states}
    seeds |= {_clear(n, step): trace.leaf(OUTPUT_GRADIENT + n) for n in outputs}
    with_outputs = {**next_states, **{_clear(n, step): v for n, v in outputs.items()}}
    return Scan(
        neuron=step.neuron,
        inputs=tuple(step.inputs),
        states=tuple(step.states),
        outputs=tuple(step.outputs),
        observed=tuple(step.observed),
        uniforms=tuple(prologue),
        prologue=prologue,
        next_states=next_states,
        results={**outputs, **{n: moved[n] for n in step.observed}},
        backward=gradient(with_outputs, seeds, leaves),
    )


def power_of_two(value: object) -> bool:
    """Whether dividing by this number and multiplying by its inverse give the same float."""
    return isinstance(value, int | float) and value > 0 and math.frexp(value)[0] == 0.5


def _clear(output: str, step: Step) -> str:
    """A result's key: an output may bear the name of a state (a readout gives its potential)."""
    return f"out_{output}" if output in step.states else output


def _depending_on_parameters_only(order: list[Value], step: Step) -> set[int]:
    params = {v.index for v in step.params.values()}
    constant: set[int] = set()
    found: set[int] = set()
    for value in order:
        if value.op == "const":
            constant.add(value.index)
        elif value.op == "leaf":
            if value.index in params:
                found.add(value.index)
        elif value.kind == "f" and value.op != "custom":
            sources = {a.index for a in value.args}
            if sources <= constant | found and sources & found:
                found.add(value.index)
    return found
