"""Synapse models. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.registry import found_below
from neurograph.synapses.synapse import Synapse

SYNAPSES = found_below(Synapse, __name__, __path__)
