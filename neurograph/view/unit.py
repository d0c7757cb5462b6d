"""What a page says of a declared class: a neuron, synapse model or plasticity rule with its fields and equation."""

from __future__ import annotations

import inspect
from typing import Any

from neurograph.errors import NeuroGraphError
from neurograph.fields import Declared, Param, State, SurrogateOption
from neurograph.spec import Neuron
from neurograph.view.formula import operations, traced_lines
from neurograph.view.numbers import number, shown


def unit_of(declared: Declared, dt: float) -> dict[str, Any]:
    """Equation, parameters, states, options and ports."""
    kind = type(declared)
    fields = kind._fields
    out: dict[str, Any] = {
        "type": kind.__name__,
        "text": repr(declared),
        "doc": sentence(kind),
        "equation": [line.strip() for line in getattr(kind, "equation", "").split(";  ") if line.strip()],
        "params": [_param(name, fields.get(name), value) for name, value in declared.params.items()],
        "states": [_state(fields[name], value, declared) for name, value in declared.initial.items()],
        "options": [_option(fields[name], value) for name, value in declared.options.items()],
    }
    if isinstance(declared, Neuron):
        out |= {"inputs": list(declared.inputs), "outputs": list(declared.outputs), "given": dict(declared.given)}
        try:
            out |= {"traced": traced_lines(declared, dt), "ops": operations(declared, dt)}
        except NeuroGraphError as error:
            out |= {"traced": [], "ops": 0, "problem": str(error)}
    return out


def sentence(kind: type) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(kind) or ""
    return " ".join(text.split("\n\n")[0].split("\n")) if text else ""


def _param(name: str, field: Any, value: Any) -> dict[str, Any]:
    if not isinstance(field, Param):
        return {"name": name, "doc": "width of the surrogate gradient", "unit": "", "bounds": "", "value": shown(value)}
    bounds = f"> {number(field.above)}" if field.above is not None else ""
    if field.at_least is not None:
        bounds = f">= {number(field.at_least)}"
    return {"name": name, "doc": field.doc, "unit": field.unit, "bounds": bounds, "value": shown(value)}


def _state(field: State, value: Any, declared: Declared) -> dict[str, Any]:
    start = {"text": f"{value} (parameter)"} if value in _names(declared, value) else shown(value)
    return {"name": field.name, "doc": field.doc, "of": field.of, "value": start}


def _names(declared: Declared, value: Any) -> tuple[str, ...]:
    return tuple(declared.params) if isinstance(value, str) else ()


def _option(field: Any, value: Any) -> dict[str, Any]:
    return {
        "name": field.name, "doc": field.doc or ("the surrogate gradient" if isinstance(field, SurrogateOption) else ""),
        "value": repr(value), "choices": ", ".join(map(repr, field.choices)),
    }  # fmt: skip
