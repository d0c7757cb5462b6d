"""Neurons and surrogates. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.errors import SpecError
from neurograph.nodes.surrogate import SURROGATES, Surrogate
from neurograph.registry import found_below
from neurograph.spec import Neuron

NEURONS = found_below(Neuron, __name__, __path__)


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
