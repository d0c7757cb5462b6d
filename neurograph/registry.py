"""Classes that are found by lying in a folder: neurons, synapses, operators, plasticity rules."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")


def found_below(base: type[T], package: str, path: Iterable[str]) -> dict[str, type[T]]:
    """Import every module of a package and return the public classes below `base` that it declares, by name."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")
    return {
        cls.__name__: cls
        for cls in _below(base)
        if cls.__module__.startswith(f"{package}.") and not cls.__name__.startswith("_")
    }


def _below(cls: type[T]) -> list[type[T]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_below(sub))]
