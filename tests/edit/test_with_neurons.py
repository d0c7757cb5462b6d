"""graph.with_neurons: other neurons, the same names and weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng


def layered(neuron: ng.Neuron, *, probes: tuple[str, ...] = ()) -> ng.Graph:
    graph = ng.Graph("layered")
    a, b = graph.population("front.a", neuron), graph.population("back.b", neuron)
    meet = graph.population("sum", ng.Relay())
    graph.connect(graph.input("x", 6), a[neuron.inputs[0]], ng.Dense(5), name="front.fc")
    graph.connect(a, b[neuron.inputs[0]], ng.Dense(5), name="back.fc")
    graph.connect(a, meet, name="skip")
    graph.connect(b, meet, name="main")
    graph.connect(meet, graph.population("readout", ng.LeakyIntegrator(), 5))
    graph.connect("readout", graph.output("y"), name="out")
    if probes:
        graph.probe("front.a", *probes)
    return graph


def test_every_spiking_population_is_replaced_and_nothing_else() -> None:
    graph = layered(ng.LIF())
    twin = graph.with_neurons(ng.ReLU())
    kinds = {p.name: type(p.neuron).__name__ for p in twin.populations}
    assert kinds == {"front.a": "ReLU", "back.b": "ReLU", "sum": "Relay", "readout": "LeakyIntegrator"}
    assert list(twin.nodes) == list(graph.nodes) and list(twin.projections) == list(graph.projections)
    assert twin == layered(ng.ReLU()) and graph == layered(ng.LIF())
    assert twin.with_neurons(ng.LIF()) == graph


@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_weights_of_the_one_load_into_the_other(backend: str) -> None:
    graph = layered(ng.LIF())
    source = ng.compile(graph, backend, dtype="float64", seed=4)
    twin = ng.compile(graph.with_neurons(ng.ReLU()), backend, dtype="float64", weights=source)
    for name, array in source.weights().items():
        np.testing.assert_array_equal(np.asarray(array.tolist()), np.asarray(twin.weights()[name].tolist()))
    held = graph.with_weights(source)
    assert held.with_neurons(ng.IF()) == graph.with_neurons(ng.IF()).with_weights(source)


def test_names_and_prefixes_choose() -> None:
    graph = layered(ng.LIF())
    one = graph.with_neurons(ng.IF(), "front")
    assert [type(one.nodes[n].neuron).__name__ for n in ("front.a", "back.b")] == ["IF", "LIF"]
    named = graph.with_neurons(ng.IF(threshold=2.0), "readout")  # whatever it holds, its first output to the first
    assert named.projections["out"].source.port == "spike"
    with pytest.raises(ng.GraphError, match=r"with_neurons\('frnt'\).*Did you mean 'front'"):
        graph.with_neurons(ng.IF(), "frnt")


def test_a_function_makes_each_populations_neuron() -> None:
    graph = layered(ng.LIF(tau=3.0))
    twin = graph.with_neurons(lambda p: p.neuron.changed(threshold=0.25 if p.name.startswith("front") else 1.0))
    assert [p.neuron.params["threshold"] for p in twin.populations[:2]] == [0.25, 1.0]
    assert all(p.neuron.params["tau"] == 3.0 for p in twin.populations[:2])


def test_probes_follow_the_first_output() -> None:
    twin = layered(ng.LIF(), probes=("spike",)).with_neurons(ng.ReLU())
    assert [(p.population, p.variable) for p in twin.probes.values()] == [("front.a", "output")]
    assert list(twin.probes) == [p.key for p in twin.probes.values()]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: layered(ng.LIF(), probes=("v",)).with_neurons(ng.ReLU()), "no such variable in ReLU.*output"),
        (lambda: layered(ng.LIF()).with_neurons(ng.ReLU), "Did you forget the"),
        (lambda: layered(ng.LIF()).with_neurons(lambda p: None), "not None"),
        (lambda: layered(ng.LIF()).with_neurons("LIF"), "not 'LIF'"),
    ],
)
def test_what_the_new_neuron_cannot_do_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ng.NeuroGraphError, match=said):
        make()


def test_a_port_that_is_not_there_is_refused() -> None:
    graph = ng.Graph()
    cell = graph.population("cell", ng.MCN(), 4)
    graph.connect(graph.input("x", 4), cell["basal"], name="main")
    graph.connect("x", cell["apical"], name="gate")
    graph.connect(cell, graph.output("y"))
    with pytest.raises(ng.GraphError, match=r"projection 'gate' .* uses 'apical' of 'cell'.*graph\.without"):
        graph.with_neurons(ng.LIF())
    twin = graph.without("gate").with_neurons(ng.LIF())
    assert twin.projections["main"].target.port == "input"
    assert graph.with_neurons(ng.ThreeComp()).projections["gate"].target.port == "apical"


def test_plasticity_needs_spikes() -> None:
    graph = ng.Graph()
    a, b = graph.population("a", ng.Poisson(rate=20.0), 4), graph.population("b", ng.LIF(), 4)
    graph.connect(a, b, ng.AllToAll(), weight=0.1, delay=1.0, plasticity=ng.PairSTDP(), name="stdp")
    assert isinstance(graph.with_neurons(ng.IF()).nodes["a"].neuron, ng.Poisson)
    with pytest.raises(ng.GraphError, match="plasticity of projection 'stdp'"):
        graph.with_neurons(ng.ReLU())
