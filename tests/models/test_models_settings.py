"""Settings at their edges: circuits too small for both kinds of neurons, and thresholds that are learnt or many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.models.blocks import threshold_of


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("cuba", {"n": 0}, r"cuba\(n=0\): 2 or more neurons"),
        ("coba", {"n": 1}, r"coba\(n=1\): 2 or more neurons"),
        ("hh_network", {"n": -3}, r"hh_network\(n=-3\): 2 or more neurons"),
        ("brunel", {"n_exc": 0}, "4 or more excitatory neurons"),
        ("brunel", {"n_exc": 10, "epsilon": 0.01}, "input of each neuron"),
        ("brunel", {"jump": 0.0}, "a jump above 0 mV"),
        ("microcircuit", {"scale": 1e-5}, r"microcircuit\(scale=1e-05\): L23E would have no neuron; .* 0\.00047"),
        ("microcircuit", {"scale": 4e-4}, "L5I would have no neuron"),
    ],
)
def test_a_circuit_without_a_population_is_refused(name: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ng.SpecError, match=said):
        models.recipe(name)(**settings)


def test_the_smallest_circuits() -> None:
    for name in ("cuba", "coba", "hh_network"):
        assert [p.shape for p in models.recipe(name)(n=2).populations] == [(1,), (1,)]
    assert models.recipe("brunel")(n_exc=10).nodes["inh"].shape == (2,)
    assert min(p.shape for p in models.recipe("microcircuit")(scale=0.00047).populations) == (1,)


THRESHOLDS = {
    "number": (0.8, 0.8),
    "learnt": (ng.learnable(0.8), 0.8),
    "learnt per channel": (ng.learnable([0.6, 1.0], per="channel"), 0.8),
    "many": (np.array([0.6, 1.0]), 0.8),
}


@pytest.mark.parametrize("kind", THRESHOLDS)
def test_a_threshold_that_weights_begin_at(kind: str) -> None:
    threshold, mean = THRESHOLDS[kind]
    neuron = ng.LIF(threshold=threshold)
    assert threshold_of(neuron) == pytest.approx(mean) and threshold_of(ng.ReLU()) == 1.0
    graph = models.recipe("sequential")(2, neuron, hidden=2, gain=0.5)
    norm = ng.compile(graph, "numba").weights()["input.norm.layer_norm.weight"]
    np.testing.assert_allclose(norm, 0.5 * mean, rtol=1e-6)


def test_attention_fires_at_half_the_threshold(tiny: Any) -> None:
    for threshold, half in ((1.5, 0.75), (ng.learnable(1.5), 0.75), (np.full(12, 1.5), np.full(12, 0.75))):
        graph = tiny("spikformer", ng.LIF(threshold=threshold), depth=1, dim=12, heads=2)
        found = graph.nodes["block1.attention.lif"].neuron.params["threshold"]
        assert isinstance(found, ng.fields.Learnable) == isinstance(threshold, ng.fields.Learnable)
        np.testing.assert_array_equal(ng.fields.plain(found), half)
    twin = tiny("spikformer", ng.ReLU(), depth=1)
    assert isinstance(twin.nodes["block1.attention.lif"].neuron, ng.ReLU)
