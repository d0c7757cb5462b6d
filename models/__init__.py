"""Recipes: functions that return a Graph. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from neurograph.errors import SpecError
from neurograph.graph import Graph

RECIPES: dict[str, Callable[..., Graph]] = {}

for _module in pkgutil.iter_modules(__path__):
    _loaded = importlib.import_module(f"{__name__}.{_module.name}")
    for _name in getattr(_loaded, "RECIPES", ()):
        RECIPES[_name] = globals()[_name] = getattr(_loaded, _name)


def recipe(name: str) -> Callable[..., Graph]:
    """The recipe of a name."""
    if name not in RECIPES:
        raise SpecError(f"unknown model {name!r}; known: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]
