"""Recipes of conversion by name. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

from neurograph.convert.conversion import Recipe
from neurograph.errors import GraphError

RECIPES: dict[str, Callable[..., Recipe]] = {}

for _module in pkgutil.iter_modules(__path__):
    RECIPES |= getattr(importlib.import_module(f"{__name__}.{_module.name}"), "RECIPES", {})


def recipe_named(name: str) -> Recipe:
    """The recipe of a name, with its defaults."""
    if name not in RECIPES:
        raise GraphError(f"unknown recipe of conversion {name!r}; known: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]()
