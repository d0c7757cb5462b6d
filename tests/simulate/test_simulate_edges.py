"""Circuits at the edge: the smallest, the emptiest, the longest delays, and every neuron firing in every step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng

ALWAYS = {"v_rest": 10.0, "tau": 1.0, "threshold": 0.5}  # with dt = 1 it fires in every step


def test_one_neuron(networks: Any) -> None:
    graph = ng.Graph()
    cell = graph.population("cell", ng.LIF(v_rest=1.3), 1)
    graph.connect(cell, cell, ng.AllToAll(), weight=-0.5, delay=2.0)
    graph.connect(cell, cell, weight=0.25, delay=0.1)
    graph.probe(cell, "spike", "v")
    sims = [networks.compiled(graph, threads=t, share_above=0).run(100) for t in (1, 2, 3)]
    assert len(sims[0].spikes("cell")[0]) > 10
    for sim in sims[1:]:
        assert networks.differences(sims[0], sim) == []
    reference = ng.compile(graph, "reference", dt=0.1, dtype="float64", seed=3)
    reference.run({}, 1000)
    assert np.array_equal(sims[0].trace("cell", "v")[1], reference.recordings["cell.v"].array()[:, 0])


def test_no_synapse_at_all(networks: Any) -> None:
    graph = ng.Graph()
    a = graph.population("a", ng.LIF(v_rest=1.3), 50)
    rules = [ng.FixedProbability(0.0), ng.Explicit([], []), ng.Explicit([], [], [], []), ng.FixedInDegree(0)]
    for rule in rules:
        options = {} if isinstance(rule, ng.Explicit) and rule.delay is not None else {"delay": 3.0}
        graph.connect(a, a, rule, **options)
    graph.connect(a, a, ng.FixedProbability(0.0), delay=1.0, plasticity=ng.PairSTDP(), name="none")
    alone = ng.Graph()
    alone.population("a", ng.LIF(v_rest=1.3), 50)
    one, other = networks.compiled(graph).run(20), networks.compiled(alone).run(20)
    assert np.array_equal(one.get("a.v"), other.get("a.v")) and one.spike_counts()["a"].sum() > 100
    assert all(len(x) == 0 for x in one.synapses("none")) and one.memory()["synapses"] == 0
    assert networks.differences(one, networks.compiled(graph, threads=3, share_above=0).run(20)) == []


def test_nothing_enters_and_nothing_is_probed(networks: Any) -> None:
    graph = ng.Graph()
    graph.population("a", ng.CondExpLIF(i_e=400.0), 100)
    graph.population("b", ng.HH(), 3)
    sim = networks.compiled(graph, threads=2).run(1000)
    assert sim.records == {} and np.all(sim.spike_counts()["a"] == sim.spike_counts()["a"][0]) and sim.rate("a") > 1
    with pytest.raises(ng.DataError, match=r"'a\.spike' is not recorded; declare graph\.probe"):
        sim.spikes("a")
    assert "2 threads" in str(sim)


@pytest.mark.parametrize("delay", [0.1, 409.5, 409.6, 409.7, 1000.0])
@pytest.mark.parametrize("how", ["rule", "one to one", "plastic"])
def test_long_delays(delay: float, how: str, networks: Any) -> None:
    """Delays around and beyond a window of 4096 steps."""
    graph = ng.Graph()
    source = graph.population("source", ng.SpikeList([0.0, 1.0, 1.1, 600.0], [0, 1, 1, 2]), 3)
    target = graph.population("target", ng.IF(threshold=1e9), 3)
    rules = () if how == "one to one" else (ng.Explicit([0, 1, 2], [0, 1, 2]),)
    rule = {"plasticity": ng.PairSTDP(w_max=9.0)} if how == "plastic" else {}
    graph.connect(source, target, *rules, weight=10.0 if how != "plastic" else 9.0, delay=delay, **rule)
    graph.probe(target, "v")
    at = round(delay / 0.1)
    for sim in (networks.compiled(graph), networks.compiled(graph, threads=2, share_above=0)):
        sim.run(333.3).run(delay + 600.0 - 333.3 + 0.1)
        weight = 0.1 * (9.0 if how == "plastic" else 10.0)
        v = sim.trace("target", "v")[1]
        for neuron, steps in ((0, [0]), (1, [10, 11]), (2, [6000])):
            expected = np.zeros(len(v))
            for step in steps:
                expected[step + at :] += weight
            np.testing.assert_allclose(v[:, neuron], expected, rtol=1e-12)


def test_delays_of_thousands_of_steps_side_by_side(networks: Any, tmp_path: Any) -> None:
    rng, graph = np.random.default_rng(1), ng.Graph()
    cells = graph.population("cells", ng.LIF(v_rest=np.linspace(0.5, 1.5, 40)), 40)
    pre, post = rng.integers(0, 40, 500), rng.integers(0, 40, 500)
    graph.connect(cells, cells, ng.Explicit(pre, post, np.full(500, 0.125), rng.integers(1, 9000, 500) * 0.1))
    graph.probe(cells)
    whole = networks.compiled(graph).run(1500)
    shared = networks.compiled(graph, threads=3, share_above=0).run(777.7)
    shared.save(tmp_path / "x.h5")
    resumed = networks.compiled(graph)
    resumed.load(tmp_path / "x.h5")
    assert networks.differences(whole, shared.run(722.3)) == []
    ours, theirs = networks.state_of(whole), networks.state_of(resumed.run(722.3))
    assert all(np.array_equal(ours[n], theirs[n]) for n in ours)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_neuron_fires_in_every_step(threads: int) -> None:
    """Lists of spikes have room for this, with any delay and with the history that plasticity keeps."""
    size, steps = 2000, 1500
    for delay in (1.0, 7.0, 300.0):
        graph = ng.Graph()
        cells = graph.population("cells", ng.LIF(**ALWAYS), size)
        graph.connect(cells, cells, ng.Explicit(np.arange(size), np.arange(size)[::-1]), weight=0.5, delay=delay)
        few = graph.population("few", ng.LIF(**ALWAYS), 5)
        rule = ng.PairSTDP(a_plus=1e-4, a_minus=1e-4)
        graph.connect(cells, few, ng.FixedProbability(0.01), weight=0.5, delay=delay, plasticity=rule)
        graph.probe(cells)
        sim = ng.compile(graph, "numba", dt=1.0, threads=threads, share_above=0).run(steps)
        assert np.all(sim.spike_counts()["cells"] == steps) and np.all(sim.spike_counts()["few"] == steps)
        times, neurons = sim.spikes("cells")
        assert np.array_equal(times, np.repeat(np.arange(steps), size))
        assert np.array_equal(neurons, np.tile(np.arange(size), steps))


def test_beyond_the_window(networks: Any) -> None:
    """More steps than a window, at once and around its edge."""
    whole = networks.compiled(networks.plain(70)).run(1000.0)
    parts = networks.compiled(networks.plain(70))
    for steps in (4095, 1, 1, 4097, 1806):
        parts.run(steps * 0.1)
    assert networks.differences(whole, parts) == []
    reference = ng.compile(networks.plain(70), "reference", dt=0.1, dtype="float64", seed=3)
    reference.run({}, 10_000)
    at, who = np.nonzero(reference.recordings["cells.spike"].array()[:, 0])
    steps_found, found = whole.records["cells.spike"].result()
    assert np.array_equal(steps_found, at) and np.array_equal(found, who) and len(at) > 10_000


def test_a_hundred_thousand_steps(networks: Any) -> None:
    graph = ng.Graph()
    a = graph.population("a", ng.LIF(v_rest=1.1), 2)
    graph.population("noise", ng.NoiseCurrent(sigma=0.5), 2)
    graph.connect("noise", a)
    graph.connect(a, a, ng.Explicit([0], [1]), weight=0.5, delay=0.1)
    graph.probe(a)
    graph.probe(a, "v", every=1000, neurons=[1])
    one = networks.compiled(graph).run(10_000)
    many = networks.compiled(graph)
    for _ in range(100):
        many.run(100)
    assert one.step == 100_000 and networks.differences(one, many) == []
    assert one.trace("a", "v")[1].shape == (100, 1)


def test_sizes_around_the_parts_of_threads(networks: Any) -> None:
    """Parts are multiples of 64 neurons; some are empty."""
    for size in (1, 63, 64, 65, 127, 128, 129, 192, 193):
        graph = networks.plain(size)
        one = networks.compiled(graph).run(20)
        for threads in (2, 3, 4):
            shared = networks.compiled(graph, threads=threads, share_above=0).run(20)
            assert networks.differences(one, shared) == []


MANY = """
import sys
{first}
import neurograph as ng
from networks import compiled, differences, plain
print(differences(compiled(plain(300)).run(1), compiled(plain(300), threads=int(sys.argv[1]), share_above=0).run(1)))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "environment", "threads"),
    [("", {}, 100), ("import torch", {}, 5), ("import torch", {"OMP_THREAD_LIMIT": "1"}, 4),
     ("import torch", {"OMP_DYNAMIC": "true"}, 4), ("", {"OMP_NUM_THREADS": "1"}, 3)],
)  # fmt: skip
def test_more_threads_than_a_pool_gives(
    first: str, environment: dict[str, str], threads: int, finish: Callable[..., list[str]]
) -> None:
    """Threads that wait for each other must all be there, or a run would wait for ever."""
    limits = "import os; " + "; ".join(f"os.environ[{k!r}] = {v!r}" for k, v in environment.items())
    script = MANY.format(first=f"{limits}\n{first}")
    assert finish(script, threads) == ["[]"]


FORKED = """
import os
from networks import compiled, differences, plain
before = compiled(plain(), threads=2, share_above=0).run(5)
child = os.fork()
after = compiled(plain(), threads=2, share_above=0).run(5)
assert differences(before, after) == []
if child == 0:
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_after_a_fork(finish: Callable[..., list[str]]) -> None:
    assert finish(FORKED) == ["7"]


def test_two_simulations_at_once_do_not_disturb_each_other(networks: Any) -> None:
    sims = [networks.compiled(networks.mixed(), threads=2, share_above=0) for _ in range(2)]
    workers = [threading.Thread(target=lambda s=s: [s.run(2) for _ in range(10)]) for s in sims]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    whole = networks.compiled(networks.mixed()).run(20)
    assert [networks.differences(whole, s) for s in sims] == [[], []]
