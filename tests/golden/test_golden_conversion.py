"""BrainCog's conversion, recorded: its neurons, pools and calibration, its thresholds, and whole converted networks."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.convert import convert
from neurograph.convert.conversion import Recipe
from neurograph.convert.passes.braincog_scale import HookScale
from neurograph.convert.passes.normalise import Normalise
from neurograph.convert.passes.place import Place
from neurograph.convert.recipes.braincog import braincog

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "braincog.json").read_text())["cases"] if FOLDER else []
NEEDS = pytest.mark.skipif(not FOLDER, reason="NEUROGRAPH_GOLDEN names no folder with braincog.json and .npz")
PATHS = ("reference", "eager", "fused", "numba")
BACKENDS = ("torch", "numba", "reference")


def cases(group: str) -> Any:
    found = [pytest.param(c, id=c["id"]) for c in CASES if c["id"].startswith(group)]
    return pytest.mark.parametrize("case", found or [pytest.param({}, marks=NEEDS, id="none")])


@pytest.fixture(scope="session")
def store() -> Any:
    with np.load(Path(FOLDER or ".") / "braincog.npz") as file:
        return {k: file[k] for k in file.files}


def arrays(case: dict[str, Any], store: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: store[entry["key"]] for name, entry in case["arrays"].items()}


def answers(graph: ng.Graph, backend: str, x: np.ndarray, steps: int | None = None) -> np.ndarray:
    program = ng.compile(graph, backend, dtype="float32")
    if backend == "torch":
        program.eval()
    outputs, _ = program.run(x, steps)
    y = outputs["y"]
    return y.detach().numpy() if hasattr(y, "detach") else y


@cases("conv/SNode")
def test_bursts(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected, p = arrays(case, store), case["params"]
    # upstream's hard mode names a method and does not call it, so that nothing is reset
    neuron = ng.neuron_named("SNode")(max_spikes=p["gamma"], reset="soft" if p["soft_mode"] else "none")
    assert expected["spikes"].max() >= min(p["gamma"], 2)
    for path in PATHS:
        ran = run_neuron(path, neuron, {"input": expected["x"]}, probes=("v",))
        assert np.array_equal(ran.output, expected["spikes"]), path
        assert np.array_equal(ran.recorded["v"], expected["mem"]), path


@cases("conv/SpiCalib")
def test_spike_calibration(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected = arrays(case, store)
    assert expected["y"].min() == -1
    for path in PATHS:
        ran = run_neuron(path, ng.SpikeCalibration(allowance=3.0, debt=True), {"input": expected["x"]})
        assert np.array_equal(ran.output, expected["y"]), path
    # without debt only neurons that were owed a correction differ, and they send more
    free = run_neuron("numba", ng.SpikeCalibration(allowance=3.0), {"input": expected["x"]}).output
    differs = free != expected["y"]
    assert 0 < differs.sum() < 10 and np.all(free[differs] > expected["y"][differs])
    assert free.cumsum(0).min() >= 0


@cases("conv/SMaxPool")
@pytest.mark.parametrize("rule", ["leader", "braincog"])
def test_pool_of_the_leader(case: dict[str, Any], rule: str, store: Any) -> None:
    expected = arrays(case, store)
    for backend in BACKENDS:
        graph = _pooled(ng.SMaxPool2d(2, rule=rule), expected["x"])
        assert np.array_equal(answers(graph, backend, expected["x"]), expected["y"]), backend


@cases("conv/LIPool")
@pytest.mark.parametrize("pool", [ng.LIPool2d, ng.CumulativeMaxPool2d])
def test_pool_with_lateral_inhibition(case: dict[str, Any], pool: Any, store: Any) -> None:
    expected = arrays(case, store)
    for backend in BACKENDS:
        assert np.array_equal(answers(_pooled(pool(2), expected["x"]), backend, expected["x"]), expected["y"]), backend


def _pooled(pool: ng.Operator, x: np.ndarray) -> ng.Graph:
    graph = ng.Graph()
    graph.connect(graph.input("x", x.shape[2:]), graph.output("y", readout=ng.Steps()), pool)
    return graph


@cases("conv/HookScale")
def test_thresholds(case: dict[str, Any], store: Any) -> None:
    """`scale` is of two batches, `scale_after_half` of the first; a second layer sees what the first passes on."""
    expected, p = arrays(case, store), case["params"]
    x = expected["x"]
    graph = ng.Graph()
    first, second = graph.population("first", ng.ReLU()), graph.population("second", ng.ReLU())
    graph.connect(graph.input("x", x.shape[1:]), first)
    graph.connect(first, second)
    graph.connect(second, graph.output("y"))
    for images, batches, wanted in ((x, 2, "scale"), (x[: len(x) // 2], 1, "scale_after_half")):
        observe = HookScale(p["p"], "channel" if p["channelnorm"] else "layer", batches=batches, clamp=p["gamma"])
        snn, _ = convert(graph, Recipe("thresholds", (Normalise(), observe, Place())), images)
        found = np.ravel(snn.nodes["first"].neuron.params["threshold"])  # type: ignore[union-attr]
        np.testing.assert_allclose(found, expected[wanted].ravel(), rtol=1e-6)
    whole = HookScale(1.0, batches=1, clamp=p["gamma"])
    snn, _ = convert(graph, Recipe("largest", (Normalise(), whole, Place())), x)
    assert snn.nodes["second"].neuron.params["threshold"] == pytest.approx(expected["y"].max())  # type: ignore[union-attr]


def _ann(w: dict[str, np.ndarray]) -> ng.Graph:
    def norm(k: int) -> ng.Operator:
        names = ("weight", "bias", "running_mean", "running_var")
        return ng.BatchNorm().started(**{n: w[f"sd_{k}_{n}"] for n in names})

    graph = ng.Graph("net")
    x, y = graph.input("x", (2, 8, 8)), graph.output("y")
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    first = ng.Conv2d(6, 3, padding=1).started(weight=w["sd_0_weight"], bias=w["sd_0_bias"])
    second = ng.Conv2d(8, 3, padding=1, bias=False).started(weight=w["sd_4_weight"])
    dense = ng.Dense(5).started(weight=w["sd_9_weight"], bias=w["sd_9_bias"])
    graph.connect(x, a, first, norm(1))
    graph.connect(a, b, ng.MaxPool2d(2), second, norm(5))
    graph.connect(b, y, ng.AvgPool2d(2), ng.Flatten(), dense)
    return graph


@cases("conv/pipeline")
@pytest.mark.parametrize("merge", [True, False])
def test_converted_network(case: dict[str, Any], merge: bool, store: Any) -> None:
    """Answers step by step, in float32: upstream's max(x + 1000 c) - max(1000 c) rounds, and the rounding makes spikes."""
    expected, p = arrays(case, store), case["params"]
    ann, images = _ann(expected), expected["calib"][:3]
    np.testing.assert_allclose(answers(ann, "torch", images, 1), expected["ann"], rtol=1e-5, atol=1e-6)
    recipe = braincog(p["p"], p["channelnorm"], p["lipool"], p["gamma"], p["soft_mode"], merge=merge, upstream=True)
    snn, report = convert(ann, recipe, expected["calib"])
    assert (report.fold_error is not None) == merge
    for k, name in enumerate("ab"):
        found = np.ravel(snn.nodes[name].neuron.params["threshold"])  # type: ignore[union-attr]
        np.testing.assert_allclose(found, expected[f"scale{2 * k + 1}"].ravel(), rtol=1e-6)
        np.testing.assert_allclose(1.0 / found, expected[f"scale{2 * k}"].ravel(), rtol=1e-6)
    snn.nodes["y"] = type(snn.outputs[0])("y", ng.Steps(), "")
    for backend in ("torch", "numba"):
        y = answers(snn, backend, images, len(expected["outs"]))
        np.testing.assert_allclose(y, expected["outs"], rtol=1e-4, atol=1e-6, err_msg=backend)
