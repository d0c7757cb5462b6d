"""Reverse mode on a traced step: from gradients of its results to gradients of its leaves."""

from __future__ import annotations

from collections.abc import Mapping

from neurograph.expr.ops import OPS
from neurograph.expr.value import Value, live


def gradient(results: Mapping[str, Value], seeds: Mapping[str, Value], leaves: Mapping[str, Value]) -> dict[str, Value]:
    """Adjoints of `leaves` given the adjoints `seeds` of `results`, appended to the same trace.

    dL/dleaf = sum over results of seed * dresult/dleaf. A leaf no gradient reaches is absent.
    """
    order = live(results.values(), with_gradient_rules=True)
    reached = _depend_on(order, leaves)
    adjoint: dict[int, Value] = {}

    def accumulate(value: Value, contribution: Value | None) -> None:
        if contribution is None or value.index not in reached:
            return
        known = adjoint.get(value.index)
        adjoint[value.index] = contribution if known is None else known + contribution

    for name, value in results.items():
        if name in seeds:
            accumulate(value, seeds[name])
    for value in reversed(order):
        g = adjoint.get(value.index)
        rule = OPS[value.op].gradient
        if g is None or rule is None:
            continue
        for argument, contribution in zip(value.args, rule(value.args, value, g), strict=True):
            accumulate(argument, contribution)
    return {name: adjoint[leaf.index] for name, leaf in leaves.items() if leaf.index in adjoint}


def _depend_on(order: list[Value], leaves: Mapping[str, Value]) -> set[int]:
    """Indices of the values through which a gradient can reach one of the leaves."""
    reached = {leaf.index for leaf in leaves.values()}
    for value in order:
        # a custom gradient passes through the arguments its rule names, not through its value
        sources = value.args[1::2] if value.op == "custom" else value.args
        if any(a.index in reached for a in sources):
            reached.add(value.index)
    return reached
