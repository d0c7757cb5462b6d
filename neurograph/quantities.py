"""Numbers that carry a unit, as those of Brian2, pint, astropy or unyt: refused, because an array of them forgets it."""

from __future__ import annotations

import inspect
from typing import Any

from neurograph.errors import SpecError

_PLAIN = ("", "1", "1.0", "dimensionless")


def unit_of(value: Any) -> str:
    """The unit that a number, an array or the first entry of a list carries; "" for plain numbers.

    Found by the attributes such libraries share: `units` (pint, unyt), `unit` (astropy) or `dim` (Brian2, in SI).
    """
    if isinstance(value, int | float | str):
        return ""
    if isinstance(value, list | tuple):
        return unit_of(value[0]) if value else ""
    for name in ("units", "unit", "dim"):
        found = getattr(value, name, None)
        # a tensor's dim() is a method
        if found is not None and not inspect.isroutine(found) and str(found) not in _PLAIN:
            return str(found)
    return ""


def refuse_units(value: Any, where: str, meant: str = "") -> None:
    """Raise SpecError where `value` carries a unit; `meant`: the unit that plain numbers are taken in."""
    if unit := unit_of(value):
        raise SpecError(
            f"{where}: {value!r} carries a unit ({unit}), which would be dropped. NeuroGraph computes with plain numbers"
            f"{f', here in {meant}' if meant else ''}: divide by that unit first, as in value / ms"
        )
