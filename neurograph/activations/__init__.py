"""Units of artificial networks. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.activations.activation import Activation
from neurograph.activations.relay import Relay
from neurograph.registry import found_below

ACTIVATIONS = found_below(Activation, __name__, __path__)

__all__ = ["ACTIVATIONS", "Activation", "Relay"]
