"""SpikingJelly's IF, LIF and PLIF, recorded: spikes, voltages and gradients on every path."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "spikingjelly.json").read_text())["cases"] if FOLDER else []
NEEDS = pytest.mark.skipif(not FOLDER, reason="NEUROGRAPH_GOLDEN names no folder with spikingjelly.json and .npz")
CLOSE = {"rtol": 1e-5, "atol": 1e-6}

# what theirs is called here, with their default width; they fire at u >= 0
CURVES: dict[str, ng.Surrogate] = {
    "ATan": ng.Atan(2.0, strict=False),
    "Sigmoid": ng.Sigmoid(4.0),
    "PiecewiseQuadratic": ng.QGate(1.0, strict=False),
    "PiecewiseExp": ng.surrogate_named("PiecewiseExp")(1.0, strict=False),
    "SuperSpike": ng.FastSigmoid(1.0, strict=False),
    "Rect": ng.surrogate_named("Box")(0.5, strict=False),
    "LeakyKReLU": ng.surrogate_named("ReLU")(1.0),
    "DeterministicPass": ng.surrogate_named("StraightThrough")(),
}


@pytest.fixture(scope="session")
def store() -> Any:
    with np.load(Path(FOLDER or ".") / "spikingjelly.npz") as file:
        return {k: file[k] for k in file.files}


def neuron_of(case: dict[str, Any]) -> ng.Neuron:
    surrogates = {"atan": ng.Atan, "sigmoid": ng.Sigmoid}
    values: dict[str, Any] = {
        "threshold": case["v_threshold"],
        "detach_reset": case["detach_reset"],
        "surrogate": surrogates[case["surrogate"]](case["alpha"], strict=False),
    }
    if case["v_reset"] is None:
        values["reset"] = "soft"
    elif case["kind"] == "IF":  # theirs starts at v_reset
        values |= {"v_reset": case["v_reset"], "v": case["v_reset"]}
    else:
        values |= {"v_reset": case["v_reset"], "v_rest": case["v_reset"]}
    if case["kind"] != "IF":
        values |= {"tau": case["tau"], "decay_input": case["decay_input"]}
    return ng.neuron_named(case["kind"])(**values)


@pytest.mark.parametrize(
    "case", [pytest.param(c, id=c["name"]) for c in CASES] or [pytest.param({}, marks=NEEDS, id="none")]
)
def test_neuron(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected = {k: store[f"{case['name']}/{k}"] for k in ("spikes", "v", "grad_x")}
    neuron = neuron_of(case)
    assert expected["spikes"].sum() == case["spike_count"] > 0
    for path in ("reference", "eager", "fused", "numba"):
        g = None if path == "numba" else store["grad_out"]
        ran = run_neuron(path, neuron, {"input": store["x"]}, g, probes=("v",))
        assert np.array_equal(ran.output, expected["spikes"]), path
        np.testing.assert_allclose(ran.recorded["v"], expected["v"], **CLOSE, err_msg=path)
        np.testing.assert_allclose(ran.final["v"], expected["v"][-1], **CLOSE, err_msg=path)
        if g is None:
            continue
        np.testing.assert_allclose(ran.gradients["input"], expected["grad_x"], **CLOSE, err_msg=path)
        if case["kind"] == "PLIF":
            np.testing.assert_allclose(ran.gradients["w"], case["grad_w"], **CLOSE, err_msg=path)


@pytest.mark.parametrize("name", CURVES if CASES else [pytest.param("ATan", marks=NEEDS)])
def test_surrogate_curve(name: str, store: Any, run_neuron: Any) -> None:
    neuron = ng.IF(threshold=0.0, reset="none", surrogate=CURVES[name])
    u = store["surrogate_u"]
    for path in ("reference", "eager"):
        ran = run_neuron(path, neuron, {"input": u[None, None]}, np.ones((1, 1, *u.shape)))
        expected = store[f"surrogate/{name}/grad"]
        np.testing.assert_allclose(ran.gradients["input"][0, 0], expected, **CLOSE, err_msg=path)
