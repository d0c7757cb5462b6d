"""Circuits on the simulator, the reference and torch: the same spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import neurograph as ng

SIZE, STEPS = 70, 400

# port -> what drives it: noise (mean, sigma, tau) or counts (rate, weight); ports that are not named get NOISE
NOISE = ("noise", 0.6, 1.5)
MILLIVOLTS = {"exc": ("counts", 900.0, 300.0), "inh": ("counts", 300.0, -90.0), "current": ("noise", 300.0, 200.0)}
SIEMENS = {"exc": ("counts", 900.0, 60.0), "inh": ("counts", 300.0, 5.0), "current": ("noise", 300.0, 200.0)}
DRIVES: dict[str, dict[str, tuple[str, float, float]]] = {
    "PscExpLIF": MILLIVOLTS,
    "PscAlphaLIF": MILLIVOLTS,
    "GIF": MILLIVOLTS,
    "PscDeltaLIF": {"input": ("counts", 500.0, 4.0), "current": ("noise", 200.0, 200.0)},
    "CondExpLIF": SIEMENS,
    "CondAlphaLIF": SIEMENS,
    "HH": SIEMENS | {"exc": ("counts", 300.0, 20.0)},
    "AdEx": SIEMENS | {"current": ("noise", 800.0, 300.0)},
    "BrainCogAEIF": {"current": ("noise", 900.0, 300.0)},
    "HHClassic": {"current": ("noise", 800.0, 600.0)},
    "Izhikevich": {"input": ("counts", 300.0, 4.0), "current": ("noise", 10.0, 8.0)},
    "ALIF": {"input": ("noise", 30.0, 20.0)},
    "ThreeCompCond": {
        f"{part}_{kind}": drive
        for part in ("soma", "basal", "apical")
        for kind, drive in (SIEMENS | {"current": ("noise", 600.0, 300.0)}).items()
    },
}
STEP_LENGTH = {"HHClassic": 0.01}  # Euler's rule needs a short step there


def driven(neuron: ng.Neuron, one: str | None = None) -> ng.Graph:
    """One population with its own source for each port, or for one of them."""
    graph, drives = ng.Graph("driven"), DRIVES.get(type(neuron).__name__, {})
    population = graph.population("n", neuron, SIZE)
    for port in neuron.inputs if one is None else (one,):
        kind, a, b = drives.get(port, NOISE)
        made = ng.NoiseCurrent(mean_current=a, sigma=b) if kind == "noise" else ng.Poisson(rate=a, weight=b)
        graph.connect(graph.population(f"to_{port}", made, SIZE), population[port])
    graph.probe(population, *neuron.outputs)
    return graph


def agree(graph: ng.Graph, name: str, dtype: str, dt: float = 0.1, steps: int = STEPS) -> int:
    """Every output of every step and the last states, on simulator and reference; how often an output was not 0."""
    sim = ng.compile(graph, "numba", dt=dt, dtype=dtype, seed=5)
    reference = ng.compile(graph, "reference", dt=dt, dtype=dtype, seed=5)
    sim.run(steps * dt)
    _, final = reference.run({}, steps)
    found = 0
    for key, recording in reference.recordings.items():
        expected = recording.array().reshape(steps, -1)
        first, second = sim.records[key].result()
        if key.endswith(".spike"):
            at, who = np.nonzero(expected)
            assert np.array_equal(first, at) and np.array_equal(second, who), key
        else:
            assert np.array_equal(second, expected), key
        found += np.count_nonzero(expected)
    for state in graph.nodes[name].neuron.states:  # type: ignore[union-attr]
        assert np.array_equal(sim.get(f"{name}.{state}"), final[f"{name}.{state}"][0]), state
    return found


def test_the_drives_are_those_of_neurons_that_exist() -> None:
    for name, ports in DRIVES.items():
        assert set(ports) == set(ng.NEURONS[name].inputs), name


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(ng.NEURONS))
def test_every_neuron_driven_at_all_its_ports(name: str, dtype: str) -> None:
    neuron = ng.NEURONS[name]()
    assert agree(driven(neuron), "n", dtype, STEP_LENGTH.get(name, 0.1)) > 20


@pytest.mark.parametrize("name", ["Izhikevich", "MCN", "PscExpLIF"])
def test_ports_that_nothing_reaches(name: str) -> None:
    """Each port alone (the others are constant zeros), and none."""
    neuron = ng.NEURONS[name]()
    for port in neuron.inputs[:2]:
        agree(driven(neuron, port), "n", "float64", steps=100)
    graph = ng.Graph()
    graph.population("n", ng.NEURONS[name](), SIZE)
    graph.probe("n")
    agree(graph, "n", "float64", steps=100)


# small random circuits: numbers vary, the code of the kernels hardly

KINDS: dict[str, tuple[Any, dict[str, tuple[float, float]]]] = {
    # name -> the neuron for a number in [0, 1), and for each port what an arriving spike may count
    "LIF": (lambda x: ng.LIF(v_rest=0.3 + x, threshold=0.7, tau=2.5 + x), {"input": (-1.0, 4.0)}),
    "PscExpLIF": (lambda x: ng.PscExpLIF(i_e=300.0 + 200.0 * x, t_ref=1.5), {"exc": (20.0, 400.0), "inh": (-200.0, -10.0)}),
    "CondExpLIF": (lambda x: ng.CondExpLIF(i_e=150.0 + 200.0 * x, tau_exc=1.5), {"exc": (0.5, 12.0), "inh": (0.5, 9.0)}),
    "PscDeltaLIF": (lambda x: ng.PscDeltaLIF(i_e=300.0 + 200.0 * x), {"input": (-2.0, 5.0)}),
    "Izhikevich": (lambda x: ng.Izhikevich(d=2.5 + 5 * x), {"input": (-2.0, 6.0)}),
}  # fmt: skip
numbers = st.integers(0, 63).map(lambda k: k / 64)


def dyadic(low: float, high: float, x: float) -> float:
    """A number whose sums are exact, so that their order does not matter."""
    return round((low + (high - low) * x) * 16) / 16 + 0.0625


@st.composite
def circuits(draw: Any) -> tuple[ng.Graph, int]:
    graph, names, sizes = ng.Graph("drawn"), [], []
    ports: list[dict[str, tuple[float, float]]] = []
    for k in range(draw(st.integers(1, 3))):
        make, ranges = KINDS[draw(st.sampled_from(sorted(KINDS)))]
        names.append(f"p{k}"), ports.append(ranges), sizes.append(draw(st.integers(1, 80)))
        graph.population(names[k], make(draw(numbers)), sizes[k])
        source = graph.population(f"s{k}", ng.Poisson(rate=100.0 + 900.0 * draw(numbers)), sizes[k])
        port, (low, high) = next(iter(ranges.items()))
        graph.connect(
            source,
            f"{names[k]}:{port}",
            weight=dyadic(0.5, high, draw(numbers)),
            delay=draw(st.sampled_from([0.0, 0.1, 1.7])),
        )
        graph.probe(names[k], "spike", "v")
    for _ in range(draw(st.integers(0, 5))):
        a, b = draw(st.integers(0, len(names) - 1)), draw(st.integers(0, len(names) - 1))
        port = draw(st.sampled_from(sorted(ports[b])))
        weight = dyadic(*ports[b][port], draw(numbers))
        delay: Any = draw(st.sampled_from([0.1, 0.2, 0.9, 5.3])) if a >= b else draw(st.sampled_from([0.0, 0.1, 1.3]))
        synapse: Any = draw(
            st.sampled_from(
                [(), (), ng.Exponential(tau=4.5), ng.TsodyksMarkram(), (ng.TsodyksMarkram(), ng.Exponential(tau=4.5))]
            )
        )
        kind = draw(st.sampled_from(["probability", "all", "explicit", "none"]))
        options: dict[str, Any] = {"weight": weight, "delay": delay}
        rule: Any = ng.AllToAll()
        if kind == "probability":
            rule = ng.FixedProbability(draw(numbers))
        elif kind == "none":
            rule = ng.FixedProbability(0.0)
        elif kind == "explicit":
            count = draw(st.integers(0, 200))
            rng = np.random.default_rng(draw(st.integers(0, 1000)))
            low, high = ports[b][port]
            drawn = np.array([dyadic(low, high, x) for x in rng.random(count)])
            many = rng.integers(1, 41, count) * 0.1 if draw(st.booleans()) else None
            rule = ng.Explicit(rng.integers(0, sizes[a], count), rng.integers(0, sizes[b], count), drawn, many)
            options = {} if many is not None else {"delay": delay}
        graph.connect(names[a], f"{names[b]}:{port}", rule, synapse=synapse, **options)
    if len(names) > 1 and sizes[0] == sizes[-1]:
        port = next(iter(ports[-1]))
        graph.connect(names[0], f"{names[-1]}:{port}", weight=np.arange(sizes[0]) / 8.0, delay=0.4)
    return graph, draw(st.integers(0, 3))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(circuits())
def test_drawn_circuits_agree(drawn: tuple[ng.Graph, int]) -> None:
    graph, seed = drawn
    steps = 100
    reference = ng.compile(graph, "reference", dt=0.1, dtype="float64", seed=seed)
    reference.run({}, steps)
    expected = {k: r.array()[:, 0] for k, r in reference.recordings.items()}
    shared = ng.compile(graph, "numba", dt=0.1, dtype="float64", seed=seed, threads=2, share_above=0).run(steps * 0.1)
    others = [ng.compile(graph, "numba", dt=0.1, dtype="float64", seed=seed, threads=1).run(steps * 0.1), shared]
    for sim in others:
        for key, values in expected.items():
            steps_found, found = sim.records[key].result()
            if key.endswith("spike"):
                at, who = np.nonzero(values)
                assert np.array_equal(steps_found, at) and np.array_equal(found, who), key
            else:
                np.testing.assert_allclose(found, values, rtol=1e-9, atol=1e-9, err_msg=key)
    if seed == 0:
        torch = ng.compile(graph, "torch", dt=0.1, dtype="float64", seed=seed, fused=False)
        torch.eval()  # in training every run draws anew
        torch.run({}, steps)
        for key, recording in torch.recordings.items():
            np.testing.assert_allclose(recording.array()[:, 0], expected[key], rtol=1e-9, atol=1e-9, err_msg=key)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mixed_circuit_agrees_with_the_reference(dtype: str, networks: Any) -> None:
    """Drawn weights and delays, counts, synapse models, noise and plasticity together."""
    graph = networks.mixed()
    sim = networks.compiled(graph, dtype).run(15)
    reference = ng.compile(graph, "reference", dt=0.1, dtype=dtype, seed=3)
    _, state = reference.run({}, 150)
    recorded = {k: r.array()[:, 0] for k, r in reference.recordings.items()}
    _, final = reference.run({}, 1, state)  # it changes weights as the next step begins, the simulator as a step ends
    for name in ("exc", "inh"):
        at, who = np.nonzero(recorded[f"{name}.spike"])
        steps, neurons = sim.records[f"{name}.spike"].result()
        assert len(at) > 20 and np.array_equal(steps, at) and np.array_equal(neurons, who)
    near = {"rtol": 2e-4, "atol": 1e-3} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(sim.trace("exc", "v")[1], recorded["exc.v"], **near)
    for projection in ("stdp", "graded"):
        weights = final[f"{projection}.synapses.w"][0]
        np.testing.assert_allclose(sim.synapses(projection)[2], weights, **near)


def test_flattened_and_weighted_one_to_one() -> None:
    graph = ng.Graph()
    first = graph.population("first", ng.LIF(v_rest=np.linspace(0.6, 2.0, 6).reshape(3, 2)), (3, 2))
    second = graph.population("second", ng.IF(threshold=1e9), 6)
    third = graph.population("third", ng.IF(threshold=1e9), (3, 2))
    graph.connect(first, second, ng.Flatten(), ng.OneToOne(np.arange(6.0)), delay=0.3)
    graph.connect(first, second, ng.OneToOne(np.arange(6.0).reshape(3, 2)), ng.Flatten(), ng.OneToOne(0.5))
    graph.connect(
        first, second, ng.OneToOne(np.arange(6.0)[::-1].reshape(3, 2)), ng.Flatten(), ng.OneToOne(np.ones(6)), delay=1.0
    )
    graph.connect(first, third, ng.OneToOne(np.full((3, 2), 0.5)), ng.OneToOne(np.arange(6.0).reshape(3, 2)), delay=0.2)
    graph.connect(first, third)
    graph.connect(first, third)
    for name in ("first", "second", "third"):
        graph.probe(name, "v")
    assert agree(graph, "second", "float64", steps=60) > 100
