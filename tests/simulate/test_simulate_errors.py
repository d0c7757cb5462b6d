"""Mistakes in circuits and runs: what is wrong, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

HERE = r"[^\s(]*test_simulate_errors\.py:\d+"


def circuit(*operators: Any, same: bool = False, size: int = 10, **options: Any) -> Any:
    """Compiled: population a, projected to b (or to itself)."""
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(v_rest=1.0), 10)
    graph.population("b", ng.LIF(), size)
    graph.connect("a", "a" if same else "b", *operators, **options)
    graph.probe("b", "v")
    return simulated(graph)


def simulated(graph: ng.Graph, **options: Any) -> Any:
    return ng.compile(graph, "numba", **{"dt": 0.1, **options})


def ring(delay: float) -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 4), graph.population("b", ng.LIF(), 4)
    graph.connect("a", "b", ng.AllToAll())
    graph.connect("b", "a", ng.AllToAll(), delay=delay)
    return simulated(graph)


def with_output() -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 4)
    graph.connect("a", graph.output("y"))
    return simulated(graph)


def behind_an_operator() -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), (2, 5)), graph.population("b", ng.LIF(), 10)
    graph.connect("a", "b", ng.Flatten(), ng.AllToAll())
    return simulated(graph)


def listed(*neurons: int) -> Any:
    graph = ng.Graph("net")
    graph.population("source", ng.SpikeList([1.0] * len(neurons), list(neurons)), 10)
    return simulated(graph)


def plastic(delay: float) -> Any:
    return circuit(ng.AllToAll(), delay=delay, plasticity=ng.PairSTDP())


def joined() -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 4), graph.population("b", ng.LIF(), 8, combine="concat")
    graph.connect("a", "b"), graph.connect("a", "b")
    return simulated(graph)


def misspelt() -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.HH(), 4), graph.population("b", ng.LIF(), 4)
    graph.probe("a", "spiek")
    return simulated(graph)


def lif(**options: Any) -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(v_rest=1.0), 4)
    return simulated(graph, **options)


def defined() -> Any:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(v_rest=1.0), 4)
    return ng.compile(graph, "reference", dt=0.1)


def probed(**options: Any) -> None:
    graph = ng.Graph("net")
    graph.population("a", ng.LIF(), 4)
    graph.probe("a", **options)


def into_a_source() -> None:
    graph = ng.Graph("net")
    graph.population("source", ng.SpikeList([1.0], [0]), 4), graph.population("a", ng.LIF(), 4)
    graph.connect("a", "source", ng.AllToAll())


def conducting(port: str, *operators: Any, **options: Any) -> Any:
    graph = ng.Graph("net")
    graph.population("exc", ng.LIF(), 4), graph.population("cond", ng.CondExpLIF(), 4)
    graph.connect("exc", f"cond:{port}", *operators, **options)
    return simulated(graph)


sparse = ng.Explicit
# name -> (class, what the message must match, what goes wrong)
CASES: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "a delay that vanishes": (
        ng.GraphError, rf"'a_to_b' \({HERE}\): delay 0.01 is less than half a step of dt=0.1.*smaller dt",
        lambda: circuit(ng.AllToAll(), delay=0.01)),
    "single delays that vanish": (
        ng.GraphError, r"delays given go down to 0 steps of dt=0.1; .*longer delays or a smaller dt",
        lambda: circuit(sparse([0, 1], [2, 3], delay=[1.0, 0.02]))),
    "single delays of nothing": (
        ng.SpecError, rf"{HERE}: delay holds 0; .*connect with delay=0",
        lambda: circuit(sparse([0, 1], [2, 3], delay=[1.0, 0.0]))),
    "drawn delays that vanish": (
        ng.GraphError, rf"'a_to_b.synapses' \({HERE}\): delay=Normal.*less than half a step of dt=0.1.*low=0.1",
        lambda: circuit(ng.AllToAll(), delay=ng.Normal(0.3, 1.0))),
    "a negative delay": (
        ng.GraphError, rf"a -> b \({HERE}\): delay=-1.0; a delay is a finite number >= 0",
        lambda: circuit(ng.AllToAll(), delay=-1.0)),
    "a delay that is no number": (
        ng.GraphError, r"delay=nan; a delay is a finite number >= 0", lambda: circuit(ng.AllToAll(), delay=np.nan)),
    "negative single delays": (
        ng.SpecError, r"delay holds -2; ", lambda: circuit(sparse([0, 1], [2, 3], delay=[1.0, -2.0]))),
    "a cycle without delay": (
        ng.GraphError, rf"cycle without delay: (a -> b -> a|b -> a -> b) \({HERE}, {HERE}\).*delay=0.1 or more",
        lambda: ring(0.0)),
    "itself without delay": (
        ng.GraphError, rf"cycle without delay: a -> a \({HERE}\)", lambda: circuit(ng.AllToAll(), same=True)),
    "a probability above 1": (
        ng.SpecError, rf"FixedProbability\(p=1.5\) at {HERE}: .*from 0 to 1", lambda: circuit(ng.FixedProbability(1.5))),
    "a probability below 0": (
        ng.SpecError, r"FixedProbability\(p=-0.1\).*from 0 to 1", lambda: circuit(ng.FixedProbability(-0.1))),
    "a probability that is no number": (
        ng.SpecError, r"FixedProbability\(p=nan\).*from 0 to 1", lambda: circuit(ng.FixedProbability(np.nan))),
    "more sources than there are": (
        ng.SpecError, rf"'a_to_b.synapses' \({HERE}\): FixedInDegree\(11.*needs 11 different.*multapses=True",
        lambda: circuit(ng.FixedInDegree(11, multapses=False))),
    "more sources than there are besides itself": (
        ng.SpecError, r"needs 10 different.*there are 9 besides itself.*multapses=True",
        lambda: circuit(ng.FixedInDegree(10, multapses=False, autapses=False), same=True, delay=1.0)),
    "weights of another length": (
        ng.ShapeError, rf"Explicit\(weight=...\) at {HERE}: shape \(3,\) for 2 synapses; give one number per synapse",
        lambda: circuit(sparse([0, 1], [2, 3], weight=np.ones(3)))),
    "weights of another length in connect": (
        ng.ShapeError, rf"'a_to_b.synapses' \({HERE}\): weight has shape \(3,\).*needs \(2,\)",
        lambda: circuit(sparse([0, 1], [2, 3]), weight=np.ones(3))),
    "weights where there is no order": (
        ng.SpecError, r"weight is an array, but the synapses of FixedProbability.*Explicit",
        lambda: circuit(ng.FixedProbability(0.5), weight=np.ones(3))),
    "weights that are not finite": (
        ng.SpecError, r"weights must be finite", lambda: circuit(sparse([0, 1], [2, 3], weight=[1.0, np.inf]))),
    "two weights": (
        ng.SpecError, r"has a weight for each synapse already; leave out weight=2.0",
        lambda: circuit(sparse([0, 1], [2, 3], weight=[1.0, 1.0]), weight=2.0)),
    "two delays": (
        ng.GraphError, rf"a -> b \({HERE}\): Explicit\(.*has delays of its own; leave out delay=",
        lambda: circuit(sparse([0, 1], [2, 3], delay=[1.0, 1.0]), delay=2.0)),
    "a target outside": (
        ng.SpecError, rf"\({HERE}\): Explicit\(.*has post\[1\] = 10, but that population has 10 neurons.*0 to 9",
        lambda: circuit(sparse([0, 1], [2, 10]))),
    "a source outside": (
        ng.SpecError, r"has pre\[0\] = 12, but that population has 10 neurons", lambda: circuit(sparse([12, 1], [2, 3]))),
    "a negative target": (
        ng.SpecError, r"-1 is no index of a neuron; indices run from 0", lambda: circuit(sparse([0, 1], [2, -1]))),
    "plasticity without delay": (
        ng.GraphError, rf"a -> b \({HERE}\): plasticity needs a connectivity rule and one delay above 0",
        lambda: plastic(0.0)),
    "plasticity without a rule": (
        ng.GraphError, r"plasticity needs a connectivity rule", lambda: circuit(delay=1.0, plasticity=ng.PairSTDP())),
    "plasticity with single delays": (
        ng.GraphError, r"one delay above 0 for all its synapses",
        lambda: circuit(ng.AllToAll(), delay=ng.Uniform(1.0, 2.0), plasticity=ng.PairSTDP())),
    "a rule and another operator": (
        ng.GraphError, rf"a -> b \({HERE}\): a connectivity rule makes all the synapses, so it stands alone",
        lambda: circuit(ng.AllToAll(), ng.OneToOne(2.0))),
    "an operator and a rule": (ng.GraphError, r"so it stands alone", behind_an_operator),
    "dense": (
        ng.BackendError, rf"\({HERE}\) in a circuit without inputs on backend 'numba': Dense.*works on whole images.*rule",
        lambda: circuit(ng.Dense(10))),
    "a convolution": (
        (ng.BackendError, ng.ShapeError), r"Conv2d", lambda: circuit(ng.Conv2d(3, 3))),  # type: ignore[dict-item]
    "an output": (
        ng.BackendError, rf"'y' \({HERE}\) in a circuit.*readout is not part of a circuit; declare probes", with_output),
    "concat": (ng.BackendError, rf"'b' \({HERE}\) in a circuit.*concat", joined),
    "an unknown probe": (
        ng.GraphError, rf"probe\('a', 'spiek'\) at {HERE}: HH has no such variable; recordable are .*spike", misspelt),
    "a probe of no population": (
        ng.GraphError, rf"probe\('c'\) at {HERE}: not a population; known: a", 
        lambda: (g := ng.Graph(), g.population("a", ng.LIF(), 2), g.probe("c"))),
    "every": (
        ng.GraphError, r"every=0\).*a whole number of steps, 1 or more",
        lambda: (g := ng.Graph(), g.population("a", ng.LIF(), 2), g.probe("a", every=0))),
    "a mask of neurons": (
        ng.GraphError, rf"probe\('a', neurons=...\) at {HERE}: .*give numbers of neurons.*flatnonzero",
        lambda: probed(neurons=np.array([True, False, False, True]))),
    "a slice of neurons": (
        ng.GraphError, r"slice\(0, 2, None\); give numbers of neurons.*range\(10\)", lambda: probed(neurons=slice(0, 2))),
    "a size that is no whole number": (
        ng.GraphError, rf"'a' at {HERE}: shape 4.0; give whole numbers", lambda: ng.Graph().population("a", ng.LIF(), 4.0)),
    "a projection to a source": (
        ng.GraphError, rf"connect\(\) at {HERE}: 'source' is a source \(SpikeList\); nothing enters it", into_a_source),
    "a rule's class": (
        ng.SpecError, r"AllToAll'> is not an operator.*Did you mean AllToAll\(...\)\?", lambda: circuit(ng.AllToAll)),
    "a synapse by its name": (
        ng.SpecError, r"synapse='Exponential' is not a Synapse", lambda: circuit(ng.AllToAll(), synapse="Exponential")),
    "a negative conductance": (
        ng.SpecError, rf"'exc_to_cond.synapses' \({HERE}\): weight -67 at port 'inh' of 'cond' \(CondExpLIF\).*at least 0.*low=0",
        lambda: conducting("inh", ng.AllToAll(), weight=-67.0)),
    "a negative conductance among others": (
        ng.SpecError, r"weight -2 at port 'exc' of 'cond'",
        lambda: conducting("exc", sparse([0, 1], [1, 0], weight=[1.0, -2.0]))),
    "a drawn negative conductance": (
        ng.SpecError, r"weight -\S+ at port 'exc' of 'cond'.*low=0",
        lambda: conducting("exc", ng.AllToAll(), weight=ng.Normal(1.0, 2.0))),
    "a negative conductance one to one": (
        ng.SpecError, r"projection exc -> cond .*weight -3 at port 'exc' of 'cond'", lambda: conducting("exc", weight=-3.0)),
    "a negative conductance behind a synapse": (
        ng.SpecError, r"weight -1 at port 'exc'",
        lambda: conducting("exc", ng.AllToAll(), weight=-1.0, synapse=ng.Exponential())),
    "plastic weights above their bound": (
        ng.SpecError, rf"'a_to_b.synapses' \({HERE}\): weights from 5 to 5, but PairSTDP.*w_min=0 to w_max=1.*w_max=",
        lambda: circuit(ng.AllToAll(), delay=1.0, weight=5.0, plasticity=ng.PairSTDP())),
    "plastic weights below their bound": (
        ng.SpecError, r"weights from -\S+ to \S+, but PairSTDP keeps them from w_min=0",
        lambda: circuit(ng.AllToAll(), delay=1.0, weight=ng.Normal(0.3, 0.3), plasticity=ng.PairSTDP(w_max=5.0))),
    "a drawn parameter": (
        ng.SpecError, rf"LIF\(tau=Normal\(mean=20, sd=2\)\) at {HERE}: .*parameters are given: an array",
        lambda: ng.LIF(tau=ng.Normal(20.0, 2.0))),
    "a listed neuron outside": (
        ng.SpecError, r"population 'source': its event list names neuron 10, but it has 10 neurons", lambda: listed(3, 10)),
    "a negative listed neuron": (
        ng.SpecError, r"population 'source': its event list names neuron -1, but it has 10", lambda: listed(3, -1)),
    "sizes of one to one": (
        ng.ShapeError, rf"'a_to_b' \({HERE}\): it brings shape \(10,\) to population 'b' .*shape \(7,\)",
        lambda: circuit(weight=1.0, size=7)),
    "threads=0": (ng.BackendError, r"threads=0: a whole number from 1", lambda: lif(threads=0)),
    "threads=-1": (ng.BackendError, r"threads=-1: a whole number", lambda: lif(threads=-1)),
    "threads=2.0": (ng.BackendError, r"threads=2.0: a whole number", lambda: lif(threads=2.0)),
    "threads=True": (ng.BackendError, r"threads=True: a whole number", lambda: lif(threads=True)),
    "too many threads": (ng.BackendError, r"threads=100000: a whole number from 1 to", lambda: lif(threads=100_000)),
    "share_above": (ng.BackendError, r"share_above='x'", lambda: lif(share_above="x")),
    "an unknown option": (
        ng.BackendError, r"a circuit on backend 'numba' has no option treads", lambda: lif(treads=2)),
    "steps": (ng.BackendError, r"takes no steps= or weights=", lambda: lif(steps=3)),
    "weights": (ng.BackendError, r"takes no steps= or weights=", lambda: lif(weights={})),
    "dtype": (ng.BackendError, r"float32 or float64, not 'float16'", lambda: lif(dtype="float16")),
    "device": (ng.BackendError, r"runs on the CPU only, not on 'cuda'", lambda: lif(device="cuda")),
    "dt=0": (ng.GraphError, r"dt=0: the step length", lambda: lif(dt=0)),
    "dt=nan": (ng.GraphError, r"dt=nan: the step length", lambda: lif(dt=float("nan"))),
    "seed=None": (ng.GraphError, r"seed=None: a seed is a whole number", lambda: lif(seed=None)),
    "seed=0.5": (ng.GraphError, r"seed=0.5: a seed is a whole number", lambda: lif(seed=0.5)),
    "a time for steps": (
        ng.DataError, r"this program has no inputs.*in steps: run\(\{\}, steps=1000\)", lambda: defined().run(100.0)),
    "steps that are no whole number": (
        ng.DataError, r"steps=10.0: .*whole number of them", lambda: defined().run({}, 10.0)),
    "an input where there is none": (
        ng.DataError, r"unknown input 'x'; this program takes none", lambda: defined().run({"x": np.ones(1)}, 10)),
    "no network": (ng.GraphError, r"compile\(\) takes a Graph", lambda: simulated("net")),  # type: ignore[arg-type]
    "an empty graph": (ng.GraphError, r"is empty", lambda: simulated(ng.Graph("net"))),
    "run(0)": (ng.DataError, r"run\(0\): less than one step of dt=0.1", lambda: lif().run(0)),
    "run(-1)": (ng.DataError, r"run\(-1\): less than one step", lambda: lif().run(-1)),
    "run(0.04)": (ng.DataError, r"run\(0.04\): less than one step", lambda: lif().run(0.04)),
    "run(nan)": (ng.DataError, r"run\(nan\): a duration is a number", lambda: lif().run(float("nan"))),
    "run(inf)": (ng.DataError, r"run\(inf\): a duration is a number", lambda: lif().run(float("inf"))),
    "run(text)": (ng.DataError, r"run\('5'\): a duration is a number", lambda: lif().run("5")),
    "run(True)": (ng.DataError, r"run\(True\): a duration is a number", lambda: lif().run(True)),
    "save_every alone": (ng.DataError, r"save_to= where: give both", lambda: lif().run(5, save_every=1)),
    "a rate below 0": (ng.SpecError, r"Poisson\(rate=-1\).*at least 0", lambda: ng.Poisson(rate=-1.0)),
    "a delay beyond memory": (
        ng.BackendError, r"'b': a delay of \d+ steps for 10 neurons needs a ring of \d+ entries; .*shorter delays",
        lambda: circuit(ng.AllToAll(), delay=5e7)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_message(name: str) -> None:
    kind, message, mistake = CASES[name]
    with pytest.raises(kind) as found:
        mistake()
    assert re.search(message, str(found.value), re.S), str(found.value)


def test_a_mistake_leaves_the_simulation_as_it_was(tmp_path: Path) -> None:
    sim, other = lif(dtype="float64"), lif(dtype="float64")
    sim.run(3)
    for call in (lambda: sim.run(0), lambda: sim.run(1, record_to=tmp_path), lambda: sim.set("a.tau", -1.0)):
        with pytest.raises(ng.NeuroGraphError):
            call()
    assert np.array_equal(sim.run(4).get("a.v"), other.run(7).get("a.v"))


def test_numpy_numbers_are_numbers() -> None:
    graph = ng.Graph("net")
    a = graph.population("a", ng.LIF(v_rest=1.0), np.int64(4))
    graph.connect(a, a, ng.AllToAll(), delay=np.float32(0.5), weight=np.float64(0.1), plasticity=ng.PairSTDP())
    graph.connect(a, a, weight=0.1, delay=np.int64(1))
    graph.probe(a, "v", neurons=np.int32(2))
    sim = simulated(graph).run(3)
    assert sim.trace("a", "v")[1].shape == (30, 1) and np.all(sim.synapses("a_to_a")[3] == 5)


@pytest.mark.parametrize("duration", [3, 3.0, np.int64(3), np.float32(3.0), np.float64(3.0)])
def test_numbers_of_any_kind(duration: Any) -> None:
    assert lif().run(duration).step == 30
