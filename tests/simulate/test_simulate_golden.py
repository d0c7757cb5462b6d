"""Whole networks of Brian2, spike for spike, on any number of threads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "sim.json").read_text()) if FOLDER and (Path(FOLDER) / "sim.json").exists() else {}


def lif_exp(p: Any, v: np.ndarray) -> ng.Neuron:
    return ng.PscExpLIF(
        c_m=p["taum_ms"], tau_m=p["taum_ms"], tau_exc=p["taue_ms"], tau_inh=p["taui_ms"], e_l=p["El_mV"],
        v_th=p["Vt_mV"], v_reset=p["Vr_mV"], t_ref=p["tref_ms"], v=v,
    )  # fmt: skip


def coba(p: Any, v: np.ndarray) -> ng.Neuron:
    return ng.CondExpLIF(
        c_m=p["C_pF"], g_l=p["gl_nS"], tau_exc=p["taue_ms"], tau_inh=p["taui_ms"], e_l=p["El_mV"], e_exc=p["Ee_mV"],
        e_inh=p["Ei_mV"], v_th=p["Vt_mV"], v_reset=p["Vr_mV"], t_ref=p["tref_ms"], i_e=p["Iext_pA"], v=v,
    )  # fmt: skip


def hh(p: Any, v: np.ndarray) -> ng.Neuron:
    return ng.HH(
        c_m=p["Cm_pF"], g_l=p["gl_nS"], g_na=p["gna_nS"], g_k=p["gkd_nS"], e_l=p["El_mV"], e_k=p["EK_mV"],
        e_na=p["ENa_mV"], v_t=p["VT_mV"], tau_exc=p["taue_ms"], tau_inh=p["taui_ms"], v_th=p["threshold_mV"],
        e_exc=p["Ee_mV"], e_inh=p["Ei_mV"], i_e=np.linspace(50.0, 400.0, p["N"]), v=v, m=0.0, n=0.0, h=0.0,
    )  # fmt: skip


# name -> the neuron, the weight of an input spike, what is probed (ours by Brian2's), and how near it must be
NETWORKS: dict[str, tuple[Any, str, dict[str, str], float]] = {
    "lif_exp": (lif_exp, "w_in_mV", {"v": "v"}, 1e-9),
    "coba": (coba, "w_in_nS", {"v": "v"}, 1e-9),
    "hh": (hh, "w_in_nS", {"v": "v", "m": "m", "n": "n", "h": "h"}, 1e-9),
}


def network(name: str) -> tuple[ng.Graph, dict[str, Any], dict[str, np.ndarray]]:
    """The network as it was recorded. Brian2 applies a spike at the end of its step, so it acts one step later."""
    if name not in CASES:
        pytest.skip(f"NEUROGRAPH_GOLDEN names no folder with the case {name}")
    make, weight, probed, _ = NETWORKS[name]
    p = CASES[name]["params"]
    with np.load(Path(FOLDER or ".") / "sim.npz") as file:
        a = {k.removeprefix(f"{name}/"): file[k] for k in file.files if k.startswith(f"{name}/")}
    graph, index = ng.Graph(name), np.asarray(p.get("rec_idx", CASES[name].get("rec_idx", [0, 1, 2, 50])))
    cells = graph.population("cells", make(p, a["v0"]), p["N"])
    events = ng.SpikeList(a["in_step"] * 0.1, a["in_i"].astype(np.int64))
    source = graph.population("in", events, int(a["in_i"].max()) + 1)
    for port, chosen in (("exc", a["syn_i"] < p["NE"]), ("inh", a["syn_i"] >= p["NE"])):
        rule = ng.Explicit(
            a["syn_i"][chosen], a["syn_j"][chosen], a["syn_w"][chosen], (a["syn_delay"][chosen] + 1) * 0.1
        )
        graph.connect(cells, cells[port], rule)
    delay = a.get("inc_delay", np.full(len(a["inc_i"]), p.get("in_delay_steps", 0)))
    rule = ng.Explicit(a["inc_i"], a["inc_j"], delay=(delay + 1) * 0.1)
    graph.connect(source, cells["exc"], rule, weight=p[weight])
    graph.probe(cells, "spike")
    graph.probe(cells, *probed, neurons=index.tolist())
    return graph, p, a


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_spikes_and_traces_are_those_recorded(name: str, threads: int) -> None:
    graph, p, a = network(name)
    sim = ng.compile(graph, "numba", dt=0.1, dtype="float64", threads=threads, share_above=0).run(p["T_ms"])
    times, neurons = sim.spikes("cells")
    order = np.lexsort((a["spk_i"], a["spk_step"]))
    assert len(times) == len(order) > 100
    assert np.array_equal(np.round(times / 0.1).astype(int), a["spk_step"][order])
    assert np.array_equal(neurons, a["spk_i"][order])
    _, _, probed, near = NETWORKS[name]
    for ours, theirs in probed.items():
        found = sim.trace("cells", ours)[1].T
        np.testing.assert_allclose(found[:, :-1], a[theirs][:, 1:], rtol=near, atol=1e-12, err_msg=ours)
