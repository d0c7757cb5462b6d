"""A traced step as lines that a person can read: one per state, output and shared part."""

from __future__ import annotations

from collections import Counter

from neurograph.expr.value import Value, live
from neurograph.spec import Neuron

_INFIX = {"add": ("+", 2), "sub": ("-", 2), "mul": ("*", 3), "div": ("/", 3), "gt": (">", 1), "ge": (">=", 1)}
_INFIX |= {"lt": ("<", 1), "le": ("<=", 1), "eq": ("=", 1), "and": ("and", 0), "or": ("or", 0)}
_ATOM = 9


def traced_lines(neuron: Neuron, dt: float) -> list[str]:
    """The traced step; a part used more than once has a line of its own, before those that use it."""
    step = neuron.trace(dt)
    results = {**{f"{n}'": v for n, v in step.next_states.items()}, **step.outputs}
    order = live(results.values())
    uses = Counter(a.index for v in order for a in _read(v))
    uses.update(v.index for v in results.values())
    known = {v.index: (str(v.attr), _ATOM) for v in order if v.op == "leaf"}
    out: list[str] = []
    shared = 0
    observed = {v.index: n for n, v in step.observed.items()}
    for value in order:
        if value.op in ("leaf", "const", "custom") or uses[value.index] < 2:
            continue
        name = observed.get(value.index)
        if name is None or name in results or name in (text for text, _ in known.values()):
            shared += 1
            name = f"_{shared}"
        out.append(f"{name} = {_text(value, known)[0]}")
        known[value.index] = (name, _ATOM)
    return [*out, *(f"{name} = {_text(value, known)[0]}" for name, value in results.items())]


def operations(neuron: Neuron, dt: float) -> int:
    """Arithmetic operations of one neuron in one step."""
    step = neuron.trace(dt)
    values = live([*step.next_states.values(), *step.outputs.values()])
    return sum(v.op not in ("leaf", "const", "custom") for v in values)


def _read(value: Value) -> tuple[Value, ...]:
    return value.args[:1] if value.op == "custom" else value.args


def _text(value: Value, known: dict[int, tuple[str, int]]) -> tuple[str, int]:
    """The text of a value and how strongly its outermost operation binds."""
    if value.index in known:
        return known[value.index]
    if value.op == "const":
        number = float(str(value.attr))
        return f"{number:.6g}", _ATOM if number >= 0 else 3
    if value.op == "custom":  # gradients by hand do not change the value
        return _text(value.args[0], known)
    parts = [_text(a, known) for a in value.args]
    if value.op in _INFIX:
        sign, strength = _INFIX[value.op]
        left = _bound(parts[0], strength)
        return f"{left} {sign} {_bound(parts[1], strength + (value.op in ('sub', 'div')))}", strength
    if value.op == "neg":
        return f"-{_bound(parts[0], 4)}", 3
    if value.op == "not":
        return f"not {_bound(parts[0], 2)}", 0
    if value.op == "where":
        condition, then, other = (text for text, _ in parts)
        if (then, other) == ("1", "0"):
            return f"1[{condition}]", _ATOM
        return f"where({condition}, {then}, {other})", _ATOM
    return f"{value.op}({', '.join(text for text, _ in parts)})", _ATOM


def _bound(part: tuple[str, int], strength: int) -> str:
    return part[0] if part[1] >= strength else f"({part[0]})"
