"""Conversion from end to end: what comes out, what is refused, and that backends agree."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph.agreement import compare
from neurograph.convert import RECIPES, Pass, Recipe, convert
from neurograph.convert.conversion import Conversion
from neurograph.convert.passes.fold import Fold
from neurograph.convert.recipes.calibrated import calibrated
from neurograph.convert.recipes.equilibrium import equilibrium
from neurograph.convert.recipes.rate import rate

IMAGES = np.random.default_rng(0).random((24, 3, 9, 9), np.float32)
Nets = SimpleNamespace


def run(graph: ng.Graph, images: np.ndarray, steps: int, dtype: str = "float64", backend: str = "torch") -> np.ndarray:
    program = ng.compile(graph, backend, dtype=dtype)
    if backend != "torch":
        return program(images.astype(dtype), steps)
    with torch.inference_mode():
        return program.eval()(torch.tensor(images, dtype=getattr(torch, dtype)), steps).numpy()


def test_a_module_with_everything_converts_and_comes_to_its_ann(nets: Nets) -> None:
    module = nets.settled(nets.Cnn(), (3, 9, 9))
    snn, report = convert(module, rate(ng_largest()), IMAGES)
    with torch.no_grad():
        logits = module(torch.tensor(IMAGES)).numpy()
    assert report.notes and "left out" in report.notes[0]  # the softmax at the end
    spikes = [p.neuron for p in snn.populations if not p.neuron.identity]
    assert spikes and all(isinstance(n, ng.BurstIF) for n in spikes)
    found = run(snn, IMAGES, 2000)
    assert np.abs((found - found.mean(1, keepdims=True)) - (logits - logits.mean(1, keepdims=True))).max() < 0.05
    assert compare(snn, None, IMAGES[:3], 12).differing == 0


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_converts_and_spikes_alike_on_torch_and_numba(nets: Nets, name: str) -> None:
    ann = nets.lenet()
    if name == "qcfs":
        for node in ann.populations:
            quantised = ng.QCFS(levels=4, threshold=2.0)
            ann.nodes[node.name] = type(node)(node.name, quantised, None, "add", node.at)
    snn, report = convert(ann, name, IMAGES)
    assert report.recipe == name and "spike" in {o for p in snn.populations for o in p.neuron.outputs}
    agreement = compare(snn, None, IMAGES[:4], 10)
    assert agreement.spikes > 50 and agreement.differing == 0 and agreement.answers < 1e-9
    assert ng.compile(snn, "numba")(IMAGES[:2], 4).shape == (2, 5)
    assert str(snn.with_weights(ng.compile(snn, "numba"))) == str(snn)


def test_rates_come_to_the_activations_as_one_over_t(nets: Nets) -> None:
    ann = nets.lenet()
    snn, _ = convert(ann, rate(), IMAGES)
    expected = run(ann, IMAGES, 1)
    snn_full, _ = convert(ann, rate(ng_largest()), IMAGES)
    errors = [np.abs(run(snn_full, IMAGES, t) - expected).mean() for t in (8, 64, 512)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]


def ng_largest() -> Any:
    from neurograph.convert.passes.observe import largest

    return largest("channel")


def test_a_pool_of_changing_currents_is_not_biased(nets: Nets) -> None:
    ann, found = nets.lenet(), {}
    expected = run(ann, IMAGES, 1)
    for pool in (ng.CumulativeMaxPool2d, ng.MaxPool2d):
        snn, _ = convert(ann, rate(ng_largest(), pool=pool).without("commute pools"), IMAGES)
        found[pool] = np.abs(run(snn, IMAGES, 600) - expected).mean()
    assert found[ng.CumulativeMaxPool2d] < 0.01 < found[ng.MaxPool2d]


def test_pools_move_in_front_and_an_activation_read_twice_is_declared_twice() -> None:
    graph = ng.Graph("branches")
    image = graph.input("image", (2, 6, 6))
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    graph.connect(image, a, ng.Conv2d(3, 3, padding=1, weight=np.ones((3, 2, 3, 3)) * 0.1, bias=False))
    graph.connect(a, b, ng.MaxPool2d(2), ng.Flatten(), ng.Dense(weight=np.ones((4, 27)) * 0.05, bias=False))
    graph.connect(a, b, ng.Flatten(), ng.Dense(weight=np.ones((4, 108)) * 0.01, bias=False))
    graph.connect(b, graph.output("y"), ng.Dense(weight=np.eye(3, 4), bias=False))
    images = np.random.default_rng(1).random((20, 2, 6, 6), np.float32)
    snn, _ = convert(graph, rate(ng_largest()), images)
    assert {"a", "a_pooled", "a_current", "b"} <= set(snn.nodes)
    assert np.abs(run(snn, images, 500) - run(graph, images, 1)).max() < 0.02
    assert np.abs(run(snn, images, 1) - run(graph, images, 1)).max() > 0.02


@pytest.mark.parametrize("levels", [1, 2, 3, 4, 7, 11, 15])
@pytest.mark.parametrize("network", ["graph", "module", "block"])
def test_equilibrium_is_the_quantised_network(nets: Nets, network: str, levels: int) -> None:
    images = IMAGES
    source: Any = nets.lenet()
    if network == "module":
        source = nets.settled(nets.Cnn(), (3, 9, 9))
    if network == "block":
        source, images = nets.settled(nets.Block(), (6, 4)), np.random.default_rng(2).random((24, 6, 4), np.float32)
    snn, report = convert(source, equilibrium(levels), images)
    quantised = run(report.reference, images, 1)
    steps = 6 * levels + 30
    assert np.abs(run(snn, images, steps) - quantised).max() < 1e-9
    assert np.abs(run(snn, images[:4], steps, backend="numba") - quantised[:4]).max() < 1e-9
    apart = np.abs(run(snn, images, steps, "float32") - run(report.reference, images, 1, "float32")).max(1)
    assert np.mean(apart < 1e-4) > 0.9  # in float32 a sum may lie on the other side of a tie
    if levels == 15:
        with torch.no_grad():
            logits = run(source, images, 1) if isinstance(source, ng.Graph) else source(torch.tensor(images)).numpy()
        assert np.abs(quantised - logits).mean() < 0.15 * np.abs(logits).mean()


def test_at_rest_no_spike_is_left(nets: Nets) -> None:
    snn, _ = convert(nets.lenet(), equilibrium(4), IMAGES)
    for p in snn.populations:
        snn.probe(p, "spike")
    program = ng.compile(snn, "numba", dtype="float64")
    program.run(IMAGES[:5].astype("f8"), 40)
    spikes = {k: r.array() for k, r in program.recordings.items()}
    assert all(np.abs(s[30:]).sum() == 0 for s in spikes.values())
    assert any((s == -1).any() for s in spikes.values()) or all(
        set(np.unique(s)) <= {0.0, 1.0} for s in spikes.values()
    )


def test_a_signed_quantiser_sends_both_signs() -> None:
    graph = ng.Graph("signed")
    a = graph.population("a", ng.QCFS(levels=4, low=-4, threshold=1.0))
    graph.connect(graph.input("x", 6), a)
    graph.connect(a, graph.output("y"))
    x = np.linspace(-1.5, 1.5, 6, dtype=np.float32)[None].repeat(3, 0)
    snn, _ = convert(graph, equilibrium(), x)
    assert np.allclose(run(snn, x, 8), run(graph, x, 1)) and run(snn, x, 8).min() == -1.0
    with pytest.raises(ng.GraphError, match="rates cannot stand for"):
        convert(graph, rate(), x)


def test_ceilings_bound_thresholds() -> None:
    for activation in (ng.ReLU6(high=0.5), ng.Clamp(high=0.5)):
        graph = ng.Graph("capped")
        a = graph.population("a", activation)
        graph.connect(graph.input("x", 3), a)
        graph.connect(a, graph.output("y"))
        x = np.array([[0.2, 0.4, 3.0]], np.float32)
        snn, report = convert(graph, rate(ng_largest()), x)
        assert np.allclose(run(snn, x, 400), [[0.2, 0.4, 0.5]], atol=2e-3)
        assert report.sites[0].theta_max == 0.5


def test_a_recipe_is_a_sequence_that_can_be_changed(nets: Nets) -> None:
    seen = []

    class Look(Pass):
        name = "look"

        def apply(self, conversion: Conversion) -> None:
            seen.append((list(conversion.sites), conversion.graph.nodes["one"].neuron))

    recipe = rate().after("observe", Look()).without("commute pools")
    assert [p.name for p in recipe.passes] == ["normalise", "fold", "observe", "look", "lower pools", "place"]
    _, report = convert(nets.lenet(), recipe, IMAGES)
    assert report.history == [p.name for p in recipe.passes]
    assert seen[0][0] == ["one", "two", "three"] and isinstance(seen[0][1], ng.ReLU)
    with pytest.raises(ng.GraphError, match="no pass 'nothing'"):
        recipe.without("nothing")


def test_the_source_is_not_changed_and_the_result_is_an_ordinary_graph(nets: Nets) -> None:
    ann = nets.lenet()
    before = run(ann, IMAGES, 1)
    snn, _ = convert(ann, calibrated(), IMAGES)
    assert np.array_equal(run(ann, IMAGES, 1), before)
    program = ng.compile(snn, "torch", steps=4)
    program(torch.tensor(IMAGES[:2])).sum().backward()  # surrogate gradients reach the weights
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in program.parameters())
    assert "BurstIF" in str(snn) and snn.nx.number_of_nodes() == len(snn.nodes)


def test_a_constant_image_meets_the_first_layer_once(nets: Nets) -> None:
    snn, _ = convert(nets.lenet(), rate(), IMAGES)
    tape = ng.lower(snn)
    first = [i for i in tape.instructions if i.name.startswith("conv1")]
    assert first and all(tape.slots[o].time == "static" for i in first for o in i.outs)


def test_fold_is_exact_and_a_norm_alone_becomes_a_scale() -> None:
    graph = ng.Graph("norms")
    a = graph.population("a", ng.ReLU())
    x = graph.input("x", (4, 5, 5))
    graph.connect(x, a, ng.BatchNorm(), ng.Conv2d(6, 3), ng.BatchNorm(), name="both")
    graph.connect(a, graph.output("y"), ng.BatchNorm(), ng.Conv2d(3, 3, padding=1), ng.Flatten(), name="padded")
    model = ng.compile(graph, steps=1)
    for _ in range(20):
        model(torch.rand(16, 4, 5, 5) * 3 + 1)
    held = graph.with_weights(model)
    images = np.random.default_rng(3).random((10, 4, 5, 5), np.float32)
    conversion = Conversion(held, held.copied(), images)
    Fold().apply(conversion)
    kinds = {n: [type(o).__name__ for o in p.operators] for n, p in conversion.graph.projections.items()}
    assert kinds == {"both": ["Conv2d"], "padded": ["Scale", "Conv2d", "Flatten"]}
    assert conversion.fold_error is not None and conversion.fold_error < 1e-12
    assert np.allclose(run(conversion.graph, images, 1), run(held, images, 1), atol=1e-12)


class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.cell(x)[0])


def broken(source: ng.Graph, value: float) -> ng.Graph:
    """The same network with one weight that training left as `value`."""
    p = source.projections["conv2"]
    conv = copy.copy(p.operators[1])
    weight = conv.starts["weight"].copy()
    weight[2, 1] = value
    conv.starts = {**conv.starts, "weight": weight}
    source.projections["conv2"] = replace(p, operators=(p.operators[0], conv, *p.operators[2:]))
    return source


def no_activation() -> ng.Graph:
    graph = ng.Graph("linear")
    graph.connect(graph.input("x", 3), graph.output("y"), ng.Dense(weight=np.eye(3), bias=False))
    return graph


def with_norm() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LayerNorm(4), nn.Linear(4, 2))


BAD: dict[str, tuple[Any, Any, Any, str]] = {
    "unsupported module": (lambda n: Lstm(), "rate", np.ones((4, 3, 4), np.float32), "cell"),
    "not for rates": (lambda n: with_norm(), "rate", np.ones((4, 4), np.float32), "LayerNorm.*equilibrium"),
    "no calibration": (lambda n: n.lenet(), "rate", None, "needs calibration images"),
    "empty calibration": (lambda n: n.lenet(), "rate", [], "no image"),
    "wrong shape": (lambda n: n.lenet(), "rate", np.ones((4, 3, 8, 8), np.float32), r"\(3, 8, 8\)"),
    "whole numbers": (lambda n: n.lenet(), "rate", np.ones((4, 3, 9, 9), np.uint8), "floating point"),
    "NaN images": (lambda n: n.lenet(), "rate", np.full((4, 3, 9, 9), np.nan, np.float32), "NaN"),
    "NaN weights": (lambda n: broken(n.lenet(), np.nan), "rate", IMAGES, "conv2|two"),
    "no activation": (lambda n: no_activation(), "rate", np.ones((4, 3), np.float32), "nothing would be converted"),
    "recipe": (lambda n: n.lenet(), "quick", IMAGES, "unknown recipe.*rate"),
    "no recipe": (lambda n: n.lenet(), 3, IMAGES, "a Recipe"),
    "replaces nothing": (lambda n: n.lenet(), Recipe("empty", rate().passes[:2]), IMAGES, "replaced nothing"),
    "not a network": (lambda n: "lenet", "rate", IMAGES, "takes a Graph or a torch.nn.Module"),
    "no weights": (lambda n: drawn(), "rate", np.ones((4, 3), np.float32), "does not hold the weights fc.dense"),
}  # fmt: skip


def drawn() -> ng.Graph:
    graph = ng.Graph("drawn")
    a = graph.population("a", ng.ReLU())
    graph.connect(graph.input("x", 3), a, ng.Dense(4), name="fc")
    graph.connect(a, graph.output("y"))
    return graph


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_input_is_named(nets: Nets, case: str) -> None:
    source, recipe, images, message = BAD[case]
    with pytest.raises(ng.NeuroGraphError, match=f"(?s){message}"):
        convert(source(nets), recipe, images)


def test_an_odd_map_is_pooled_as_its_ann_and_refused_where_inhibition_cannot() -> None:
    graph = ng.Graph("odd")
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    graph.connect(graph.input("x", (2, 7, 7)), a)
    graph.connect(a, b, ng.MaxPool2d(3, 2), name="pool")
    graph.connect(b, graph.output("y"), ng.Flatten())
    x = np.random.default_rng(5).random((6, 2, 7, 7), np.float32)
    snn, _ = convert(graph, rate(ng_largest()), x)
    assert np.abs(run(snn, x, 400) - run(graph, x, 1)).max() < 0.01
    with pytest.raises(ng.NeuroGraphError, match=r"(?s)pool.*LIPool2d"):
        convert(graph, rate(pool=ng.LIPool2d).without("commute pools"), x)


def test_batches_with_labels_are_calibration_too(nets: Nets) -> None:
    ann = nets.lenet()
    batches = [(torch.tensor(IMAGES[i : i + 8]), torch.zeros(8)) for i in range(0, 24, 8)]
    first, _ = convert(ann, rate(), batches)
    second, _ = convert(ann, rate(), IMAGES)
    assert np.array_equal(run(first, IMAGES, 8), run(second, IMAGES, 8))
    third, report = convert(ann, rate(), batches, limit=10)
    assert report.calibration == 10
