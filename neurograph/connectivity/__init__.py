"""Rules that say which neurons are connected. A file placed in this folder is found; no list has to be edited."""

from __future__ import annotations

from neurograph.connectivity.rule import Rule
from neurograph.registry import found_below

RULES = found_below(Rule, __name__, __path__)
