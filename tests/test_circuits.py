"""Circuits as a whole: published rates, regions, rates over time, files that a simulation reads back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph import models


def mean_rate(sim: ng.Simulation, since: float = 0.0) -> float:
    """Of all neurons that a recipe calls exc and inh."""
    counts = sim.spike_counts()
    total = {n: counts[n].size for n in ("exc", "inh")}
    return sum(sim.rate(n, since) * k for n, k in total.items()) / sum(total.values())


def test_current_based_network_fires_at_the_published_rate() -> None:
    sim = ng.compile(models.cuba(), "numba", dt=0.1, seed=2).run(1000.0)
    assert 5.2 <= mean_rate(sim) <= 5.8  # 5.4 to 5.6 Hz in four simulators


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conductance_based_network_sustains_itself(dtype: str) -> None:
    graph = models.coba()
    for name in ("exc", "inh"):
        graph.probe(name, "spike")
    sim = ng.compile(graph, "numba", dt=0.1, seed=3, dtype=dtype).run(1000.0)
    assert 15.0 <= mean_rate(sim, since=500.0) <= 23.0


def test_brunel_fires_as_mean_field_theory_says() -> None:
    sim = ng.compile(models.brunel("C"), "numba", dt=0.1, seed=1).run(300.0)
    assert 36.0 <= mean_rate(sim) <= 38.5  # 37.95 Hz from Siegert's equation, 36.8 to 37.6 simulated elsewhere
    with pytest.raises(ng.SpecError, match="choose a regime of A, B, C, D"):
        models.brunel("E")


def test_microcircuit_fires_as_in_other_simulators() -> None:
    sim = ng.compile(models.microcircuit(0.1), "numba", dt=0.1, seed=1).run(1000.0)
    published = dict(L23E=0.47, L23I=2.1, L4E=3.95, L4I=4.98, L5E=6.7, L5I=7.7, L6E=0.85, L6I=6.97)
    for name, rate in published.items():
        assert sim.rate(name) == pytest.approx(rate, rel=0.2), name
    assert sim.memory()["bytes_per_synapse"] <= 9.0
    with pytest.raises(ng.SpecError, match="above 0 and at most 1"):
        models.microcircuit(2.0)


def test_a_million_plastic_synapses_in_small() -> None:
    sim = ng.compile(models.plastic(200, 5), "numba", dt=0.1, seed=1).run(500.0)
    weights = sim.synapses("plastic")[2]
    assert len(weights) == 1000 and 0.0 <= weights.min() < weights.max() <= 0.01 and sim.rate("input") > 5.0


def test_hodgkin_huxley_network_sustains_itself() -> None:
    assert mean_rate(ng.compile(models.hh_network(), "numba", dt=0.1, seed=1).run(500.0)) > 10.0


def test_brain_regions_from_a_file(tmp_path: Path) -> None:
    counts = np.array([[0, 40, 5], [12, 0, 0], [100, 11, 0]])
    np.savetxt(tmp_path / "regions.csv", counts, delimiter=",")
    np.savez(tmp_path / "regions.npz", names=np.array(["a", "b", "c"]), counts=counts)
    graphs = [
        models.brain_regions(tmp_path / f"regions.{k}", neurons_per_region=20, cortical=2) for k in ("csv", "npz")
    ]
    sims = [ng.compile(g, "numba", dt=1.0).run(50.0) for g in graphs]
    assert sims[0].memory()["synapses"] == 3 * 200 + 40 + 12 + 100 + 11  # 5 is left out
    np.testing.assert_array_equal(sims[0].spike_counts()["brain"], sims[1].spike_counts()["brain"])
    assert sims[0].spike_counts()["brain"].sum() > 0 and sims[0].populations["brain"] == (3, 20)
    ng.compile(models.brain_regions(counts, neurons_per_region=10, neuron="HH"), "numba", dt=0.01).run(1.0)
    with pytest.raises(ng.DataError, match="square matrix"):
        models.brain_regions(np.ones((2, 3)))
    with pytest.raises(ng.DataError, match="no connectome can be read"):
        models.brain_regions(tmp_path / "missing.npy")
    with pytest.raises(ng.SpecError, match="choose 'aEIF' or 'HH'"):
        models.brain_regions(counts, neuron="LIF")


def regions(**changes: object) -> ng.Graph:
    graph = ng.Graph("regions")
    cells = graph.population("cells", ng.LIF(tau=10.0, threshold=1.0, decay_input=False), (3, 20))
    graph.connect(graph.population("drive", ng.Poisson(rate=400.0, weight=0.3), (3, 20)), cells)
    of = np.repeat(np.arange(3), 20)
    given = dict(
        weights=np.array([[0, 0.001, 0], [0, 0, 0.002], [0.001, 0, 0]]), delays=np.full((3, 3), 5.0) + np.arange(3),
        source_regions=of, target_regions=of,
    )  # fmt: skip
    ng.connect_regions(graph, cells, cells["input"], **{**given, **changes})  # type: ignore[arg-type]
    graph.probe("regions.rate", "rate")
    return graph


def test_regions_drive_each_other_on_every_backend() -> None:
    sim = ng.compile(regions(), "numba", dt=0.5, seed=3).run(60.0)
    rates = sim.trace("regions.rate", "rate")[1]
    assert rates[-1].min() > 100.0
    for backend in ("reference", "torch"):
        program = ng.compile(regions(), backend, dt=0.5, seed=3, dtype="float64")
        if backend == "torch":
            program.eval()
        program.run({}, 120)
        np.testing.assert_allclose(program.recordings["regions.rate.rate"].array()[:, 0], rates, rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"delays": np.zeros((3, 3))}, "delays between connected regions are above 0"),
        ({"delays": np.ones((2, 3))}, "matrices of one shape"),
        ({"source_regions": np.repeat(np.arange(3), 20) + 1}, "source_regions are whole numbers from 0 to 2"),
    ],
)
def test_regions_say_what_is_wrong(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ng.NeuroGraphError, match=message):
        regions(**changes)


def test_rates_over_time_do_not_depend_on_the_split_of_a_run(tmp_path: Path) -> None:
    graph = models.cuba(400)
    graph.probe("exc", "spike")
    graph.probe("exc", "rate", every=50)
    graph.probe("exc", "v", neurons=[3, 7], every=10)
    sim = ng.compile(graph, "numba", dt=0.1)
    for k, duration in enumerate((3.3, 10.0, 36.7, 50.0)):
        sim.run(duration, record_to=tmp_path / f"{k}.h5" if k % 2 else None)
    times, rate = sim.trace("exc", "rate")
    spikes, _ = sim.spikes("exc")
    np.testing.assert_allclose(times, np.arange(20) * 5.0)
    expected = np.bincount(np.round(spikes / 0.1).astype(int) // 50, minlength=20)[:20] / 320 / 5e-3
    np.testing.assert_allclose(rate[:, 0], expected)
    whole = ng.compile(graph, "numba", dt=0.1).run(100.0)
    np.testing.assert_array_equal(sim.spikes("exc")[0], whole.spikes("exc")[0])  # half of it read back from files
    np.testing.assert_array_equal(sim.trace("exc", "v")[1], whole.trace("exc", "v")[1])
    with pytest.raises(ng.DataError, match="holds what an earlier run recorded"):
        sim.run(1.0, record_to=tmp_path / "1.h5")
    with pytest.raises(ng.BackendError, match="only a simulation records weights and rates"):
        ng.compile(graph, "reference", dt=0.1)


def test_a_run_saves_as_it_goes(tmp_path: Path) -> None:
    sim = ng.compile(models.cuba(400), "numba", dt=0.1, seed=5)
    sim.run(30.0, save_to=tmp_path / "state.h5", save_every=10.0)
    other = ng.compile(models.cuba(400), "numba", dt=0.1, seed=5)
    other.load(tmp_path / "state.h5")
    assert other.time == sim.time
    np.testing.assert_array_equal(other.run(20.0).spike_counts()["exc"], sim.run(20.0).spike_counts()["exc"])
    with pytest.raises(ng.DataError, match="give both"):
        sim.run(1.0, save_every=1.0)
