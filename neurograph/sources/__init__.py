"""Sources of spikes and currents, declared like neurons. A file placed in this folder is found."""

from __future__ import annotations

from neurograph.registry import found_below
from neurograph.spec import Neuron

SOURCES = found_below(Neuron, __name__, __path__)
