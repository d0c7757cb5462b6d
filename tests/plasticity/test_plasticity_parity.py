"""Every plasticity rule: the simulator, on one thread and two, against the definition and torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng

# a rule whose defaults are too slow to be seen in a short run
FASTER: dict[str, dict[str, Any]] = {"SynapticScaling": {"tau_w": 300.0}, "BCM": {"eta": 0.05, "tau_theta": 100.0}}
VARIANTS: dict[str, Callable[[], ng.Plasticity]] = {
    **{name: lambda n=name, c=cls: c(**FASTER.get(n, {})) for name, cls in ng.PLASTICITY.items()},  # type: ignore[misc]
    "PairSTDP total": lambda: ng.PairSTDP(total=4.0, interval=2.0),
}
SIGNALS = {"RewardSTDP": {"reward": 0.02}}


def case(name: str, random_learning: Any, **more: Any) -> Any:
    made = random_learning(VARIANTS[name](), signals=SIGNALS.get(name, {}), **more)
    assert set(made.signals) == set(made.rule.signal_names.values()), f"{name}: give its signals here"
    return made


def test_the_registry_is_whole() -> None:
    required = {"PairSTDP", "TripletSTDP", "RewardSTDP", "MultiplicativeSTDP", "Hebb", "Oja", "BCM", "SynapticScaling"}
    assert set(ng.PLASTICITY) >= required | {"VogelsSprekeler", "BrainCogSTDP", "BrainCogFullSTDP"}
    for name, rule in ng.PLASTICITY.items():
        assert getattr(ng, name) is rule and rule.__doc__ and rule.equation


@pytest.mark.parametrize("name", VARIANTS)
def test_simulator_reference_and_torch_agree_in_float64(name: str, random_learning: Any) -> None:
    learning = case(name, random_learning)
    weights, currents = learning.step_arrays()
    assert np.abs(weights - learning.weight).max() > 1e-3, "nothing was learnt, so nothing is compared"
    for threads in (1, 2):
        simulated, arrived = learning.simulate(threads=threads)
        np.testing.assert_allclose(simulated, weights, rtol=0, atol=1e-12, err_msg=f"{name}, {threads} threads")
        np.testing.assert_allclose(arrived, currents, rtol=0, atol=1e-12)
    by_torch, arrived = learning.step_arrays("torch")
    np.testing.assert_allclose(by_torch, weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(arrived, currents, rtol=0, atol=1e-12)


def test_simulator_reference_and_torch_agree_in_float32(random_learning: Any) -> None:
    learning = case("PairSTDP", random_learning)
    exact, _ = learning.step_arrays()
    results = [learning.simulate("float32"), learning.simulate("float32", threads=2)]
    results += [learning.step_arrays(b, "float32") for b in ("reference", "torch")]
    for weights, currents in results:
        np.testing.assert_allclose(weights, exact, rtol=0, atol=2e-5)
        np.testing.assert_allclose(currents, results[2][1], rtol=0, atol=2e-5)


def test_a_run_goes_on_from_where_it_stopped_and_from_a_checkpoint(random_learning: Any, tmp_path: Any) -> None:
    learning = case("RewardSTDP", random_learning)
    whole, _ = learning.simulate()

    def compiled(threads: int) -> Any:
        sim = ng.compile(learning.graph(), "numba", dt=learning.dt, dtype="float64", threads=threads, share_above=0)
        sim.signal("reward", 0.02)
        return sim

    first = compiled(1)
    first.run(31 * learning.dt)
    first.save(tmp_path / "state.h5")
    first.run((learning.steps - 31) * learning.dt)
    assert np.array_equal(first.synapses("learning")[2], whole)
    second = compiled(2)
    second.load(tmp_path / "state.h5")
    second.run((learning.steps - 31) * learning.dt)
    assert np.array_equal(second.synapses("learning")[2], whole)


def test_the_reference_goes_on_from_its_state(random_learning: Any) -> None:
    learning = case("RewardSTDP", random_learning, shape=(40, 5, 6), p=0.3)
    program = ng.compile(learning.graph(), "reference", dt=learning.dt)
    _, whole = program.run({}, 40, signals=learning.signals)
    _, half = program.run({}, 17, signals=learning.signals)
    _, rest = program.run({}, 23, half, signals=learning.signals)
    for key, value in whole.items():
        assert np.array_equal(value, rest[key]), key
