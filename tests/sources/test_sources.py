"""Sources: what they give, its statistics, and the same on every backend."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats

import neurograph as ng
from neurograph import random

DT, SIZE = 0.5, 70  # two parts


class Meter(ng.Neuron):
    """Shows what arrives."""

    outputs = ("value",)

    def step(self, input: Any) -> dict[str, Any]:
        return {"value": input}


RATES = np.repeat([0.0, 40.0, 400.0, 1e5, 10.0], SIZE // 5)  # 1e5 Hz: 50 events a step, the sum of two draws
SOURCES: dict[str, Any] = {
    "Poisson": lambda: ng.Poisson(rate=200.0, weight=2.0),
    "Poisson rates": lambda: ng.Poisson(rate=RATES),
    "PoissonPulse": lambda: ng.PoissonPulse(rate=2000.0, start=5.0, stop=12.0),
    "SpikeList": lambda: ng.SpikeList([7.0, 2.0, 2.0, 9.9, 2.2], [3, 69, 69, 0, 1]),
    "StepCurrent": lambda: ng.StepCurrent(amplitude=np.linspace(1.0, 2.0, SIZE), start=3.0, stop=9.0),
    "RampCurrent": lambda: ng.RampCurrent(low=-1.0, high=5.0, start=3.3, stop=9.9),
    "TimedCurrent": lambda: ng.TimedCurrent(np.sin(np.arange(20)), 2 * DT, amplitude=np.linspace(1.0, 2.0, SIZE)),
    "TimedCurrent of neurons": lambda: ng.TimedCurrent(np.random.default_rng(0).random((99, SIZE)), DT),
    "TimedPoisson": lambda: ng.TimedPoisson([0.0, 400.0, 1.6e4], 10 * DT, weight=0.5),
    "TimedPoisson of neurons": lambda: ng.TimedPoisson(np.random.default_rng(0).uniform(0.0, 9e3, (3, SIZE)), 10 * DT),
    "NoiseCurrent": lambda: ng.NoiseCurrent(mean_current=3.0, sigma=np.linspace(0.0, 4.0, SIZE), tau=2.0),
}


def network(names: Any, size: int = SIZE) -> ng.Graph:
    graph = ng.Graph()
    for k, name in enumerate(names):
        source = graph.population(f"source{k}", SOURCES[name](), size)
        target = graph.population(f"meter{k}", Meter(), size)
        graph.connect(source, target)
        graph.probe(target, "value")
    return graph


def given(source: ng.Neuron, steps: int, size: int = 100, *, dt: float = DT, seed: int = 0) -> np.ndarray:
    """What a source gives in each step: [steps, size]."""
    graph = ng.Graph()
    target = graph.population("meter", Meter(), size)
    graph.connect(graph.population("source", source, size), target)
    graph.probe(target, "value")
    program = ng.compile(graph, "reference", dt=dt, seed=seed)
    program.run({}, steps)
    return np.asarray(program.recordings["meter.value"].array())[:, 0]


@pytest.fixture(scope="module")
def compared() -> dict[str, Mapping[str, np.ndarray]]:
    steps, out = 60, {}
    for threads in (1, 2):
        sim = ng.compile(network(SOURCES), "numba", dt=DT, dtype="float64", threads=threads, share_above=0, seed=3)
        sim.run(11 * DT)
        sim.run((steps - 11) * DT)
        out[f"simulator, {threads}"] = {n: sim.trace(f"meter{k}", "value")[1] for k, n in enumerate(SOURCES)}
    for backend, options in (("reference", {}), ("torch", {"fused": False})):
        program = ng.compile(network(SOURCES), backend, dt=DT, dtype="float64", seed=3, **options)
        if backend == "torch":
            program.eval()  # it draws anew in each run while it trains
        program.run({}, steps)
        recorded = program.recordings
        out[backend] = {n: np.asarray(recorded[f"meter{k}.value"].array())[:, 0] for k, n in enumerate(SOURCES)}
    return out


@pytest.mark.parametrize("name", SOURCES)
def test_backends_agree_bit_for_bit(name: str, compared: Any) -> None:
    assert np.ptp(compared["reference"][name]) > 0
    for backend in ("simulator, 1", "simulator, 2", "torch"):
        found = compared[backend][name]
        assert np.array_equal(found, compared["reference"][name]), (backend, np.abs(found).max())


def test_the_registry_is_whole() -> None:
    assert set(ng.SOURCES) == {n.partition(" ")[0] for n in SOURCES}
    for name, source in ng.SOURCES.items():
        assert getattr(ng, name) is source and source.__doc__ and source.equation


@pytest.mark.parametrize("mean", [0.0, 1e-7, 0.02, 1.0, 7.3, 32.0])
def test_thresholds_of_counts_are_those_of_the_distribution(mean: float) -> None:
    cut = np.round((1.0 - stats.poisson.sf(np.arange(96), mean)) * 2.0**32)
    assert np.array_equal(random.poisson_thresholds(mean), cut[cut < 2.0**32])


@pytest.mark.parametrize("mean", [0.02, 1.0, 40.0])
def test_poisson_counts_have_the_distribution_of_poisson(mean: float) -> None:
    counts = given(ng.Poisson(rate=mean / DT * 1000.0), 1000, seed=1)
    total = counts.size
    assert np.array_equal(counts, np.floor(counts)) and counts.min() >= 0
    assert abs(counts.mean() - mean) < 4 * math.sqrt(mean / total)
    assert abs(counts.var() / mean - 1.0) < 4 * math.sqrt((2.0 + 1.0 / mean) / total)
    # the distribution, in classes of enough counts
    edges = stats.poisson.ppf([0.1, 0.3, 0.5, 0.7, 0.9, 0.999], mean)
    edges = np.unique(edges)
    seen = np.bincount(np.searchsorted(edges, counts.reshape(-1)), minlength=len(edges) + 1)
    cumulative = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    assert stats.chisquare(seen, np.diff(cumulative) * total).pvalue > 1e-3
    # independent in time and between neurons
    x = (counts - mean) / math.sqrt(mean)
    assert abs((x[1:] * x[:-1]).mean()) < 4 / math.sqrt(total)
    assert abs((x[:, 1:] * x[:, :-1]).mean()) < 4 / math.sqrt(total)


def test_seeds_and_populations_draw_their_own(compared: Any) -> None:
    def spikes(seed: int, name: str) -> np.ndarray:
        graph = ng.Graph()
        target = graph.population("meter", Meter(), 20)
        graph.connect(graph.population(name, ng.Poisson(rate=500.0), 20), target)
        graph.probe(target, "value")
        program = ng.compile(graph, "reference", dt=DT, seed=seed)
        program.run({}, 40)
        return np.asarray(program.recordings["meter.value"].array())

    assert np.array_equal(spikes(0, "a"), spikes(0, "a"))
    assert not np.array_equal(spikes(0, "a"), spikes(1, "a")) and not np.array_equal(spikes(0, "a"), spikes(0, "b"))


def test_poisson_takes_weights_rates_of_neurons_and_no_rate(compared: Any) -> None:
    weighted, rates = compared["reference"]["Poisson"], compared["reference"]["Poisson rates"]
    assert set(np.unique(weighted)) <= {0.0, 2.0, 4.0, 6.0} and weighted.any()
    group = rates.reshape(60, 5, SIZE // 5).mean((0, 2))
    assert group[0] == 0.0 and abs(group[3] - 50.0) < 1.0 and group[1] < group[2] < 1.0
    with pytest.raises(ng.SpecError, match="rate must be at least 0"):
        ng.Poisson(rate=-1.0)


def test_a_pulse_is_silent_outside_its_time(compared: Any) -> None:
    active = compared["reference"]["PoissonPulse"].any(1)
    assert np.flatnonzero(active).tolist() == list(range(10, 24))  # 5 <= t < 12


def test_spike_lists_are_sorted_rounded_and_counted(compared: Any) -> None:
    found = compared["reference"]["SpikeList"]
    expected = np.zeros_like(found)
    expected[14, 3] = expected[20, 0] = expected[4, 1] = 1.0  # 2.2 is nearer to 2.0 than to 2.5
    expected[4, 69] = 2.0
    assert np.array_equal(found, expected)
    assert not given(ng.SpikeList([], []), 4).any()
    late = given(ng.SpikeList([1.0, 1000.0], [0, 0]), 4)
    assert late.sum() == 1.0
    # half a step is rounded up; many spikes of a neuron in a step count
    half = given(ng.SpikeList([0.25, *[1.0] * 5], [1] * 6), 4)
    assert half[:, 1].tolist() == [0.0, 1.0, 5.0, 0.0]


def test_spike_lists_that_cannot_be() -> None:
    with pytest.raises(ng.SpecError, match="2 times for 1 neurons; give one neuron each"):
        ng.SpikeList([1.0, 2.0], [0])
    with pytest.raises(ng.SpecError, match="neurons are whole numbers, not float64"):
        ng.SpikeList([1.0], [0.5])
    for times in ([-1.0], [math.nan], [math.inf]):
        with pytest.raises(ng.SpecError, match="times are finite and at least 0"):
            ng.SpikeList(times, [0])
    for neuron in (100, -1):
        for backend in ("reference", "numba"):
            graph = ng.Graph()
            graph.population("given", ng.SpikeList([1.0, 1.0], [3, neuron]), 100)
            with pytest.raises(ng.SpecError, match=f"'given': its event list names neuron {neuron}, but it has 100"):
                program = ng.compile(graph, backend, dt=DT)
                program.run({}, 4)


@pytest.mark.parametrize("listed", [([3, 1], [0, 1]), ([1, 3], [0]), ([-1, 3], [0, 1]), ([[1, 3]], [[0, 1]])])
@pytest.mark.parametrize("backend", ["reference", "numba"])
def test_events_that_no_order_fits_are_told(listed: tuple[list[Any], list[Any]], backend: str) -> None:
    class Own(ng.Neuron):
        inputs = ()
        given = {"listed": "events"}

        def events(self, dt: float) -> tuple[Any, Any]:
            return listed

        def step(self, listed: Any) -> dict[str, Any]:
            return {"spike": listed}

    graph = ng.Graph()
    graph.population("own", Own(), 4)
    graph.probe("own", "spike")
    with pytest.raises(ng.SpecError, match=r"'own': events\(dt\) of Own gives steps from 0 on in ascending order"):
        program = ng.compile(graph, backend, dt=DT)
        program.run({}, 4)


def test_step_current_begins_and_ends_in_the_right_step(compared: Any) -> None:
    expected = np.zeros((60, SIZE))
    expected[6:18] = np.linspace(1.0, 2.0, SIZE)
    assert np.array_equal(compared["reference"]["StepCurrent"], expected)
    # 0.1 is no binary number: each step of a thousand as a start
    for start in (0.3, 0.7, 57.3):
        found = given(ng.StepCurrent(amplitude=1.0, start=start, stop=start + 0.2), 600, 1, dt=0.1)[:, 0]
        first = round(start / 0.1)
        assert np.flatnonzero(found).tolist() == [first, first + 1]
    assert given(ng.StepCurrent(amplitude=1.0), 5, 1).all()


def test_ramp_current_is_linear_between_its_ends(compared: Any) -> None:
    time = np.arange(60) * DT
    expected = np.interp(time, [3.3, 9.9], [-1.0, 5.0])
    np.testing.assert_allclose(compared["reference"]["RampCurrent"][:, 0], expected, rtol=1e-12, atol=1e-12)
    with pytest.raises(ng.SpecError, match="stop must be above start"):
        ng.RampCurrent(start=5.0, stop=5.0)


def test_noise_current_has_its_variance_and_correlation_time(compared: Any) -> None:
    tau, sigma = 2.0, 3.0
    noise = given(ng.NoiseCurrent(mean_current=10.0, sigma=sigma, tau=tau), 3000, seed=2)[40:]
    independent = noise.size * DT / (2 * tau)
    assert abs(noise.mean() - 10.0) < 4 * sigma / math.sqrt(independent)
    assert abs(noise.var() / sigma**2 - 1.0) < 4 * math.sqrt(2 / independent)
    x = (noise - 10.0) / sigma
    for lag in (1, 4, 12):
        assert abs((x[lag:] * x[:-lag]).mean() - math.exp(-lag * DT / tau)) < 4 / math.sqrt(independent)
    assert abs((x[:, 1:] * x[:, :-1]).mean()) < 4 / math.sqrt(independent)
    assert stats.kstest(x[::40].reshape(-1), "norm").pvalue > 1e-3
    # it starts from the mean, and the variance of a neuron is its own
    start = given(ng.NoiseCurrent(mean_current=10.0, sigma=sigma, tau=1e6), 2)
    assert np.abs(start - 10.0).max() < 0.1
    assert np.all(compared["reference"]["NoiseCurrent"][:, 0] == 3.0)


def test_a_timed_current_is_its_table() -> None:
    values = np.random.default_rng(1).normal(size=(4, 3))
    assert np.array_equal(given(ng.TimedCurrent(values, 3 * DT), 15, 3), np.repeat(values, [3, 3, 3, 6], axis=0))
    alike = given(ng.TimedCurrent([1.0, -2.0], 1.0, amplitude=3.0), 5, 2, dt=1.0)
    assert np.array_equal(alike, [[3.0, 3.0]] + [[-6.0, -6.0]] * 4)


@pytest.mark.parametrize("mean", [0.02, 1.0, 8.0])
def test_timed_poisson_counts_have_the_distribution_of_poisson(mean: float) -> None:
    counts = given(ng.TimedPoisson([0.0, mean / DT * 1000.0], 10 * DT), 1010, seed=1)
    assert not counts[:10].any()
    counts = counts[10:]
    assert np.array_equal(counts, np.floor(counts))
    assert abs(counts.mean() - mean) < 4 * math.sqrt(mean / counts.size)
    edges = np.unique(stats.poisson.ppf([0.1, 0.3, 0.5, 0.7, 0.9, 0.999], mean))
    seen = np.bincount(np.searchsorted(edges, counts.reshape(-1)), minlength=len(edges) + 1)
    cumulative = np.concatenate([[0.0], stats.poisson.cdf(edges, mean), [1.0]])
    assert stats.chisquare(seen, np.diff(cumulative) * counts.size).pvalue > 1e-3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ng.TimedCurrent([], 1.0), ng.SpecError, r"TimedCurrent\(values=...\) at .*test_sources.*\[samples, neurons\]"),
        (lambda: ng.TimedCurrent([1.0, math.nan], 1.0), ng.SpecError, r"finite numbers"),
        (lambda: ng.TimedCurrent(np.ones((1, 1, 1)), 1.0), ng.SpecError, r"got float64 of shape \(1, 1, 1\)"),
        (lambda: ng.TimedCurrent([1.0], 0.0), ng.SpecError, r"interval=0.0\) at .*a finite time above 0"),
        (lambda: ng.TimedPoisson([1.0, -2.0], 1.0), ng.SpecError, r"rates are at least 0, not -2"),
        (lambda: given(ng.TimedPoisson([1e6], 1.0), 2), ng.SpecError, r"1e\+06 Hz are 500 events in a step of dt=0.5"),
        (lambda: given(ng.TimedCurrent([1.0], 0.75), 2), ng.SpecError, r"interval=0.75 is no whole number of steps of dt=0.5"),
        (lambda: given(ng.TimedCurrent([1.0], 0.2), 2), ng.SpecError, r"interval=0.2 is no whole number of steps"),
        (lambda: given(ng.TimedCurrent(np.ones((2, 7)), 1.0), 2), ng.ShapeError, r"'source'.*values for 7 neurons, but it has 100"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_tables_are_kept_in_files(tmp_path: Any) -> None:
    graph = network(["TimedCurrent", "TimedPoisson of neurons"])
    ng.save(graph, tmp_path / "net.h5")
    held = ng.load(tmp_path / "net.h5")
    assert held == graph
    found = [ng.compile(g, "numba", dt=DT, seed=3).run(30.0).trace("meter1", "value")[1] for g in (graph, held)]
    assert found[0].any() and np.array_equal(*found)
