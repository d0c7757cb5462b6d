"""Operators of projections. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

import importlib
import pkgutil

from neurograph.projections.operator import Operator

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def _below(cls: type[Operator]) -> list[type[Operator]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_below(sub))]


OPERATORS: dict[str, type[Operator]] = {
    cls.__name__: cls
    for cls in _below(Operator)
    if cls.__module__.startswith(f"{__name__}.") and not cls.__name__.startswith("_")
}
