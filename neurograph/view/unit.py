"""What a page says of a declared class: a neuron, synapse model or plasticity rule with its fields and equation."""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from typing import Any

from neurograph.errors import NeuroGraphError
from neurograph.fields import Declared, Param, State, SurrogateOption
from neurograph.spec import Neuron
from neurograph.view.formula import operations, traced_lines
from neurograph.view.numbers import number, shown


def kind_key(declared: Declared) -> Hashable:
    """Equal for those that have one `kind_of`: a step depends on options, and on parameters that are exactly 0 or 1."""
    folded = tuple(v if isinstance(v, int | float) and v in (0, 1) else None for v in declared.params.values())
    return type(declared), tuple(map(repr, declared.options.values())), folded


def values_of(declared: Declared) -> dict[str, Any]:
    """The values of one neuron, synapse model or rule, in the order of its kind's fields."""
    return {
        "text": repr(declared),
        "params": [shown(value) for value in declared.params.values()],
        "states": [_start(declared, value) for value in declared.initial.values()],
        "options": [repr(value) for value in declared.options.values()],
    }


def kind_of(declared: Declared, dt: float) -> dict[str, Any]:
    """What all of a kind share: equation, fields, ports."""
    kind, fields = type(declared), type(declared)._fields
    out: dict[str, Any] = {
        "type": kind.__name__,
        "doc": sentence(kind),
        "equation": [line.strip() for line in getattr(kind, "equation", "").split(";  ") if line.strip()],
        "params": [_param(name, fields.get(name)) for name in declared.params],
        "states": [_state(fields[name]) for name in declared.initial],
        "options": [_option(fields[name]) for name in declared.options],
        "inputs": [], "outputs": [], "traced": [], "ops": 0,
    }  # fmt: skip
    if isinstance(declared, Neuron):
        out |= {"inputs": list(declared.inputs), "outputs": list(declared.outputs), "given": dict(declared.given)}
        try:
            out |= {"traced": traced_lines(declared, dt), "ops": operations(declared, dt)}
        except NeuroGraphError as error:
            out["problem"] = str(error)
    return out


def sentence(kind: type) -> str:
    """The first paragraph of a docstring, on one line."""
    text = inspect.getdoc(kind) or ""
    return " ".join(text.split("\n\n")[0].split("\n")) if text else ""


def _param(name: str, field: Any) -> dict[str, Any]:
    if not isinstance(field, Param):
        return {"name": name, "doc": "width of the surrogate gradient", "unit": "", "bounds": ""}
    bounds = f"> {number(field.above)}" if field.above is not None else ""
    if field.at_least is not None:
        bounds = f">= {number(field.at_least)}"
    return {"name": name, "doc": field.doc, "unit": field.unit, "bounds": bounds}


def _state(field: State) -> dict[str, Any]:
    return {"name": field.name, "doc": field.doc, "of": field.of}


def _start(declared: Declared, value: Any) -> dict[str, Any]:
    named = isinstance(value, str) and value in declared.params
    return {"text": f"{value} (the parameter)"} if named else shown(value)


def _option(field: Any) -> dict[str, Any]:
    doc = field.doc or ("the surrogate gradient" if isinstance(field, SurrogateOption) else "")
    return {"name": field.name, "doc": doc, "choices": ", ".join(map(repr, field.choices))}
