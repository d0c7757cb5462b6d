"""Weights that are read and set between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

KINDS: dict[str, dict[str, Any]] = {
    "one": {"weight": 3.0},
    "drawn": {"weight": ng.Uniform(1.0, 5.0)},
    "instant": {"weight": 3.0, "delay": 0.0},
    "single delays": {"weight": ng.Uniform(1.0, 5.0), "delay": ng.Uniform(0.3, 2.0)},
    "plastic": {"weight": ng.Uniform(1.0, 5.0), "plasticity": ng.PairSTDP(w_max=9.0)},
}


def network(options: dict[str, Any], rule: Any = None) -> ng.Graph:
    graph = ng.Graph("net")
    source = graph.population("source", ng.Poisson(rate=400.0), 70)
    cells = graph.population("cells", ng.PscExpLIF(i_e=450.0), 90)
    given = options if rule is not None else {"delay": 0.5, **options}
    graph.connect(source, cells["exc"], rule or ng.FixedProbability(0.3), name="p", **given)
    graph.probe(cells, "spike", "i_exc")
    return graph


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_weights_set_before_a_run_are_weights_declared(kind: str, dtype: str, networks: Any) -> None:
    """In the order of synapses(), for any number of threads."""
    sim = networks.compiled(network(KINDS[kind]), dtype)
    pre, post, before, delay = sim.synapses("p")
    assert np.array_equal(sim.get("p.weight"), before)
    weights = np.random.default_rng(0).uniform(0.0, 9.0, len(pre)).astype(dtype).astype(np.float64)
    given = {n: v for n, v in KINDS[kind].items() if n == "plasticity"}
    each = kind == "single delays"
    listed = ng.Explicit(pre, post, weights, delay * 0.1 if each else None)
    alone = {} if each else {"delay": KINDS[kind].get("delay", 0.5)}
    declared = networks.compiled(network(given | alone, listed), dtype).run(30)
    for threads in (1, 2):
        sim = networks.compiled(network(KINDS[kind]), dtype, threads=threads, share_above=0)
        sim.set("p.weight", weights)
        assert np.array_equal(sim.get("p.weight"), weights) and np.array_equal(sim.synapses("p")[2], weights)
        sim.run(30)
        assert networks.differences(sim, declared) == []
    assert len(sim.spikes("cells")[0]) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_one_weight_for_all_between_runs(kind: str, networks: Any) -> None:
    sim = networks.compiled(network(KINDS[kind])).run(20)
    sim.set("p.weight", 0.0)
    later = sim.spike_counts()["source"].sum()
    sim.run(20)
    assert sim.spike_counts()["source"].sum() > later
    assert np.all(sim.get("p.weight") == 0.0) or kind == "plastic"
    if kind not in ("plastic", "single delays"):
        # what is on its way arrives, then the current only decays
        current = sim.trace("cells", "i_exc")[1][206:].sum(1)
        assert np.all(np.diff(current) < 0)


@pytest.mark.parametrize("kind", ["one", "drawn", "plastic"])
def test_weights_come_along_and_are_taken_back(kind: str, networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(network(KINDS[kind])).run(5)
    sim.save(tmp_path / "before.h5")
    made = sim.get("p.weight")
    sim.set("p.weight", np.linspace(0.0, 8.0, len(made)))
    sim.save(tmp_path / "after.h5")
    other = networks.compiled(network(KINDS[kind]), threads=2, share_above=0)
    other.load(tmp_path / "after.h5")
    sim.run(10), other.run(10)
    a, b = networks.state_of(sim), networks.state_of(other)
    assert [n for n in a if not np.array_equal(a[n], b[n])] == []
    assert np.array_equal(sim.get("p.weight"), other.get("p.weight"))
    other.load(tmp_path / "before.h5")
    assert np.array_equal(other.get("p.weight"), made)
    ng.save(sim, tmp_path / "whole.h5")
    again = ng.load_model(tmp_path / "whole.h5").compile()
    sim.run(5), again.run(5)
    assert np.array_equal(sim.get("p.weight"), again.get("p.weight"))
    assert np.array_equal(sim.get("cells.v"), again.get("cells.v"))


def test_traces_of_a_rule_are_read(networks: Any) -> None:
    sim = networks.compiled(network(KINDS["plastic"])).run(20)
    assert sim.get("p.x").shape == (70,) and sim.get("p.y").shape == (90,) and np.all(sim.get("p.x") >= 0.0)
    with pytest.raises(ng.DataError, match=r"p\.x is kept by PairSTDP: it can be read, not set"):
        sim.set("p.x", 0.0)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (
            np.ones(3),
            ng.DataError,
            r"p\.weight: shape \(3,\) does not fit the \d+ synapses in the order of synapses\(\)",
        ),
        (np.nan, ng.DataError, r"p\.weight: nan; a weight is a finite number"),
        ("strong", ng.DataError, r"a weight is a finite number"),
        (-1.0, ng.SpecError, r"set\('p.weight', ...\): weight -1 at port 'exc' of 'cells' \(CondExpLIF\)"),
    ],
)
def test_weights_that_cannot_be(value: Any, error: type[Exception], message: str, networks: Any) -> None:
    graph = ng.Graph("net")
    source = graph.population("source", ng.Poisson(rate=400.0), 70)
    cells = graph.population("cells", ng.CondExpLIF(), 90)
    graph.connect(source, cells["exc"], ng.FixedProbability(0.3), name="p")
    sim = networks.compiled(graph)
    with pytest.raises(error, match=message):
        sim.set("p.weight", value)
    assert np.all(sim.get("p.weight") == 1.0)


def test_plastic_weights_keep_to_the_bounds_of_the_moment(networks: Any) -> None:
    sim = networks.compiled(network(KINDS["plastic"]))
    with pytest.raises(ng.SpecError, match="weights from 20 to 20, but PairSTDP"):
        sim.set("p.weight", 20.0)
    sim.set("p.w_max", 30.0)
    sim.set("p.weight", 20.0)
    assert np.all(sim.get("p.weight") == 20.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, "x", True, None])
def test_a_signal_is_a_finite_number(value: Any, networks: Any) -> None:
    sim = networks.compiled(networks.reward())
    with pytest.raises(ng.DataError, match="a signal is a finite number"):
        sim.signal("reward", value)
    assert sim.signals["reward"] == 0.0


def test_an_integration_that_blows_up_is_found(networks: Any) -> None:
    """Euler's rule at 0.1 ms is no way to integrate this neuron; what was recorded is kept."""
    graph = ng.Graph("net")
    drive = graph.population("drive", ng.StepCurrent(amplitude=10.0), 3)
    cells = graph.population("cells", ng.HHClassic(), 3)
    graph.connect(drive, cells)
    graph.probe(cells, "v")
    with pytest.raises(ng.DataError, match=r"cells\.\w holds NaN at 50: .* smaller dt than 0.1") as found:
        networks.compiled(graph).run(50)
    assert "check_numerics=True" in str(found.value)
    assert np.all(np.isfinite(ng.compile(graph, "numba", dt=0.01).run(50).get("cells.v")))
