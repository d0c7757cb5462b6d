"""Pair STDP against recorded runs of Brian2: the weights at the end and on the way."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "sim.json").read_text()) if FOLDER and (Path(FOLDER) / "sim.json").exists() else {}
DT = 0.1


class Relay(ng.Neuron):
    inputs = ("drive", "syn")

    def step(self, drive, syn):  # type: ignore[no-untyped-def]
        return {"spike": ng.where(drive > 0.0, 1.0, 0.0)}


@pytest.mark.parametrize("name", ["stdp_pair", "stdp_pair_delay"])
def test_pair_stdp_is_that_of_brian2(name: str) -> None:
    if name not in CASES:
        pytest.skip(f"NEUROGRAPH_GOLDEN names no folder with the case {name}")
    p = CASES[name]["params"]
    with np.load(Path(FOLDER or ".") / "sim.npz") as file:
        a = {k.removeprefix(f"{name}/"): file[k] for k in file.files if k.startswith(f"{name}/")}
    n, graph = p["n"], ng.Graph()
    source = graph.population("source", ng.SpikeList(a["pre_step"] * DT, a["pre_i"].astype(int)), n)
    teacher = graph.population("teacher", ng.SpikeList(a["post_step"] * DT, a["post_i"].astype(int)), n)
    target = graph.population("target", Relay(), n)
    graph.connect(teacher, target["drive"])
    rule = ng.PairSTDP(
        tau_plus=p["tau_plus_ms"], tau_minus=p["tau_minus_ms"], a_plus=p["Ap"], a_minus=-p["Am"], w_max=p["wmax"]
    )
    synapse = np.arange(n * n)
    # Brian2 applies what arrives at the end of a step, we at the beginning of the next
    graph.connect(
        source, target["syn"], ng.Explicit(synapse // n, synapse % n, weight=a["w0"]), name="learning",
        delay=(p.get("pre_delay_steps", 0) + 1) * DT, plasticity=rule,
    )  # fmt: skip
    sim = ng.compile(graph, "numba", dt=DT, dtype="float64", threads=1)
    order = np.argsort(sim.synapses("learning")[0] * n + sim.synapses("learning")[1], kind="stable")
    samples, index = a["w_trace"].shape[1], a["w_trace_idx"]
    seen = np.empty((len(index), samples))
    for k in range(samples):
        seen[:, k] = sim.synapses("learning")[2][order][index]
        sim.run(p["T_ms"] / samples)
    np.testing.assert_allclose(seen, a["w_trace"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(sim.synapses("learning")[2][order], a["w_end"], rtol=1e-9, atol=1e-12)
