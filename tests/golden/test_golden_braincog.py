"""Every case BrainCog was recorded on: spikes equal, values and gradients within float32 rounding."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "braincog.json").read_text())["cases"] if FOLDER else []
NEEDS = pytest.mark.skipif(not FOLDER, reason="NEUROGRAPH_GOLDEN names no folder with braincog.json and .npz")
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
PATHS = ("reference", "eager", "fused", "numba")


def cases(*groups: str) -> Any:
    found = [pytest.param(c, id=c["id"]) for c in CASES if c["id"].startswith(groups)]
    return pytest.mark.parametrize("case", found or [pytest.param({}, marks=NEEDS, id="none")])


@pytest.fixture(scope="session")
def store() -> Any:
    with np.load(Path(FOLDER or ".") / "braincog.npz") as file:
        return {k: file[k] for k in file.files}


def arrays(case: dict[str, Any], store: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: store[entry["key"]] for name, entry in case["arrays"].items()}


def surrogate(name: str, alpha: Any) -> ng.Surrogate:
    # upstream's BackEIGate and EIGrad take an alpha and ignore it: their width is always 0.5
    return ng.surrogate_named(name)(0.5 if name in ("BackEIGateGrad", "EIGrad") else alpha)


def point_neuron(case: dict[str, Any]) -> tuple[ng.Neuron, float]:
    """A BrainCog point node as its user would declare it here, and the dt that its rule knows."""
    p, kind = case["params"], case["id"].split("/")[1]
    trained = p.get("requires_thres_grad", False)
    values: dict[str, Any] = {"threshold": ng.learnable(p["threshold"]) if trained else p["threshold"]}
    # nodes build their surrogate with alpha 2; PLIF trains it where it can be trained (Atan)
    alpha = ng.learnable(2.0) if kind == "PLIFNode" and p["act_fun"] == "AtanGrad" else 2.0
    values["surrogate"] = surrogate(p["act_fun"], alpha)
    values["detach_state"] = p.get("mem_detach", False)
    if p.get("sigmoid_thres") and kind != "LIFNode":  # BrainCog's LIF ignores it
        values["threshold_of"] = "sigmoid"
    if kind != "IFNode":
        values["tau"] = p.get("tau", 2.0)
    dt = 1.0 if kind == "LIFNode" else p.get("dt", 1.0)  # BrainCog's LIF ignores dt: its rule is that of dt = 1
    return ng.neuron_named(kind)(**values), dt


def check(ran: Any, path: str, expected: dict[str, np.ndarray], names: dict[str, str], trained: bool) -> None:
    assert np.array_equal(ran.output, expected["spikes"]), path
    for ours, theirs in names.items():
        if theirs in expected:
            np.testing.assert_allclose(ran.recorded[ours], expected[theirs], **CLOSE, err_msg=f"{path} {ours}")
            np.testing.assert_allclose(ran.final[ours], expected[theirs][-1], **CLOSE, err_msg=f"{path} {ours}")
    if not trained:
        return
    checked = 0
    for name, value in expected.items():
        if name.startswith("grad_"):
            own = name.removeprefix("grad_param_").removeprefix("grad_").replace("act_fun_alpha", "surrogate_alpha")
            own = "input" if own == "x" else own
            np.testing.assert_allclose(ran.gradients[own], value, **CLOSE, err_msg=f"{path} {name}")
            checked += 1
    assert checked


@cases("node/IFNode", "node/LIFNode", "node/PLIFNode")
def test_point_node(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected = arrays(case, store)
    if case["params"].get("layer_by_layer"):  # one array [T * N, ...], time first: the same sequence
        steps = case["params"]["step"]
        expected = {n: a.reshape(steps, -1, *a.shape[1:]) if a.ndim else a for n, a in expected.items()}
    neuron, dt = point_neuron(case)
    assert expected["spikes"].sum() > 0
    for path in PATHS:
        g = None if path == "numba" else expected["g"]
        ran = run_neuron(path, neuron, {"input": expected["x"]}, g, dt=dt, probes=("v",))
        check(ran, path, expected, {"v": "mem_after"}, g is not None)


@cases("threecomp/", "mcn/")
def test_compartments(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected, p = arrays(case, store), case["params"]
    cls = ng.MCN if case["id"].startswith("mcn/") else ng.ThreeComp
    name = p.get("surrogate") or case["id"].split("/")[1]
    taus = {k: p[k] for k in ("threshold", "tau", "tau_basal", "tau_apical")}
    neuron = cls(**taus, surrogate=surrogate(name, p["surrogate_alpha"]))
    xs = {port: expected[port] for port in neuron.inputs}
    names = {"v_basal": "mem_basal", "v_apical": "mem_apical", "u": "mem_soma"}
    for path in PATHS:
        g = None if path == "numba" else expected["g"]
        check(run_neuron(path, neuron, xs, g, probes=tuple(names)), path, expected, names, g is not None)


@cases("surrogate/")
def test_surrogate(case: dict[str, Any], store: Any, run_neuron: Any) -> None:
    expected, name = arrays(case, store), case["id"].split("/")[1]
    alpha = case["params"].get("alpha")
    rule = surrogate(name, ng.learnable(alpha) if "dalpha" in expected else alpha)
    # one step of an integrate-and-fire neuron with threshold 0 is the surrogate itself: u = x
    neuron = ng.IF(threshold=0.0, reset="none", surrogate=rule)
    for path in PATHS:
        g = None if path == "numba" else np.ones_like(expected["x"])[None, None]
        ran = run_neuron(path, neuron, {"input": expected["x"][None, None]}, g)
        # upstream's Round adds h - h.detach(), which leaves rounding in its whole numbers
        np.testing.assert_allclose(ran.output[0, 0], expected["y"], **(CLOSE if name == "RoundGrad" else {"rtol": 0}))
        if g is not None:
            np.testing.assert_allclose(ran.gradients["input"][0, 0], expected["dydx"], **CLOSE, err_msg=path)
            if "dalpha" in expected:
                np.testing.assert_allclose(ran.gradients["surrogate_alpha"], expected["dalpha"], **CLOSE, err_msg=path)


def encoded(encoder: ng.Encoder, x: np.ndarray, steps: int, backend: str) -> np.ndarray:
    graph = ng.Graph()
    shape = x.shape[2:] if isinstance(encoder, ng.Direct) and x.ndim == 5 else x.shape[1:]
    graph.connect(graph.input("x", shape, encoder=encoder), graph.output("y", readout=ng.Steps()))
    outputs, _ = ng.compile(graph, backend, dtype="float32").run(x, steps)
    return np.asarray(outputs["y"])


@cases("encoder/")
@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_encoder(case: dict[str, Any], backend: str, store: Any) -> None:
    expected, steps, kind = arrays(case, store), case["params"]["step"], case["id"].split("/")[1]
    x = expected["x"]
    if kind == "rate":
        rand = expected["rand"]
        if backend == "torch":
            import torch

            y = ng.Rate().encode(torch, torch.tensor(x), steps, range(steps), lambda shape, t: torch.tensor(rand[t]))
        else:
            y = ng.Rate().encode(np, x, steps, range(steps), lambda shape, t: rand[t])
        assert np.array_equal(np.asarray(y), expected["y"])
    elif kind.startswith("population"):
        # upstream takes the range of the receptive fields from the data
        mode = kind.removeprefix("population_")
        options = {"threshold": case["params"]["VTH"]} if mode == "voltage" else {}
        size, low, high = case["params"]["m"], float(x.min()), float(x.max())
        y = encoded(ng.PopulationCode(size, mode=mode, low=low, high=high, **options), x, steps, backend)
        y = y.reshape(steps, len(x), size, -1)
        if mode == "time":  # upstream's train has no axis of its own for what is encoded: a spike of any value
            assert np.array_equal(y.max((1, 3)), expected["y"])
        else:
            assert np.array_equal(y.transpose(0, 2, 1, 3), expected["spikes"])
            np.testing.assert_allclose(y.mean(0).transpose(1, 0, 2), expected["rate"], **CLOSE)
    elif kind == "dvs5d":  # recordings [N, T, ...] become sequences [T, N, ...]: data, not an encoder
        y = encoded(ng.Direct(), np.ascontiguousarray(x.swapaxes(0, 1)), steps, backend)
        assert np.array_equal(y, expected["y"])
    else:
        rules = {"direct": ng.Direct, "ttfs": ng.Latency, "phase": ng.Phase}
        y = encoded(rules[kind.split("_")[0]](), x, steps, backend)
        if kind.endswith("_lbl"):  # (t b) c h w
            y = y.reshape(-1, *x.shape[1:])
        elif kind.endswith("_tflat"):  # 1 b (t c) h w
            y = y.swapaxes(0, 1).reshape(1, len(x), -1, *x.shape[2:])
        np.testing.assert_allclose(y, expected["y"], rtol=1e-6, atol=0)


def test_names_of_upstream_are_known() -> None:
    """The ids of the golden cases name classes; this holds without the files too."""
    for name in ("IFNode", "LIFNode", "PLIFNode", "ThreeCompNode", "MCNode"):
        assert issubclass(ng.neuron_named(name), ng.Neuron)
    plif = ng.PLIF(tau=4.0)
    assert math.isclose(1.0 / (1.0 + math.exp(-plif.params["w"].value)), 0.25)
