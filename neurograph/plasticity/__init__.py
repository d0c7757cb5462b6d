"""Plasticity rules. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.plasticity.rule import Plasticity
from neurograph.registry import found_below

PLASTICITY = found_below(Plasticity, __name__, __path__)
