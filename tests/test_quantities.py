"""Numbers that carry a unit are refused wherever an array would forget it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.quantities import unit_of


class Brian(np.ndarray):
    """As a quantity of Brian2: an array in SI units that knows its dimensions."""

    dim = "s"

    def __new__(cls, value: Any) -> Brian:
        return np.asarray(value, np.float64).view(cls)


class Pint:
    """As a quantity of pint or unyt."""

    units = "millisecond"

    def __init__(self, value: Any):
        self.value = value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.value, dtype)


def connect(**options: Any) -> None:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 2), graph.population("b", ng.PscExpLIF(), 2)
    graph.connect("a", "b:exc", *options.pop("rules", ()), **options)


HERE = r"[^\s(]*test_quantities\.py:\d+"
CASES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a parameter": (lambda q: ng.PscExpLIF(tau_m=q), rf"PscExpLIF\(tau_m=...\) at {HERE}: .* carries a unit .* here in ms: divide"),
    "a learnable parameter": (lambda q: ng.LIF(tau=ng.learnable(q)), r"LIF\(tau=...\).* carries a unit"),
    "a state": (lambda q: ng.PscExpLIF(v=q), r"PscExpLIF\(v=...\).* carries a unit"),
    "a weight": (
        lambda q: connect(rules=[ng.AllToAll()], weight=q), rf"projection a -> b \({HERE}\): weight: .*unit of the target"),
    "a weight one to one": (lambda q: connect(weight=q), r"weight: .* carries a unit"),
    "a delay": (lambda q: connect(delay=q), r"delay: .* carries a unit .*unit of dt"),
    "weights of a list": (lambda q: ng.Explicit([0], [1], weight=[q]), r"Explicit\(weight=...\).* carries a unit"),
    "times": (lambda q: ng.SpikeList([q], [0]), r"SpikeList\(times=...\).* carries a unit"),
    "a rate": (lambda q: ng.Poisson(rate=q), r"Poisson\(rate=...\).* here in Hz"),
    "a rule of plasticity": (lambda q: ng.PairSTDP(w_max=q), r"PairSTDP\(w_max=...\).* carries a unit"),
}  # fmt: skip


@pytest.mark.parametrize("quantity", [Brian(0.02), Pint(20.0)], ids=["brian", "pint"])
@pytest.mark.parametrize("name", CASES)
def test_quantities_are_refused(name: str, quantity: Any) -> None:
    make, message = CASES[name]
    with pytest.raises(ng.SpecError) as found:
        make(quantity)
    assert re.search(message, str(found.value), re.S), str(found.value)


@pytest.mark.parametrize(
    "value", [1, 2.0, np.float32(1.0), np.ones(3), [1.0, 2.0], [], (), "v", None, torch.ones(2), ng.Normal(0.0, 1.0)]
)
def test_plain_numbers_have_none(value: Any) -> None:
    assert unit_of(value) == ""


def test_without_dimension_is_plain() -> None:
    value = Brian(3.0)
    value.dim = "1"
    assert unit_of(value) == "" and ng.LIF(tau=float(value)).params["tau"] == 3.0
