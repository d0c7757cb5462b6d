"""Synapse models: closed forms, recorded runs of Brian2, and the same on every backend."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
CASES = json.loads((Path(FOLDER) / "sim.json").read_text()) if FOLDER and (Path(FOLDER) / "sim.json").exists() else {}
DT = 0.5


class Meter(ng.Neuron):
    """Shows what arrives."""

    outputs = ("value",)

    def step(self, input: Any) -> dict[str, Any]:
        return {"value": input}


def responses(
    synapse: Any, spikes: Any, steps: int, weight: float = 2.0, *, dt: float = DT, backend: str = "reference"
) -> np.ndarray:
    """What one synapse gives its target from the step on in which the first of `spikes` (steps) arrives."""
    graph = ng.Graph()
    source = graph.population("pre", ng.SpikeList(np.asarray(spikes, float) * dt, np.zeros(len(spikes), int)), 1)
    target = graph.population("post", Meter(), 1)
    graph.connect(source, target, ng.Explicit([0], [0]), weight=weight, delay=2 * dt, synapse=synapse)
    graph.probe(target, "value")
    program = ng.compile(graph, backend, dt=dt, dtype="float64")
    program.run({}, steps + 2)
    return np.asarray(program.recordings["post.value"].array())[2:, 0, 0]


@pytest.fixture(scope="module")
def time() -> np.ndarray:
    return np.arange(120) * DT


def test_exponential(time: np.ndarray) -> None:
    np.testing.assert_allclose(responses(ng.Exponential(tau=5.0), [0], 120), 2.0 * np.exp(-time / 5.0), rtol=1e-12)


def test_alpha_peaks_at_tau_with_the_weight(time: np.ndarray) -> None:
    found = responses(ng.Alpha(tau=4.0), [0], 120)
    np.testing.assert_allclose(found, 2.0 * time / 4.0 * np.exp(1.0 - time / 4.0), rtol=1e-11, atol=1e-15)
    assert time[found.argmax()] == 4.0 and found.max() == pytest.approx(2.0, rel=1e-12)


def test_biexponential_peaks_with_the_weight(time: np.ndarray) -> None:
    rise, decay = 2.0, 4.0
    found = responses(ng.Biexponential(tau_rise=rise, tau_decay=decay), [0], 120)
    peak = rise * decay / (decay - rise) * math.log(decay / rise)
    factor = 1.0 / (math.exp(-peak / decay) - math.exp(-peak / rise))
    np.testing.assert_allclose(found, 2.0 * factor * (np.exp(-time / decay) - np.exp(-time / rise)), rtol=1e-11)
    assert 1.99 < found.max() <= 2.0 and abs(time[found.argmax()] - peak) <= DT / 2
    given = responses(ng.Biexponential(tau_rise=rise, tau_decay=decay, factor=1.0), [0], 120)
    np.testing.assert_allclose(given * factor, found, rtol=1e-12)


@pytest.mark.parametrize("rise", [5.0, 7.0])
def test_biexponential_refuses_a_rise_that_is_not_faster(rise: float) -> None:
    with pytest.raises(ng.SpecError, match="tau_rise must be below tau_decay; where they are equal use Alpha"):
        ng.Biexponential(tau_rise=rise, tau_decay=5.0)


@pytest.mark.parametrize(("rise", "decay"), [(5e-324, 1e300), (1e-300, 1e200)])
def test_time_constants_too_far_apart_are_refused(rise: float, decay: float) -> None:
    with pytest.raises(ng.SpecError, match="how high the peak is"):
        ng.Biexponential(tau_rise=rise, tau_decay=decay)
    assert ng.Biexponential(tau_rise=rise, tau_decay=decay, factor=1.0).params["factor"] == 1.0


def test_time_constants_may_be_of_few_bits() -> None:
    assert ng.Biexponential(tau_rise=np.float16(0.5), tau_decay=1e6).params["factor"] == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("synapse", [ng.Exponential(), ng.Alpha(), ng.Biexponential(), ng.RegionSynapse()])
def test_linear_synapses_add_up(synapse: ng.Synapse) -> None:
    alone = responses(synapse, [0], 60)
    train = responses(synapse, [0, 7, 7, 20], 60)
    shifted = [np.concatenate([np.zeros(n), alone[: 60 - n]]) for n in (0, 7, 7, 20)]
    np.testing.assert_allclose(train, sum(shifted), rtol=1e-12, atol=1e-15)


def test_nmda_saturates_and_follows_its_equation() -> None:
    # dx/dt = -x / tau_rise, ds/dt = -s / tau_decay + alpha x (1 - s), by steps a hundred times finer
    dt, w = 0.05, 1.5
    found = responses(ng.NMDA(tau_rise=2.0, tau_decay=50.0, alpha=0.5), [0], 400, w, dt=dt)
    x, s, exact = w, 0.0, []
    for _ in range(400):
        exact.append(s)
        for _ in range(100):
            middle = x * math.exp(-dt / 400.0)  # x at half a fine step
            s += dt / 100.0 * (-s / 50.0 + 0.5 * middle * (1.0 - s))
            x *= math.exp(-dt / 200.0)
    np.testing.assert_allclose(found, exact, atol=0.01 * max(exact))
    tail = responses(ng.NMDA(tau_rise=2.0, tau_decay=50.0), [0], 200)
    np.testing.assert_allclose(tail[-1] / tail[-2], math.exp(-DT / 50.0), rtol=1e-9)
    one, ten = (responses(ng.NMDA(), [0], 100, w).max() for w in (1.0, 10.0))
    assert one < ten < 1.0 and ten < 5 * one
    crowded = responses(ng.NMDA(), range(0, 200, 2), 200, 5.0)
    assert np.all(np.diff(crowded[:5]) > 0) and 0.98 < crowded.max() < 1.0


def test_region_synapse_is_brain_cogs_euler_step() -> None:
    fired, s, r, expected = {0, 3, 4}, 0.0, 0.0, []
    for n in range(40):
        s += DT / 6.0 * (2.0 * (n in fired) / 3.0 - s)
        r += DT * (s - r / 3.0)
        expected.append(r)
    np.testing.assert_allclose(responses(ng.RegionSynapse(), sorted(fired), 40), expected, rtol=1e-12)


@pytest.mark.parametrize(("U", "rec", "fac"), [(0.5, 800.0, 1e-6), (0.1, 100.0, 1000.0), (0.3, 200.0, 60.0)])
def test_tsodyks_markram_settles_at_its_closed_form(U: float, rec: float, fac: float) -> None:
    every, spikes = 20, 60
    found = responses(ng.TsodyksMarkram(U=U, tau_rec=rec, tau_fac=fac), range(0, every * spikes, every), every * spikes)
    released = found[::every] / 2.0
    assert not np.any(np.delete(found, np.s_[::every]))
    kept_u, kept_x = math.exp(-every * DT / fac), math.exp(-every * DT / rec)
    u, x = 0.0, 1.0
    for k in range(spikes):
        u += U * (1.0 - u)
        np.testing.assert_allclose(released[k], u * x, rtol=1e-9)
        x = 1.0 + (x - u * x - 1.0) * kept_x
        u *= kept_u
    u = U / (1.0 - (1.0 - U) * kept_u)
    np.testing.assert_allclose(released[-1], u * (1.0 - kept_x) / (1.0 - (1.0 - u) * kept_x), rtol=1e-3)


def test_synapses_in_a_row_release_and_then_filter() -> None:
    spikes = [0, 10, 12, 30]
    released = responses(ng.TsodyksMarkram(), spikes, 60)
    both = responses((ng.TsodyksMarkram(), ng.Exponential(tau=3.0)), spikes, 60)
    expected = [sum(released[k] * math.exp(-(n - k) * DT / 3.0) for k in spikes if k <= n) for n in range(60)]
    np.testing.assert_allclose(both, expected, rtol=1e-11)


def test_what_is_no_synapse_is_refused() -> None:
    graph = ng.Graph()
    source = graph.population("pre", ng.SpikeList([0.0], [0]), 1)
    with pytest.raises(ng.SpecError, match="is not a Synapse such as Exponential"):
        graph.connect(source, graph.population("post", Meter(), 1), ng.AllToAll(), synapse=(ng.LIF(),))  # type: ignore[arg-type]
    with pytest.raises(ng.SpecError, match="tau must be above 0"):
        ng.Exponential(tau=0.0)


# every registered synapse on every backend

SHAPE = (30, 70)  # two parts of targets


@pytest.fixture(scope="module")
def compared() -> dict[str, Mapping[str, np.ndarray]]:
    """Currents [steps, targets] of every synapse by backend, from one run of each."""
    rng, steps = np.random.default_rng(5), 90
    at, who = np.nonzero(rng.random((steps, SHAPE[0])) < 0.08)
    pre, post = np.nonzero(rng.random(SHAPE) < 0.2)
    weight, delay = rng.uniform(0.1, 2.0, len(pre)), rng.integers(1, 6, len(pre)) * DT

    def graph() -> ng.Graph:
        made = ng.Graph()
        source = made.population("pre", ng.SpikeList(at * DT, who), SHAPE[0])
        for name, cls in {**ng.SYNAPSES, "chain": None}.items():
            target = made.population(name, Meter(), SHAPE[1])
            synapse = (ng.TsodyksMarkram(), ng.Exponential()) if cls is None else cls()
            made.connect(source, target, ng.Explicit(pre, post, weight, delay), synapse=synapse)
            made.probe(target, "value")
        return made

    out: dict[str, Mapping[str, np.ndarray]] = {}
    names = (*ng.SYNAPSES, "chain")
    for threads in (1, 2):
        sim = ng.compile(graph(), "numba", dt=DT, dtype="float64", threads=threads, share_above=0)
        sim.run(steps * DT)
        out[f"simulator, {threads}"] = {n: sim.trace(n, "value")[1] for n in names}
    for backend, options in (("reference", {}), ("torch", {"fused": False})):
        program = ng.compile(graph(), backend, dt=DT, dtype="float64", **options)
        program.run({}, steps)
        out[backend] = {n: np.asarray(program.recordings[f"{n}.value"].array())[:, 0] for n in names}
    return out


@pytest.mark.parametrize("name", [*ng.SYNAPSES, "chain"])
def test_backends_agree(name: str, compared: Any) -> None:
    assert np.abs(compared["reference"][name]).max() > 0.1
    for backend in ("simulator, 1", "simulator, 2", "torch"):
        np.testing.assert_allclose(
            compared[backend][name], compared["reference"][name], rtol=0, atol=1e-12, err_msg=backend
        )


def test_the_registry_is_whole() -> None:
    required = {"Exponential", "Alpha", "Biexponential", "NMDA", "RegionSynapse", "TsodyksMarkram"}
    assert set(ng.SYNAPSES) >= required
    for name, synapse in ng.SYNAPSES.items():
        assert getattr(ng, name) is synapse and synapse.__doc__ and synapse.equation


# recorded


def test_tsodyks_markram_is_that_of_brian2() -> None:
    if "tsodyks_markram" not in CASES:
        pytest.skip("NEUROGRAPH_GOLDEN names no folder with the case tsodyks_markram")
    dt = 0.1
    with np.load(Path(FOLDER or ".") / "sim.npz") as file:
        a = {k.removeprefix("tsodyks_markram/"): file[k] for k in file.files if k.startswith("tsodyks_markram/")}
    graph = ng.Graph()
    for k, (U, rec, fac) in enumerate(a["params"]):
        mine = a["pre_i"] == k
        source = graph.population(f"pre{k}", ng.SpikeList(a["pre_step"][mine] * dt, np.zeros(mine.sum(), int)), 1)
        # C dv/dt = -C / tau v + I with C = 20 pF is dv/dt = (I - v) / 20 ms
        neuron = ng.PscExpLIF(c_m=20.0, tau_m=20.0, tau_exc=3.0, e_l=0.0, v_th=1e9, v_reset=0.0, t_ref=0.0)
        target = graph.population(f"post{k}", neuron, 1)
        # Brian2 applies a spike at the end of its step, so it acts in the next one
        synapse = ng.TsodyksMarkram(U=U, tau_rec=rec, tau_fac=fac)
        weight = float(CASES["tsodyks_markram"]["A"])
        graph.connect(source, target["exc"], ng.AllToAll(), weight=weight, delay=dt, synapse=synapse, name=f"tm{k}")
        graph.probe(target, "v", "i_exc")
    sim = ng.compile(graph, "numba", dt=dt, dtype="float64", threads=1)
    steps = a["v"].shape[1]
    sim.run(steps * dt)
    last = np.array([a["pre_step"][a["pre_i"] == k].max() for k in range(len(a["params"]))])
    for k, (_, rec, fac) in enumerate(a["params"]):
        found = {n: sim.trace(f"post{k}", n)[1][:, 0] for n in ("v", "i_exc")}
        # recorded at the beginning of a step, and ours at its end
        np.testing.assert_allclose(found["v"][:-1], a["v"][k, 1:], rtol=1e-9, atol=1e-9)
        # i_exc has decayed by the end of the step, and what arrives next is not in it
        arrives = np.isin(np.arange(1, steps), a["pre_step"][a["pre_i"] == k] + 1)
        np.testing.assert_allclose(found["i_exc"][:-1][~arrives], a["I"][k, 1:][~arrives], rtol=1e-9, atol=1e-9)
        since = (steps - 1 - last[k]) * dt
        u, x = (float(sim.get(f"tm{k}.tsodyksmarkram.{n}")[0]) for n in ("u", "x"))
        np.testing.assert_allclose(u, a["u_event"][k, -1] * math.exp(-since / fac), rtol=1e-9)
        np.testing.assert_allclose(x, 1.0 + (a["x_event"][k, -1] - 1.0) * math.exp(-since / rec), rtol=1e-9)
