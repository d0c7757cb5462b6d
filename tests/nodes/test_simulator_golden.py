"""Simulator neurons against recorded networks of Brian2: the same spikes at the same steps, the same traces."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "sim.json").read_text()) if FOLDER and (Path(FOLDER) / "sim.json").exists() else {}
BACKENDS = pytest.mark.parametrize("backend", ["reference", "numba"])
DT = 0.1


def case(name: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if name not in CASES:
        pytest.skip(f"NEUROGRAPH_GOLDEN names no folder with the case {name}")
    with np.load(Path(FOLDER or ".") / "sim.npz") as file:
        arrays = {k.removeprefix(f"{name}/"): file[k] for k in file.files if k.startswith(f"{name}/")}
    return CASES[name].get("params", CASES[name]), arrays


class Stepper:
    """One population, one step at a time: arrivals by port in, spikes out; `state` is what a step left."""

    def __init__(self, neuron: ng.Neuron, size: int, ports: tuple[str, ...], backend: str, **start: np.ndarray):
        graph = ng.Graph()
        population = graph.population("n", neuron, (size,))
        for port in ports:
            graph.connect(graph.input(port, (size,)), population[port])
        if not ports:
            graph.connect(graph.input(neuron.inputs[0], (size,)), population[neuron.inputs[0]])
        graph.connect(population, graph.output("out", readout=ng.Steps()))
        self.program = ng.compile(graph, backend, dt=DT, dtype="float64")
        self.after: Any = {f"n.{k}": np.array(v, float)[None] for k, v in start.items()}
        self.ports = ports or neuron.inputs[:1]

    def step(self, **arrivals: np.ndarray) -> np.ndarray:
        inputs = {p: arrivals[p][None, None] for p in self.ports}
        outputs, self.after = self.program.run(inputs, 1, self.after or None)
        return np.flatnonzero(np.asarray(outputs["out"])[0, 0])

    def state(self, name: str) -> np.ndarray:
        return np.asarray(self.after[f"n.{name}"])[0]


class Wires:
    """The synapses of a golden network. Brian2 applies a spike at the end of a step, so it acts in the next one."""

    def __init__(self, p: dict[str, Any], a: dict[str, np.ndarray], weight_in: float):
        self.excitatory, size = p["NE"], p["N"]
        self.due: dict[int, np.ndarray] = defaultdict(lambda: np.zeros((2, size)))
        self.out = [np.flatnonzero(a["syn_i"] == i) for i in range(size)]
        self.a = a
        delays = a.get("inc_delay", np.full(len(a["inc_i"]), p.get("in_delay_steps", 0)))
        for i, step in zip(a["in_i"], a["in_step"], strict=True):
            for k in np.flatnonzero(a["inc_i"] == i):
                self.due[step + 1 + delays[k]][0, a["inc_j"][k]] += weight_in

    def arrive(self, step: int) -> np.ndarray:
        return self.due.pop(step, np.zeros((2, len(self.out))))

    def fire(self, step: int, spikes: np.ndarray) -> None:
        for i in spikes:
            for k in self.out[i]:
                when = step + 1 + self.a["syn_delay"][k]
                self.due[when][0 if i < self.excitatory else 1, self.a["syn_j"][k]] += self.a["syn_w"][k]


def run_network(neuron: ng.Neuron, p: Any, a: Any, backend: str, weight: float, names: dict[str, str]) -> None:
    """Every spike of every step is the recorded one, and so are the traces (ours by theirs in `names`)."""
    wires, steps, size = Wires(p, a, weight), round(p["T_ms"] / DT), p["N"]
    network = Stepper(neuron, size, ("exc", "inh"), backend, **neuron_start(neuron, a, size))
    index = np.asarray(p.get("rec_idx", [0, 1, 2, 50]))
    found: list[tuple[int, int]] = []
    for n in range(steps):
        exc, inh = arrivals = wires.arrive(n)
        for ours, theirs in names.items():
            # recorded before the update: what the last step left and what has arrived since
            before = network.state(ours) + {"exc": exc, "inh": inh}.get(ours.partition("_")[2], 0.0)
            np.testing.assert_allclose(before[index], a[theirs][:, n], rtol=1e-9, atol=1e-12, err_msg=f"{ours} {n}")
        spikes = network.step(exc=arrivals[0], inh=arrivals[1])
        wires.fire(n, spikes)
        found += [(n, int(i)) for i in spikes]
    expected = sorted(zip(a["spk_step"].tolist(), a["spk_i"].tolist(), strict=True))
    assert found == expected and len(found) > 100


def neuron_start(neuron: ng.Neuron, a: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    zero = {s: np.zeros(size) for s in neuron.states}
    return {**zero, "v": a["v0"]}


@BACKENDS
def test_exact_currents(backend: str) -> None:
    p, a = case("lif_exp")
    neuron = ng.PscExpLIF(
        c_m=p["taum_ms"], tau_m=p["taum_ms"], tau_exc=p["taue_ms"], tau_inh=p["taui_ms"], e_l=p["El_mV"],
        v_th=p["Vt_mV"], v_reset=p["Vr_mV"], t_ref=p["tref_ms"],
    )  # fmt: skip
    run_network(neuron, p, a, backend, p["w_in_mV"], {"v": "v", "i_exc": "ge", "i_inh": "gi"})


@BACKENDS
def test_conductances(backend: str) -> None:
    p, a = case("coba")
    neuron = ng.CondExpLIF(
        c_m=p["C_pF"], g_l=p["gl_nS"], e_l=p["El_mV"], e_exc=p["Ee_mV"], e_inh=p["Ei_mV"], v_th=p["Vt_mV"],
        v_reset=p["Vr_mV"], t_ref=p["tref_ms"], tau_exc=p["taue_ms"], tau_inh=p["taui_ms"], i_e=p["Iext_pA"],
    )  # fmt: skip
    run_network(neuron, p, a, backend, p["w_in_nS"], {"v": "v", "g_exc": "ge", "g_inh": "gi"})


@BACKENDS
def test_hodgkin_huxley(backend: str) -> None:
    p, a = case("hh")
    neuron = ng.HH(
        c_m=p["Cm_pF"], g_l=p["gl_nS"], g_na=p["gna_nS"], g_k=p["gkd_nS"], e_l=p["El_mV"], e_k=p["EK_mV"],
        e_na=p["ENa_mV"], v_t=p["VT_mV"], e_exc=p["Ee_mV"], e_inh=p["Ei_mV"], tau_exc=p["taue_ms"],
        tau_inh=p["taui_ms"], v_th=p["threshold_mV"], i_e=np.linspace(50.0, 400.0, p["N"]),
    )  # fmt: skip
    names = {"v": "v", "g_exc": "ge", "g_inh": "gi", "m": "m", "n": "n", "h": "h"}
    run_network(neuron, p, a, backend, p["w_in_nS"], names)


def naud(p: np.ndarray, integration: str) -> ng.AdEx:
    c, g, e_l, v_t, delta, a, tau_w, b, v_reset, current = p.T
    return ng.AdEx(
        c_m=c, g_l=g, e_l=e_l, v_t=v_t, delta_t=delta, a=a, tau_w=tau_w, b=b, v_reset=v_reset, i_e=current,
        v_peak=0.0, integration=integration,
    )  # fmt: skip


@BACKENDS
@pytest.mark.parametrize("integration", ["exponential_euler", "euler"])
def test_adaptive_exponential(integration: str, backend: str) -> None:
    """Eight firing classes. The upstroke amplifies rounding: at first the same steps, later the same counts."""
    p, a = case(f"adex_{integration}")
    neuron, steps = naud(a["params"], integration), round(p["T_ms"] / DT)
    found, states = alone(neuron, len(a["params"]), steps, backend, ("v", "w"))
    compare(found, a, steps, exact_until=1700)
    for name, trace in states.items():
        np.testing.assert_allclose(trace[:, :1000], a[name][:, 1:1001], rtol=1e-6, atol=1e-6, err_msg=name)


def alone(
    neuron: ng.Neuron, size: int, steps: int, backend: str, names: tuple[str, ...]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Spikes [T, size] of unconnected neurons, and their states [size, T] after every step."""
    graph = ng.Graph()
    population = graph.population("n", neuron, (size,))
    graph.connect(graph.input("current", (size,)), population["current"])
    graph.connect(population, graph.output("out", readout=ng.Steps()))
    graph.probe(population, *names)
    program = ng.compile(graph, backend, dt=DT, dtype="float64")
    outputs, _ = program.run({"current": np.zeros((steps, 1, size))}, steps)
    recorded = {n: program.recordings[f"n.{n}"].array()[:, 0].T for n in names}
    return np.asarray(outputs["out"])[:, 0], recorded


def compare(found: np.ndarray, a: dict[str, np.ndarray], steps: int, exact_until: int) -> None:
    expected = np.zeros_like(found)
    expected[a["spk_step"], a["spk_i"]] = 1.0
    assert np.array_equal(found[:exact_until], expected[:exact_until])
    for i in range(found.shape[1]):
        assert abs(found[:, i].sum() - expected[:, i].sum()) <= 1, f"neuron {i}"
