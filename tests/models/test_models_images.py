"""Every recipe for pictures and events: it trains, all backends agree, it comes back from a file, and it has a CNN twin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng
import neurograph.convert
from neurograph import models

NAMES = (
    "cifar_convnet", "mnist_convnet", "dvs_convnet", "vgg_snn", "shallow_convnet", "resnet18", "resnet34", "resnet50",
    "resnet19", "sew_resnet18", "sew_resnet34", "sew_resnet50", "plif_net_mnist", "plif_net_cifar10",
    "plif_net_cifar10_dvs", "plif_net_gesture", "spikformer",
)  # fmt: skip
EACH = pytest.mark.parametrize("name", NAMES)


def frames(shape: tuple[int, ...], steps: int = 2, batch: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.0, 3.0, (steps, batch, *shape))


def test_all_recipes_for_pictures_are_here(shapes: Any) -> None:
    takes = {n for n, r in models.RECIPES.items() if {"neuron", "width"} <= set(r.__annotations__)}
    networks = {n for n in takes if models.RECIPES[n].__annotations__["width"] == "float"}
    assert networks == set(NAMES) == set(shapes)


@EACH
@pytest.mark.parametrize("neuron", [None, ng.ReLU()], ids=["own", "relu"])
def test_trains_and_backends_agree(name: str, neuron: Any, tiny: Any, shapes: Any, firing: Any) -> None:
    graph, x = tiny(name, neuron), frames(shapes[name])
    for population in graph.populations:
        if not population.neuron.identity:
            graph.probe(population, population.neuron.outputs[0])
    program = ng.compile(graph, "torch", steps=2, dtype="float64", seed=1)
    program = ng.compile(graph, "torch", steps=2, dtype="float64", weights=firing(program))
    y = program(torch.tensor(x))
    assert y.shape == (3, 4)
    torch.nn.functional.cross_entropy(y, torch.tensor([0, 3, 1])).backward()
    missing = [n for n, p in program.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not missing
    assert sum(float(p.grad.abs().sum()) > 0 for p in program.parameters()) > len(list(program.parameters())) / 2
    program = ng.compile(graph, "torch", steps=2, dtype="float64", weights=firing(program)).eval()
    with torch.no_grad():
        expected = program(torch.tensor(x)).numpy()
    activity = {k: np.asarray(r.array()) for k, r in program.recordings.items()}
    assert sum(a.any() for a in activity.values()) > 0.8 * len(activity)
    for backend in ("numba", "reference"):
        other = ng.compile(graph, backend, dtype="float64", weights=program)
        np.testing.assert_allclose(other(x), expected, rtol=1e-9, atol=1e-12, err_msg=backend)
        for key, recording in other.recordings.items():
            if neuron is None:
                assert np.array_equal(recording.array(), activity[key]), f"{backend} {key}"
            else:
                np.testing.assert_allclose(recording.array(), activity[key], rtol=1e-9, atol=1e-12)


@EACH
def test_runs_over_all_steps_at_once(name: str, tiny: Any) -> None:
    """No loop over steps; relays, where spikes and currents meet, are gone."""
    tape = ng.lower(tiny(name))
    assert not any(i.op == "loop" for i in tape.instructions)
    assert not any(i.op == "neuron" and i.what.identity for i in tape.instructions)


@EACH
def test_the_twin_has_the_same_names_and_loads_the_same_weights(name: str, tiny: Any, shapes: Any) -> None:
    graph = tiny(name, ng.LIF())
    twin = graph.with_neurons(ng.ReLU())
    own = tiny(name, ng.ReLU())
    assert list(twin.nodes) == list(graph.nodes) == list(own.nodes)
    assert list(twin.projections) == list(graph.projections) == list(own.projections)
    assert not any(isinstance(p.neuron, ng.LIF) for p in twin.populations)
    if name != "resnet19":  # whose batch norms begin by the threshold
        assert twin == own
    x = frames(shapes[name], 1)
    program = ng.compile(graph, "numba", dtype="float64", seed=2)
    ours = ng.compile(twin, "numba", dtype="float64", weights=program)
    other = ng.compile(own, "numba", dtype="float64", weights=program.weights())
    np.testing.assert_array_equal(ours(x), other(x))
    assert np.any(ours(x)[0] != ours(x)[1])


@EACH
def test_comes_back_from_a_file(name: str, tiny: Any, tmp_path: Path) -> None:
    graph = tiny(name)
    for ending in ("json", "h5"):
        assert ng.load(ng.save(graph, tmp_path / f"g.{ending}")) == graph


@pytest.mark.parametrize("name", [n for n in NAMES if n != "shallow_convnet"])  # which has no batch norm
def test_statistics_are_an_option(name: str, tiny: Any) -> None:
    for stats in ("sequence", "step"):
        norms = [
            o for p in tiny(name, stats=stats).projections.values() for o in p.operators if isinstance(o, ng.BatchNorm)
        ]
        assert norms and all(o.stats == stats for o in norms)


@EACH
def test_readout_and_wrong_settings(name: str, tiny: Any, shapes: Any) -> None:
    graph = tiny(name, readout=ng.Steps())
    assert ng.compile(graph, "numba", seed=0)(frames(shapes[name]).astype("float32")).shape == (2, 3, 4)
    recipe = models.recipe(name)
    for wrong in ({"num_classes": 0}, {"width": 0.0}, {"width": float("inf")}, {"input_shape": (32, 32)}):
        with pytest.raises(ng.SpecError, match=name):
            recipe(**wrong)


def test_a_static_picture_is_the_same_as_its_repetition(tiny: Any, shapes: Any) -> None:
    for name in ("resnet18", "sew_resnet18", "spikformer"):
        program = ng.compile(tiny(name), "numba", dtype="float64", seed=0)
        x = frames(shapes[name], 1)
        np.testing.assert_allclose(program(x[0], 3), program(np.repeat(x, 3, 0)), rtol=1e-12)


@pytest.mark.parametrize("name", ["lenet5", "resnet_cifar"])
def test_recipes_of_artificial_networks_have_a_spiking_twin(name: str) -> None:
    recipe = models.recipe(name)
    assert recipe().with_neurons(ng.LIF()) == recipe(activation=ng.LIF())
    assert recipe(activation=ng.LIF()).with_neurons(ng.ReLU()) == recipe()


@pytest.mark.parametrize("name", ["brunel", "cuba"])
def test_circuits_say_which_port_a_point_neuron_lacks(name: str) -> None:
    graph = models.recipe(name)()
    assert graph.with_neurons(lambda p: p.neuron) == graph
    if name == "cuba":
        with pytest.raises(ng.GraphError, match="has input"):
            graph.with_neurons(ng.LIF())


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_declared_where_the_recipe_is(name: str, tiny: Any) -> None:
    graph = tiny(name)
    module = models.RECIPES[name].__module__.rpartition(".")[2]
    places = {part.at for part in (*graph.nodes.values(), *graph.projections.values())}
    assert len(places) >= 2 and all(f"models/{module}.py:" in place.replace("\\", "/") for place in places)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    stages=st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=3), min_size=1, max_size=3),
    width=st.sampled_from([0.1, 0.5, 1.0, 2.0]),
    classes=st.integers(1, 20),
)
def test_stages_at_random(stages: list[list[int]], width: float, classes: int, count: Any) -> None:
    graph = models.recipe("dvs_convnet")(classes, width=width, input_shape=(2, 4, 4), stages=tuple(map(tuple, stages)))
    maps = [2, *(max(1, round(c * width)) for stage in stages for c in stage)]
    expected = sum(9 * a * b + 2 * b for a, b in zip(maps, maps[1:], strict=False)) + (maps[-1] + 1) * classes
    assert count(graph) == expected and len(graph.populations) == len(maps) - 1
    assert graph.with_neurons(ng.ReLU()).with_neurons(ng.LIF()) == graph


@pytest.mark.parametrize("name", ["dvs_convnet", "resnet18", "sew_resnet18", "resnet19"])
def test_twins_convert_to_spikes(name: str, shapes: Any) -> None:
    graph = models.recipe(name)(4, ng.ReLU(), 0.1, shapes[name])
    program = ng.compile(graph, "torch", steps=1, seed=0)
    x = torch.tensor(frames(shapes[name], 1, 32)[0], dtype=torch.float32)
    with torch.no_grad():
        for _ in range(20):  # so that the running statistics are those of the data
            program(x)
        wanted = program.eval()(x)
    spiking, _ = ng.convert.convert(graph, "rate", x, weights=program)
    found = ng.compile(spiking, "torch", steps=64)(x)
    assert np.corrcoef(wanted.numpy().ravel(), found.detach().numpy().ravel())[0, 1] > 0.95
