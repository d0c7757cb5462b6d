"""The other half of a closed loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from neurograph.errors import DataError
from neurograph.simulate.lists import Array


class Environment(Protocol):
    """What a simulation drives and is driven by."""

    def step(self, counts: dict[str, Array]) -> tuple[Mapping[str, Any], Mapping[str, float]]:
        """Given how often each neuron fired since the last call: parameters to set, and signals, by name."""


def answer_of(environment: Environment, counts: dict[str, Array]) -> tuple[Mapping[str, Any], Mapping[str, float]]:
    """Step the environment; raises DataError unless it returns what it has to."""
    answer = environment.step(counts)
    if not (isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(a, Mapping) for a in answer)):
        raise DataError("environment.step(counts) returns two dicts: parameters to set, and signals")
    return answer
