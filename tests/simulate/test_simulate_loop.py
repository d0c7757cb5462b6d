"""Closed loops and values that are set between runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng


class Recorded:
    """An environment that keeps what it was told and gives the answers it is given."""

    def __init__(self, answer: Callable[[int], Any] = lambda call: ({}, {})):
        self.counts: list[dict[str, np.ndarray]] = []
        self.answer = answer

    def step(self, counts: dict[str, np.ndarray]) -> Any:
        self.counts.append(counts)
        return self.answer(len(self.counts))


@pytest.mark.parametrize("threads", [1, 2])
def test_counts_are_those_of_each_stretch(threads: int, networks: Any) -> None:
    sim = networks.compiled(networks.mixed(), threads=threads, share_above=0).run(5)
    loop = Recorded()
    sim.run(20.5, environment=loop, every=2)
    assert len(loop.counts) == 11  # the last stretch is a quarter as long
    times, neurons = sim.spikes("exc")
    edges = [50, *range(70, 251, 20), 255]
    for counts, low, high in zip(loop.counts, edges, edges[1:], strict=False):
        inside = (np.round(times / 0.1) >= low) & (np.round(times / 0.1) < high)
        assert set(counts) == {"exc", "inh", "source"}
        assert np.array_equal(counts["exc"], np.bincount(neurons[inside], minlength=200))
    assert networks.differences(sim, networks.compiled(networks.mixed()).run(25.5)) == []
    sim.run(1, environment=(every_step := Recorded()))  # every: one step
    assert len(every_step.counts) == 10


def test_what_is_answered_holds_from_the_next_step(networks: Any) -> None:
    def answer(call: int) -> Any:
        return {"cells.v_rest": float(call), "cells.v": 0.0}, {}

    graph = ng.Graph()
    graph.population("cells", ng.LIF(v_rest=0.0, threshold=1e9, tau=2.0), 3)
    graph.probe("cells", "v")
    sim = networks.compiled(graph)
    sim.run(10, environment=Recorded(answer), every=2.5)
    v = sim.trace("cells", "v")[1][:, 0]
    assert np.all(v[:25] == 0.0)
    for k in (1, 2, 3):  # the first step after an answer starts from what was set
        assert v[25 * k] == pytest.approx(k * 0.05, rel=1e-12)
        expected = k * (1.0 - 0.95 ** np.arange(1, 26))
        np.testing.assert_allclose(v[25 * k : 25 * (k + 1)], expected, rtol=1e-12)
    assert sim.get("cells.v_rest") == 4.0


def test_a_loop_is_its_parts(networks: Any) -> None:
    """Running through an environment that sets values is running and setting by hand."""

    def answer(call: int) -> Any:
        return {"source.rate": 100.0 * call, "target.v_th": -55.0 - call % 3}, {"reward": 0.1 * (call % 4)}

    looped, by_hand = networks.compiled(networks.reward()), networks.compiled(networks.reward(), threads=2)
    looped.run(30, environment=Recorded(answer), every=1.5)
    for call in range(1, 21):
        by_hand.run(1.5)
        values, signals = answer(call)
        for name, value in values.items():
            by_hand.set(name, value)
        by_hand.signal("reward", signals["reward"])
    assert networks.differences(looped, by_hand) == []
    assert looped.signals == by_hand.signals and looped.spike_counts()["target"].sum() > 50


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing": (None, ng.DataError, r"environment\.step\(counts\) returns two dicts"),
    "one dict": ({}, ng.DataError, r"returns two dicts"),
    "a list": ([{}, {}], ng.DataError, r"returns two dicts"),
    "not dicts": (({}, 1.0), ng.DataError, r"returns two dicts"),
    "three": (({}, {}, {}), ng.DataError, r"returns two dicts"),
    "an unknown parameter": (({"cells.tua": 1.0}, {}), ng.DataError, r"'cells' has no 'tua'; it has v, .*tau"),
    "an unknown population": (({"sells.tau": 1.0}, {}), ng.DataError, r"give population\.parameter.* cells"),
    "an unknown signal": (({}, {"joy": 1.0}), ng.DataError, r"no plasticity rule follows a signal 'joy'; known: none"),
    "a bad value": (({"cells.tau": 0.0}, {}), ng.SpecError, r"tau must be above 0"),
    "a bad shape": (({"cells.tau": np.ones(7)}, {}), ng.ShapeError, r"'tau' has shape \(7,\)"),
    "a bad state": (({"cells.v": np.ones(7)}, {}), ng.DataError, r"cells\.v: shape \(7,\) does not fit.*\(20,\)"),
    "no number": (({"cells.v": "high"}, {}), ng.DataError, r"cells\.v: 'high'; a state is a finite number"),
    "not finite": (({"cells.v": np.nan}, {}), ng.DataError, r"cells\.v: nan; a state is a finite number"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused_and_the_run_can_go_on(name: str, networks: Any) -> None:
    answer, error, message = BAD[name]
    sim = networks.compiled(networks.plain(20))
    with pytest.raises(error, match=message):
        sim.run(10, environment=Recorded(lambda call: answer), every=2)
    assert sim.step == 20
    assert networks.differences(sim.run(8), networks.compiled(networks.plain(20)).run(10)) == []


def test_strides(networks: Any) -> None:
    sim = networks.compiled(networks.plain(20))
    for every, message in ((0.0, "less than one step"), (-1, "less than one step"), (np.nan, "a duration is a number")):
        with pytest.raises(ng.DataError, match=message):
            sim.run(1, environment=Recorded(), every=every)
    assert sim.step == 0
    sim.run(1, environment=(once := Recorded()), every=100)
    assert len(once.counts) == 1 and sim.step == 10


# setting


def cells(dtype: str = "float64", seed: int = 3, rate: Any = 900.0, **values: Any) -> Any:
    """A population driven by counts that it reads one to one, and by spikes."""
    graph = ng.Graph()
    neuron = ng.PscExpLIF(**{"tau_m": 12.0, "i_e": 200.0, "t_ref": 3.0, **values})
    population = graph.population("cells", neuron, 40)
    source = graph.population("source", ng.Poisson(rate=rate), 40)
    graph.connect(source, population["exc"], weight=70.0, delay=0.3)
    graph.connect(population, population["exc"], ng.FixedProbability(0.3), weight=40.0, delay=1.0)
    graph.probe(population, "spike", "v")
    return ng.compile(graph, "numba", dt=0.1, dtype=dtype, seed=seed)


PER_NEURON = np.linspace(0.5, 20.0, 40)
CHANGES: dict[str, list[tuple[str, Any]]] = {
    "a number": [("tau_m", 17.0)],
    "to 0 and back": [("t_ref", 0.0), ("t_ref", 3.0)],
    "to 0": [("t_ref", 0.0)],
    "to 1": [("tau_exc", 1.0)],
    "to a power of two": [("tau_m", 16.0)],
    "an array": [("tau_m", PER_NEURON)],
    "an array and a number": [("tau_m", PER_NEURON), ("tau_m", 1.0)],
    "two arrays": [("tau_m", PER_NEURON), ("tau_m", PER_NEURON[::-1])],
    "a list": [("i_e", PER_NEURON.tolist())],
    "a whole number": [("tau_m", 20)],
    "a NumPy number": [("tau_m", np.float32(7.5))],
    "several": [("v_th", -52.0), ("v_reset", -65.0), ("i_e", 0.0), ("c_m", 1.0)],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_value_set_is_a_value_declared(name: str, dtype: str, networks: Any, tmp_path: Path) -> None:
    changes = CHANGES[name]
    sim = cells(dtype).run(30)
    state = {s: sim.get(f"cells.{s}") for s in ("v", "refractory", "i_exc", "i_inh")}
    for key, value in changes:
        sim.set(f"cells.{key}", value)
        assert np.array_equal(sim.get(f"cells.{key}"), value)
    fresh = cells(dtype, **dict(changes)).run(30)
    for unit, other in zip(fresh.engine.units.values(), sim.engine.units.values(), strict=True):
        for ring, theirs in zip(unit.rings.values(), other.rings.values(), strict=True):
            ring.values[...] = theirs.values
    for key, value in state.items():
        fresh.set(f"cells.{key}", value)
    before = networks.state_of(fresh)
    sim.run(30), fresh.run(30)
    assert not np.array_equal(before["cells.v"], networks.state_of(fresh)["cells.v"])
    for key in ("cells.v", "cells.refractory", "cells.i_exc", "cells ring exc", "cells ring exc+"):
        assert np.array_equal(networks.state_of(sim)[key], networks.state_of(fresh)[key]), key
    for ours, theirs in zip(sim.spikes("cells"), fresh.spikes("cells"), strict=True):
        late = [
            x[np.round(t / 0.1) >= 300] for x, t in ((ours, sim.spikes("cells")[0]), (theirs, fresh.spikes("cells")[0]))
        ]
        assert np.array_equal(*late)


@pytest.mark.parametrize("rate", [0.0, 1.0, 5000, PER_NEURON * 100, 2e6])
def test_a_rate_set_is_a_rate_declared(rate: Any, networks: Any) -> None:
    sim, fresh = cells(rate=900.0), cells(rate=rate)
    sim.set("source.rate", rate)
    assert np.array_equal(sim.get("source.rate"), rate)
    assert networks.differences(sim.run(20), fresh.run(20)) == []
    sim.set("source.rate", 900.0), fresh.set("source.rate", 900.0)
    assert networks.differences(sim.run(20), fresh.run(20)) == []


def test_states(networks: Any) -> None:
    graph = ng.Graph()
    graph.population("cells", ng.LIF(v_rest=1.0, threshold=9.0), (2, 3))
    sim = networks.compiled(graph)
    sim.set("cells.v", np.arange(6.0).reshape(2, 3))
    assert np.array_equal(sim.get("cells.v"), np.arange(6.0).reshape(2, 3))
    sim.set("cells.v", [[1.0], [2.0]])
    assert np.array_equal(sim.get("cells.v"), [[1.0] * 3, [2.0] * 3])
    sim.set("cells.v", 5)
    sim.run(0.1)
    assert np.allclose(sim.get("cells.v"), 5.0 - 4.0 / 2.0 * 0.1)
    with pytest.raises(ng.DataError, match=r"shape \(6,\) does not fit the population's \(2, 3\)"):
        sim.set("cells.v", np.zeros(6))


def test_learnable_parameters_are_numbers_here() -> None:
    graph = ng.Graph()
    graph.population("cells", ng.PLIF(v_rest=2.0, tau=4.0), 3)
    graph.population("many", ng.LIF(tau=ng.learnable(np.array([2.0, 3.0, 4.0]), per="neuron"), v_rest=2.0), 3)
    sim = ng.compile(graph, "numba").run(20)
    assert sim.get("cells.w") == pytest.approx(-np.log(3.0)) and np.array_equal(sim.get("many.tau"), [2.0, 3.0, 4.0])
    reference = ng.compile(graph, "reference", dtype="float32")
    _, state = reference.run({}, 20)
    assert np.array_equal(sim.get("cells.v"), state["cells.v"][0]) and np.array_equal(
        sim.get("many.v"), state["many.v"][0]
    )
    sim.set("cells.w", sim.get("cells.w"))
    with pytest.raises(ng.DataError, match="a simulation learns by plasticity rules"):
        sim.set("cells.w", ng.learnable(1.0))


def test_parameters_of_a_rule(networks: Any) -> None:
    sim = networks.compiled(networks.reward()).run(10)
    with pytest.raises(ng.DataError, match="single numbers"):
        sim.set("taught.a_plus", np.ones(3))
    with pytest.raises(ng.DataError, match="w_min at most w_max"):
        sim.set("taught.w_max", -1.0)
    with pytest.raises(ng.DataError, match="'taught.a_plsu'"):
        sim.set("taught.a_plsu", 1.0)
    assert sim.get("taught.w_max") == 5.0
    sim.set("taught.w_max", 2.0)
    assert sim.get("taught.w_max") == 2.0


@pytest.mark.parametrize("interval", [0.1, 1.0, 2.5])
def test_the_interval_of_a_rule(interval: float, networks: Any) -> None:
    """What happens every interval happens every interval that was set."""

    def scaled(every: float) -> Any:
        graph = ng.Graph()
        source = graph.population("source", ng.Poisson(rate=500.0), 20)
        target = graph.population("target", ng.PscDeltaLIF(), 10)
        rule = ng.PairSTDP(w_max=9.0, a_plus=0.5, a_minus=0.2, total=30.0, interval=every)
        graph.connect(source, target["input"], ng.AllToAll(), weight=2.0, delay=1.0, plasticity=rule, name="p")
        return networks.compiled(graph)

    sim, fresh = scaled(7.0), scaled(interval)
    sim.set("p.interval", interval)
    assert networks.differences(sim.run(20.3), fresh.run(20.3)) == []
    assert networks.differences(sim, scaled(7.0).run(20.3)) != []


def test_names_that_are_not_there(networks: Any) -> None:
    sim = networks.compiled(networks.mixed())
    for call in (sim.get, lambda n: sim.set(n, 1.0)):
        with pytest.raises(ng.DataError, match=r"'exc\.vv': 'exc' has no 'vv'; it has .*v, i_exc.*tau_m"):
            call("exc.vv")
        for name in ("v", "", "exc", "exc.v.w", "nobody.v"):
            with pytest.raises(ng.DataError, match=r"give population\.parameter, with a population of .*exc"):
                call(name)
        with pytest.raises(ng.DataError, match=r"projection 'stdp' has no 'tau'; it has weight, .*tau_plus.*x, y"):
            call("stdp.tau")
    with pytest.raises(ng.DataError, match=r"no projection 'stp' with a connectivity rule; there are .*stdp, graded"):
        sim.synapses("stp")
    with pytest.raises(ng.BackendError, match=r"no population 'x'; there are .*exc"):
        sim.source("x")
    assert "def run(" in sim.source("exc") and "exc" in sim.summary()


def test_setting_often_costs_no_memory(networks: Any) -> None:
    """A closed loop sets rates a million times."""
    sim = networks.compiled(networks.reward())
    before = len(sim.engine.described), len(sim.engine.updates), len(sim.engine.deliveries)
    for k in range(50):
        sim.set("source.rate", 100.0 + k), sim.set("target.v_th", -55.0 + k / 100), sim.set("taught.a_plus", 0.1 + k)
    assert before == (len(sim.engine.described), len(sim.engine.updates), len(sim.engine.deliveries))
