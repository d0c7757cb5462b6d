"""Neurons and surrogates. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

import importlib
import pkgutil

from neurograph.errors import SpecError
from neurograph.nodes.surrogate import SURROGATES, Surrogate
from neurograph.spec import Neuron

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def _below(cls: type[Neuron]) -> list[type[Neuron]]:
    return [found for sub in cls.__subclasses__() for found in (sub, *_below(sub))]


NEURONS: dict[str, type[Neuron]] = {
    cls.__name__: cls
    for cls in _below(Neuron)
    if cls.__module__.startswith(f"{__name__}.") and not cls.__name__.startswith("_")
}


def neuron_named(name: str) -> type[Neuron]:
    """The neuron class of a name or of an alias such as `LIFNode`."""
    for key, cls in NEURONS.items():
        if name in (key, *cls.aliases):
            return cls
    raise SpecError(f"unknown neuron {name!r}; known: {', '.join(sorted(NEURONS))}")


def surrogate_named(name: str) -> type[Surrogate]:
    """The surrogate class of a name or of an alias such as `QGateGrad`."""
    for key, cls in SURROGATES.items():
        if name in (key, *cls.aliases):
            return cls
    raise SpecError(f"unknown surrogate {name!r}; known: {', '.join(sorted(SURROGATES))}")
