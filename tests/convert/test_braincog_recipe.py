"""BrainCog's conversion and data-based normalisation: what each option makes of a network, and what comes of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng
from neurograph.convert import Recipe, convert
from neurograph.convert.passes.braincog_scale import HookScale
from neurograph.convert.passes.calibrate_spikes import CalibrateSpikes
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.place import Place
from neurograph.convert.recipes import RECIPES
from neurograph.convert.recipes.braincog import braincog
from neurograph.convert.recipes.data_norm import data_norm

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 1, 8, 8)).astype(np.float32)


def network(pool: ng.Operator | None = None) -> ng.Graph:
    """Convolution, batch normalisation, ReLU, max pool, convolution, ReLU, dense, softmax; its weights are its own."""
    rng = np.random.default_rng(5)
    graph = ng.Graph("net")
    x, y = graph.input("x", (1, 8, 8)), graph.output("y")
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    norm = ng.BatchNorm().started(weight=[1.5, 0.7, 1.0], bias=[0.1, -0.1, 0.2], running_mean=[0.1, 0.2, -0.1],
                                  running_var=[0.5, 1.2, 0.8])  # fmt: skip
    first = ng.Conv2d(3, 3, padding=1).started(weight=rng.normal(0, 0.4, (3, 1, 3, 3)), bias=rng.normal(0, 0.1, 3))
    graph.connect(x, a, first, norm)
    second = ng.Conv2d(4, 3, bias=False).started(weight=rng.normal(0, 0.4, (4, 3, 3, 3)))
    graph.connect(a, b, pool or ng.MaxPool2d(2), second, name="second")
    size = 4 * 2 * 2 if pool is None else 4 * 1 * 1
    graph.connect(b, y, ng.Flatten(), ng.Dense(weight=rng.normal(0, 0.4, (5, size)), bias=rng.normal(0, 0.1, 5)))
    return graph


def answer(graph: ng.Graph, steps: int, backend: str = "torch", images: np.ndarray = IMAGES[:10]) -> np.ndarray:
    program = ng.compile(graph, backend, dtype="float32")
    if backend == "torch":
        program.eval()
    y = program.run(images, steps)[0]["y"]
    return y.detach().numpy() if hasattr(y, "detach") else y


def operators(graph: ng.Graph) -> list[str]:
    return [type(o).__name__ for p in graph.projections.values() for o in p.operators]


def neurons(graph: ng.Graph) -> dict[str, Any]:
    return {p.name: p.neuron for p in graph.populations}


def test_the_recipes_are_found_by_name() -> None:
    assert RECIPES["braincog"] is braincog and RECIPES["data_norm"] is data_norm
    snn, report = convert(network(), "braincog", IMAGES)
    assert report.recipe == "braincog" and snn.name == "net_braincog"


def test_each_option_of_braincog_shows_in_the_graph() -> None:
    snn, _ = convert(network(), braincog(), IMAGES)
    found = neurons(snn)
    assert set(found) == {"a", "b"} and all(type(n) is ng.BurstIF for n in found.values())
    assert found["a"].options["reset"] == "soft" and found["a"].options["max_spikes"] == 1
    assert found["a"].params["v0"] == 0.0 and np.ndim(found["a"].params["threshold"]) == 0
    assert "LIPool2d" in operators(snn) and "BatchNorm" not in operators(snn)

    snn, report = convert(network(), braincog(0.9, True, False, 5, False, False, batch_num=3, spicalib=4), IMAGES)
    found = neurons(snn)
    assert np.shape(found["a"].params["threshold"]) == (3, 1, 1)
    assert found["a"].options["reset"] == "hard" and found["a"].options["max_spikes"] == 5
    assert "SMaxPool2d" in operators(snn) and "BatchNorm" in operators(snn) and report.fold_error is None
    calibrated = found["a_calibrated"]
    assert calibrated.params["allowance"] == 4.0 and calibrated.options["debt"] is False
    assert snn.projections["second"].source == ng.graph.Port("a_calibrated", "spike")


def test_upstream_rules_are_options() -> None:
    snn, _ = convert(network(), braincog(lipool=False, soft_mode=False, spicalib=3, upstream=True), IMAGES)
    found = neurons(snn)
    assert found["a"].options["reset"] == "none" and found["a_calibrated"].options["debt"] is True
    pool = next(o for p in snn.projections.values() for o in p.operators if isinstance(o, ng.SMaxPool2d))
    assert pool.rule == "braincog"
    # the clamp keeps the thresholds at 1 and below; without it they are those of the activations
    right = neurons(convert(network(), braincog(), IMAGES)[0])["a"].params["threshold"]
    assert found["a"].params["threshold"] <= 1.0 < right


def test_windows_that_overlap() -> None:
    """Lateral inhibition is not defined on them; the pool that it equals is."""
    ann = network(ng.MaxPool2d(3, stride=2))
    for recipe in (braincog(), data_norm(lateral_inhi=True)):
        assert "CumulativeMaxPool2d" in operators(convert(ann, recipe, IMAGES)[0])
    with pytest.raises(ng.GraphError, match="'second'.*do not overlap"):
        convert(ann, braincog(upstream=True), IMAGES)
    assert "SMaxPool2d" in operators(convert(ann, braincog(lipool=False), IMAGES)[0])


def observed(observe: HookScale, images: np.ndarray, activation: ng.Neuron | None = None) -> list[np.ndarray]:
    """The thresholds of two activations in a row that see the images."""
    graph = ng.Graph()
    first, second = graph.population("first", activation or ng.ReLU()), graph.population("second", ng.ReLU())
    graph.connect(graph.input("x", images.shape[1:]), first)
    graph.connect(first, second)
    graph.connect(second, graph.output("y"))
    snn, _ = convert(graph, Recipe("thresholds", (Normalise(), observe, Place())), images, limit=len(images))
    return [np.ravel(neurons(snn)[n].params["threshold"]) for n in ("first", "second")]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 230), st.integers(1, 5), st.floats(0.001, 1.0), st.sampled_from(["layer", "channel"]))
def test_thresholds_by_sorting(images: int, batches: int, p: float, per: str) -> None:
    """The largest over batches of one sorted value, however the images arrive."""
    batches = min(batches, images)
    x = np.random.default_rng(images).random((images, 2, 2, 1)).astype(np.float32) * 3 + 0.01
    found = observed(HookScale(p, per, batches=batches), x)[0]
    expected = []
    for part in np.array_split(x, batches):
        rows = part.reshape(1, -1) if per == "layer" else np.moveaxis(part, 1, 0).reshape(2, -1)
        n = rows.shape[1]
        place = max(0, int(n * p) - 1) if per == "layer" else int(p * (n - 1))
        expected.append(np.sort(rows, axis=1)[:, place])
    np.testing.assert_array_equal(found, np.max(expected, axis=0))


def test_clamp_and_division_are_upstreams() -> None:
    x = np.linspace(0.0, 4.0, 50, dtype=np.float32).reshape(50, 1)
    assert [t.item() for t in observed(HookScale(1.0), x)] == [4.0, 4.0]
    assert [t.item() for t in observed(HookScale(1.0, clamp=1.5), x)] == [1.5, 1.5]
    assert [t.item() for t in observed(HookScale(1.0, clamp=7.0), x, ng.Clamp(high=2.0))] == [2.0, 2.0]
    divided = observed(HookScale(1.0, divide_above_one=5.0), x)[0].item()
    assert divided == pytest.approx(x[x <= 1.0].max())  # 4 / 5 is less
    maps = np.stack([x, 0 * x], axis=1)[..., None]  # a channel that is silent
    assert observed(HookScale(1.0, "channel"), maps)[0].tolist() == [4.0, 4.0]
    assert observed(HookScale(1.0, "channel", clamp=9.0), maps)[0].tolist() == pytest.approx([4.0, 1e-10])


RIGHT = {
    "braincog": braincog(1.0),
    "braincog channels": braincog(1.0, channelnorm=True, gamma=5),
    "braincog unmerged": braincog(1.0, merge=False),
    "braincog gate": braincog(1.0, lipool=False, gamma=5),
    "braincog calibrated": braincog(1.0, gamma=5, spicalib=3),
    "data_norm": data_norm(1.0),
    "data_norm lateral": data_norm(1.0, lateral_inhi=True),
    "data_norm bursts": data_norm(1.0, 5, lateral_inhi=True),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_answer_comes_to_that_of_the_ann(name: str) -> None:
    ann = network()
    expected = answer(ann, 1)
    snn, _ = convert(ann, RIGHT[name], IMAGES)
    early, late = (np.abs(answer(snn, steps) - expected).max() for steps in (8, 400))
    # a gate passes spikes of several units before one leads, and calibration takes a rare spike for one too many
    rough = name in ("braincog gate", "braincog calibrated", "data_norm")
    assert late < (0.1 if rough else 0.02) * np.abs(expected).max() and late < early


@pytest.mark.parametrize("name", ["braincog calibrated", "braincog gate", "data_norm lateral"])
def test_backends_agree(name: str) -> None:
    snn, _ = convert(network(), RIGHT[name], IMAGES)
    torch, numba, reference = (answer(snn, 20, b) for b in ("torch", "numba", "reference"))
    np.testing.assert_allclose(numba, torch, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(reference, torch, rtol=1e-5, atol=1e-6)


def test_pools_of_data_norm() -> None:
    pools = {
        (True, False): "SMaxPool2d",
        (True, True): "LIPool2d",
        (False, False): "MaxPool2d",
        (False, True): "MaxPool2d",
    }
    for (smode, inhibition), kind in pools.items():
        snn, _ = convert(network(), data_norm(smode=smode, lateral_inhi=inhibition), IMAGES)
        assert kind in operators(snn)
    recipes = data_norm(1.0), data_norm(1.0, gamma=5, upstream=True)
    right, upstream = (neurons(convert(network(), r, IMAGES)[0])["a"].params["threshold"] for r in recipes)
    assert upstream <= 1.0 < right


def test_an_output_that_spikes() -> None:
    ann = network()
    snn, _ = convert(ann, data_norm(1.0, lateral_inhi=True, spiking_output=True), IMAGES)
    last = neurons(snn)["y_spikes"]
    assert type(last) is ng.BurstIF
    counts = answer(snn, 400) / last.params["threshold"] * 400
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-2)  # whole spikes
    np.testing.assert_allclose(answer(snn, 400), np.maximum(answer(ann, 1), 0.0), atol=0.05)


def test_spike_calibration_by_hand(run_neuron: Any) -> None:
    def train(text: str) -> np.ndarray:
        return np.array([float(c) for c in text]).reshape(-1, 1, 1)

    def sent(text: str, **options: Any) -> list[float]:
        ran = run_neuron("reference", ng.SpikeCalibration(allowance=2.0, **options), {"input": train(text)})
        return [float(v) for v in ran.output.ravel()]

    # intervals of 1: silent for more than 3 steps, and two spikes to take back
    assert sent("0110000000") == [0, 1, 1, 0, 0, 0, -1, -1, 0, 0]
    # a burst is as many spikes as it counts
    assert sent("0300000000") == [0, 3, 0, 0, 0, -1, -1, -1, 0, 0]
    # a neuron that begins late has nothing to take back
    assert sent("0000011100") == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0]
    assert sent("0000011100", debt=True) == [0, 0, 0, 0, 0, 0, 1, 1, 0, 0]  # owed at the steps 3 and 4


def test_what_the_recipes_refuse() -> None:
    for bad in ({"p": 0.0}, {"p": 1.5}, {"batch_num": 0}):
        with pytest.raises(ng.SpecError, match="HookScale"):
            braincog(**bad)  # type: ignore[arg-type]
    with pytest.raises(ng.SpecError, match="60 calibration images"):
        convert(network(), braincog(batch_num=61), IMAGES)
    with pytest.raises(ng.SpecError, match="max_spikes=0"):
        convert(network(), braincog(gamma=0), IMAGES)
    with pytest.raises(ng.SpecError, match="allowance must be at least 0"):
        CalibrateSpikes(-1.0)
    with pytest.raises(ng.GraphError, match="knows ReLU and Clamp"):
        observed(HookScale(clamp=1.0), IMAGES, ng.QCFS())
