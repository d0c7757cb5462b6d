"""Circuits for the tests of the simulator, importable by the processes that they start."""

from __future__ import annotations

from typing import Any

import numpy as np

import neurograph as ng

DT = 0.1


def compiled(graph: ng.Graph, dtype: str = "float64", **options: Any) -> Any:
    return ng.compile(graph, backend="numba", dt=DT, dtype=dtype, **{"seed": 3, "threads": 1, **options})


def mixed(size: int = 200, *, plastic: bool = True) -> ng.Graph:
    """Two populations and two sources with every kind of connection that the simulator has."""
    rng, graph = np.random.default_rng(0), ng.Graph("mixed")
    exc = graph.population("exc", ng.PscExpLIF(v=ng.Uniform(-70.0, -56.0), i_e=rng.uniform(400.0, 700.0, size)), size)
    inh = graph.population("inh", ng.CondExpLIF(tau_exc=1.0), 70)
    source = graph.population("source", ng.Poisson(rate=rng.uniform(200.0, 900.0, size), weight=0.5), size)
    noise = graph.population("noise", ng.NoiseCurrent(sigma=200.0), 70)
    graph.connect(noise, inh["current"])
    graph.connect(source, exc["exc"], weight=rng.uniform(50.0, 200.0, size), delay=0.7)
    graph.connect(source, exc["exc"], weight=20.0, delay=2.2)
    graph.connect(source, inh["exc"], ng.FixedProbability(0.05), weight=ng.Normal(6.0, 1.0, low=0.0), delay=1.5)
    graph.connect(
        exc, inh["exc"], ng.FixedProbability(0.1), weight=ng.Uniform(4.0, 15.0), delay=ng.Uniform(0.4, 3.0),
        synapse=ng.TsodyksMarkram(),
    )  # fmt: skip
    graph.connect(
        inh, exc["inh"], ng.FixedProbability(0.2), weight=-4.0, delay=0.8, synapse=ng.Exponential(tau=3.0), name="back"
    )
    if plastic:
        rule = ng.PairSTDP(w_max=60.0, a_plus=2.0, a_minus=2.1)
        graph.connect(
            exc,
            exc["exc"],
            ng.FixedProbability(0.1),
            weight=ng.Uniform(0.0, 60.0),
            delay=1.5,
            plasticity=rule,
            name="stdp",
        )
        graph.connect(
            source, exc["exc"], ng.FixedProbability(0.05), weight=20.0, delay=1.2, plasticity=rule, name="graded"
        )
    graph.probe("exc", "spike", "v")
    graph.probe("exc", "i_exc", neurons=[7, 3, 199], every=7)
    graph.probe("inh", "spike")
    return graph


def reward() -> ng.Graph:
    """Two populations whose synapses follow a reward."""
    graph = ng.Graph("reward")
    source = graph.population("source", ng.Poisson(rate=300.0), 20)
    target = graph.population("target", ng.PscDeltaLIF(), 10)
    graph.connect(
        source, target["input"], ng.AllToAll(), weight=2.0, delay=1.0, name="taught",
        plasticity=ng.RewardSTDP(w_max=5.0),
    )  # fmt: skip
    graph.probe(target)
    return graph


def plain(size: int = 300) -> ng.Graph:
    """One population that excites itself; the weights are dyadic, so sums are exact in any order."""
    graph = ng.Graph("plain")
    cells = graph.population("cells", ng.LIF(v_rest=np.linspace(0.4, 1.5, size), tau=3.0), size)
    graph.connect(cells, cells, ng.FixedProbability(0.05), weight=0.03125, delay=0.5)
    graph.probe(cells, "spike", "v")
    return graph


def state_of(sim: Any) -> dict[str, np.ndarray]:
    """Everything that a simulation goes on from; the same names for any number of threads."""
    state = {f"{n}.{s}": sim.get(f"{n}.{s}") for n, u in sim.engine.units.items() for s in u.states}
    state |= {f"{n} ring {r}": ring.values.copy() for n, u in sim.engine.units.items() for r, ring in u.rings.items()}
    state |= {f"{n} tally": u.tally.copy() for n, u in sim.engine.units.items()}
    for name, plastic in sim.engine.plastic.items():
        state |= {f"{name} {n}": np.array(a) for n, a in plastic.state().items()}
    return state


def differences(a: Any, b: Any) -> list[str]:
    """What is not the same, to the last bit, in the states and records of two simulations."""
    ours, theirs = state_of(a), state_of(b)
    assert set(ours) == set(theirs) and set(a.records) == set(b.records) and a.step == b.step
    out = [n for n in ours if not np.array_equal(ours[n], theirs[n])]
    for key, record in a.records.items():
        for x, y in zip(record.result(), b.records[key].result(), strict=True):
            if x.dtype != y.dtype or not np.array_equal(x, y):
                out.append(f"record of {key}")
    return out
