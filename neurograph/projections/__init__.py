"""Operators of projections. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.projections.operator import Operator
from neurograph.registry import found_below

OPERATORS = found_below(Operator, __name__, __path__)
