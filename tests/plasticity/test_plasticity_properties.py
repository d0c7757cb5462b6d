"""What holds for every plasticity rule: bounds, rest, sums, order, and messages where a rule cannot be used."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng

SIGNALS = {"RewardSTDP": {"reward": 0.5}}
# these change weights without spikes: by what they are
RESTLESS = {"SynapticScaling", "BrainCogBCM"}


def coarse(name: str, **bounds: float) -> ng.Plasticity:
    """A rule with such rates that weights run into their bounds."""
    cls = ng.PLASTICITY[name]
    rates = {n: 0.5 for n in cls._fields if n in ("eta", "a_plus", "a_minus", "a2_plus", "a2_minus", "a3_plus")}
    return cls(**rates, **({"tau_w": 5.0} if "tau_w" in cls._fields else {}), **bounds)


@settings(max_examples=30, deadline=None)
@given(
    name=st.sampled_from(sorted(ng.PLASTICITY)),
    seed=st.integers(0, 1000),
    p=st.floats(0.0, 0.6),
    low=st.floats(-1.0, 0.2),
    high=st.floats(0.8, 2.0),
)
def test_weights_stay_within_their_bounds(
    name: str, seed: int, p: float, low: float, high: float, random_learning: Any
) -> None:
    rule = coarse(name, w_min=low, w_max=high)
    case = random_learning(rule, (30, 4, 3), p, seed, signals=SIGNALS.get(name, {}))
    weights, _ = case.step_arrays()
    assert np.all(weights >= low) and np.all(weights <= high)


@pytest.mark.parametrize("name", sorted(ng.PLASTICITY))
def test_nothing_changes_without_spikes(name: str, random_learning: Any) -> None:
    case = random_learning(coarse(name), (20, 4, 3), 0.0, signals=SIGNALS.get(name, {}))
    weights, currents = case.step_arrays()
    assert np.array_equal(weights, case.weight) == (name not in RESTLESS)
    assert not currents.any()


@pytest.mark.parametrize("name", ["PairSTDP", "VogelsSprekeler"])
def test_sources_alone_change_weights_only_where_the_rule_says_so(name: str, random_learning: Any) -> None:
    case = random_learning(coarse(name), (20, 4, 3), 0.4)
    case.fired_post[:] = False
    weights, _ = case.step_arrays()
    assert np.array_equal(weights, case.weight) == (name == "PairSTDP")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), total=st.floats(0.5, 5.0), every=st.integers(1, 4))
def test_total_keeps_the_sum_of_the_weights_onto_a_neuron(
    seed: int, total: float, every: int, random_learning: Any
) -> None:
    rule = ng.PairSTDP(a_plus=0.1, w_max=100.0, total=total, interval=every * 0.5)
    case = random_learning(rule, (24, 6, 5), 0.3, seed)  # 24 steps: scaled in the last of them for every `every`
    weights, _ = case.step_arrays()
    sums = np.bincount(case.post, weights, minlength=5)
    connected = np.bincount(case.post, minlength=5) > 0
    np.testing.assert_allclose(sums[connected], total, rtol=1e-12)
    assert not np.any(sums[~connected])  # a neuron without synapses is no division by zero


def test_what_arrives_comes_before_the_targets_spike_of_the_same_moment(one_synapse: Any) -> None:
    # sent in step 0, arrives in 3, the step in which the target's spike of step 2 is seen: potentiation alone
    rule = ng.PairSTDP(a_plus=0.1, a_minus=0.3)
    for learn in ("simulate", "step_arrays"):
        after = [getattr(one_synapse(rule, [0], [post], 8), learn)()[0][0] for post in (1, 2, 3)]
        before = 0.5 - 0.3 * math.exp(-0.5 / 20.0)
        np.testing.assert_allclose(after, [before, 0.6, 0.5 + 0.1 * math.exp(-0.5 / 20.0)], rtol=1e-12)


def test_a_spike_is_delivered_with_the_weight_before_it_changes_it(one_synapse: Any) -> None:
    weights, currents = one_synapse(ng.PairSTDP(a_minus=0.3), [0, 1], [0], 8).step_arrays()
    assert currents[3, 0] == 0.5 and 0.0 < currents[4, 0] < 0.5 and weights[0] < currents[4, 0]


# messages


def rule_class(**body: Any) -> Any:
    return type("Made", (ng.Plasticity,), body)


def test_a_class_that_is_no_rule_is_refused() -> None:
    with pytest.raises(
        ng.SpecError, match="Made.on_pre has the argument 'z', which is neither w, a state nor a signal"
    ):
        rule_class(on_pre=lambda self, w, z: {"w": w})
    with pytest.raises(ng.SpecError, match="State\\(of='neuron'\\); say of='pre', 'post' or 'synapse'"):
        rule_class(x=ng.State(0.0))
    with pytest.raises(ng.SpecError, match="Made: fired means something else there"):
        rule_class(fired=ng.State(0.0, of="pre"))
    with pytest.raises(ng.SpecError, match="Made: reward means something else there"):
        rule_class(reward=ng.Param(1.0), signals={"reward": "reward"})


def test_a_hook_changes_only_what_it_may() -> None:
    states = {"x": ng.State(0.0, of="pre"), "y": ng.State(0.0, of="post"), "c": ng.State(0.0, of="synapse")}
    wrong = [
        ("on_pre", lambda self, y: {"y": y + 1.0}, "changes 'y'; it may change w and pre and synapse states"),
        ("on_post", lambda self, x: {"x": x + 1.0}, "changes 'x'"),
        ("decay", lambda self, w: {"w": w * 0.5}, "changes 'w'"),
        ("on_step", lambda self, x: {"x": x * 0.5}, "changes 'x'"),
        ("on_pre", lambda self, w: {"q": w}, "changes 'q'"),
        ("on_pre", lambda self, w: w, "must return a dict of what it changes"),
        (
            "on_pre",
            lambda self, x, w: {"x": x + w},
            "'x' is one for all synapses of its neuron, but depends on \\['w'\\]",
        ),
        ("on_post", lambda self, y, c: {"y": y + c}, "depends on \\['c'\\]"),
        ("decay", lambda self, x, y: {"x": x + y}, "depends on \\['y'\\]"),
    ]
    for hook, method, message in wrong:
        with pytest.raises(ng.SpecError, match=message):
            rule_class(**states, **{hook: method})().trace(hook, 1.0)


def test_the_values_of_a_rule_are_checked() -> None:
    with pytest.raises(ng.SpecError, match="a_plus=...\\): parameters of a plasticity rule are single numbers"):
        ng.PairSTDP(a_plus=np.ones(3))
    with pytest.raises(ng.SpecError, match="single numbers"):
        ng.PairSTDP(a_plus=ng.learnable(0.1))
    with pytest.raises(ng.SpecError, match="states of a plasticity rule start from one number"):
        ng.PairSTDP(x=np.ones(3))
    with pytest.raises(ng.SpecError, match="w_max is below w_min"):
        ng.PairSTDP(w_min=2.0)
    with pytest.raises(ng.SpecError, match="tau_plus must be above 0"):
        ng.PairSTDP(tau_plus=0.0)
    with pytest.raises(ng.SpecError, match="choose one of 'all', 'nearest'"):
        ng.PairSTDP(pairing="first")
    with pytest.raises(ng.SpecError, match="has no 'tau'"):
        ng.PairSTDP(tau=10.0)
    with pytest.raises(ng.SpecError, match="has no signal \\['dopamine'\\]; it takes reward"):
        ng.RewardSTDP(signal_names={"dopamine": "reward"})


@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_a_missing_signal_is_an_error(backend: str, one_synapse: Any) -> None:
    case = one_synapse(ng.RewardSTDP(), [1], [2], 5)
    with pytest.raises(ng.DataError, match="needs the signal 'reward'; pass signals="):
        case.step_arrays(backend)


def test_an_unknown_signal_is_an_error(one_synapse: Any) -> None:
    sim = ng.compile(one_synapse(ng.RewardSTDP(), [1], [2], 5).graph(), "numba", dt=0.5, dtype="float64", threads=1)
    with pytest.raises(ng.DataError, match="follows a signal 'dopamine'; known: reward"):
        sim.signal("dopamine", 1.0)


def test_where_plasticity_has_no_place() -> None:
    def graph(target: ng.Neuron, *rules: Any, **how: Any) -> ng.Graph:
        made = ng.Graph()
        source = made.population("pre", ng.SpikeList([1.0], [0]), 2)
        made.connect(source, made.population("post", target, 2), *rules, plasticity=ng.PairSTDP(), **how)
        return made

    needs = "plasticity needs a connectivity rule and one delay above 0 for all its synapses"
    with pytest.raises(ng.GraphError, match=needs):
        graph(ng.LIF(), ng.AllToAll())
    with pytest.raises(ng.GraphError, match=needs):
        graph(ng.LIF(), ng.AllToAll(), delay=ng.Uniform(1.0, 2.0))
    with pytest.raises(ng.GraphError, match=needs):
        graph(ng.LIF(), ng.Explicit([0, 1], [0, 1], delay=[1.0, 2.0]))
    with pytest.raises(ng.GraphError, match=needs):
        graph(ng.LIF(), delay=1.0)
    with pytest.raises(ng.GraphError, match="plasticity follows the target's spikes; 'post' has none"):
        ng.compile(graph(ng.LeakyIntegrator(), ng.AllToAll(), delay=1.0), "reference")
    with pytest.raises(ng.SpecError, match="plasticity=.* is not a rule such as PairSTDP"):
        made = ng.Graph()
        made.connect(made.population("a", ng.LIF(), 1), made.population("b", ng.LIF(), 1), plasticity=ng.PairSTDP)  # type: ignore[arg-type]
