"""Plasticity rules against sums over all spikes, closed forms and transcriptions in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neurograph as ng

DT, DELAY, STEPS = 0.5, 3, 50
spikes = st.lists(st.integers(0, STEPS - 1), max_size=14, unique=True).map(sorted)


def events(pre: list[int], post: list[int]) -> list[tuple[int, int]]:
    """(step, 0 for a spike that arrives or 1 for one of the target) in order. The target's count one step later,
    behind what arrives then; what would come after the last step does not."""
    arriving = [(n + DELAY, 0) for n in pre if n + DELAY <= STEPS]
    return sorted(arriving + [(n + 1, 1) for n in post])


def follow(
    pre: list[int], post: list[int], w: float, change: Callable[[int, float, Callable[..., float]], float]
) -> float:
    """w after all events. change(kind, w, trace) is that of one event; trace(kind, tau) sums over the spikes of a
    kind before it, trace(kind, tau, nearest=True) takes the last."""
    seen: list[tuple[int, int]] = []
    for step, kind in events(pre, post):

        def trace(of: int, tau: float, nearest: bool = False, step: int = step) -> float:
            ages = [(step - n) * DT for n, k in seen if k == of]
            return sum(math.exp(-age / tau) for age in (ages[-1:] if nearest else ages))

        w = min(max(w + change(kind, w, trace), 0.0), 1.0)
        seen.append((step, kind))
    return w


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@settings(max_examples=8, deadline=None)
@given(pre=spikes, post=spikes)
def test_pair_stdp_is_the_sum_over_pairs(pairing: str, pre: Any, post: Any, one_synapse: Any) -> None:
    rule = ng.PairSTDP(tau_plus=15.0, tau_minus=30.0, a_plus=0.05, a_minus=0.06, pairing=pairing)
    last = pairing == "nearest"

    def change(kind: int, w: float, trace: Any) -> float:
        return -0.06 * trace(1, 30.0, last) if kind == 0 else 0.05 * trace(0, 15.0, last)

    weights, _ = one_synapse(rule, pre, post, STEPS).step_arrays()
    np.testing.assert_allclose(weights[0], follow(pre, post, 0.5, change), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pairing", ["all", "nearest"])
@settings(max_examples=8, deadline=None)
@given(pre=spikes, post=spikes)
def test_triplet_stdp_is_the_sum_over_pairs_and_triplets(pairing: str, pre: Any, post: Any, one_synapse: Any) -> None:
    values = {"tau_plus": 16.8, "tau_minus": 33.7, "tau_x": 101.0, "tau_y": 125.0}
    rule = ng.TripletSTDP(a2_plus=0.01, a2_minus=0.02, a3_plus=0.03, a3_minus=0.015, pairing=pairing, **values)
    last = pairing == "nearest"

    def change(kind: int, w: float, trace: Any) -> float:
        if kind == 0:  # the slow trace of the own spikes before this one
            return -trace(1, 33.7, last) * (0.02 + 0.015 * trace(0, 101.0, last))
        return trace(0, 16.8, last) * (0.01 + 0.03 * trace(1, 125.0, last))

    weights, _ = one_synapse(rule, pre, post, STEPS).step_arrays()
    np.testing.assert_allclose(weights[0], follow(pre, post, 0.5, change), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mu", [0.5, 1.0])
@settings(max_examples=8, deadline=None)
@given(pre=spikes, post=spikes)
def test_multiplicative_stdp_depends_on_the_distance_to_the_bound(
    mu: float, pre: Any, post: Any, one_synapse: Any
) -> None:
    rule = ng.MultiplicativeSTDP(mu=mu, a_plus=0.2, a_minus=0.3, w_min=-1.0, w_max=3.0)

    def change(kind: int, u: float, trace: Any) -> float:
        return -0.3 * u**mu * trace(1, 20.0) if kind == 0 else 0.2 * (1.0 - u) ** mu * trace(0, 20.0)

    weights, _ = one_synapse(rule, pre, post, STEPS, weight=0.0).step_arrays()
    expected = 4.0 * follow(pre, post, 0.25, change) - 1.0
    np.testing.assert_allclose(weights[0], expected, rtol=1e-10, atol=1e-10)


@settings(max_examples=8, deadline=None)
@given(pre=spikes, post=spikes)
def test_hebb_oja_and_inhibitory_plasticity(pre: Any, post: Any, one_synapse: Any) -> None:
    def hebb(kind: int, w: float, trace: Any) -> float:
        return 0.02 * trace(1 - kind, 20.0)

    def oja(kind: int, w: float, trace: Any) -> float:
        return 0.05 * (trace(0, 20.0) - trace(1, 20.0) * w) if kind == 1 else 0.0

    def balance(kind: int, w: float, trace: Any) -> float:
        return 0.03 * (trace(1 - kind, 20.0) - (2 * 10.0 * 0.02 if kind == 0 else 0.0))

    rules = [(ng.Hebb(eta=0.02), hebb), (ng.Oja(eta=0.05), oja), (ng.VogelsSprekeler(eta=0.03, rate=10.0), balance)]
    for rule, change in rules:
        weights, _ = one_synapse(rule, pre, post, STEPS).step_arrays()
        np.testing.assert_allclose(weights[0], follow(pre, post, 0.5, change), rtol=1e-12, atol=1e-12)


def test_reward_turns_an_eligibility_into_weight(one_synapse: Any) -> None:
    # source before target by 4 steps: the pair leaves c, which decays, and w grows by reward times its integral
    rule = ng.RewardSTDP(tau_c=50.0, a_plus=0.1, interval=DT, w_max=10.0)
    case = one_synapse(rule, [2], [2 + DELAY + 3], 400, signals={"reward": 0.03})
    weights, _ = case.step_arrays()
    c = 0.1 * math.exp(-4 * DT / 20.0)
    since = (400 + 1 - (2 + DELAY + 4)) * DT  # on_step runs in the step of the event and in every one after it
    np.testing.assert_allclose(weights[0] - 0.5, 0.03 * c * 50.0 * (1 - math.exp(-since / 50.0)), rtol=1e-9)
    case.signals = {"reward": 0.0}
    assert case.step_arrays()[0][0] == 0.5
    case.signals = {"reward": -0.03}
    assert case.step_arrays()[0][0] < 0.5


def test_a_reward_may_have_another_name_and_change_while_a_simulation_runs(one_synapse: Any) -> None:
    rule = ng.RewardSTDP(tau_c=1e9, signal_names={"reward": "dopamine"})
    sim = ng.compile(one_synapse(rule, [2], [8], 10).graph(), "numba", dt=DT, dtype="float64", threads=1)
    assert sim.signals == {"dopamine": 0.0}
    grown = []
    for reward in (0.0, 0.1, 0.2, 0.0):
        sim.signal("dopamine", reward)
        before = sim.synapses("learning")[2][0]
        sim.run(20 * DT)
        grown.append(sim.synapses("learning")[2][0] - before)
    c = 0.1 * math.exp(-4 * DT / 20.0)
    np.testing.assert_allclose(grown, np.array([0.0, 0.1, 0.2, 0.0]) * c * 20 * DT, rtol=1e-6, atol=1e-12)


def test_scaling_multiplies_the_weights_by_the_error_of_the_rate(one_synapse: Any) -> None:
    rule = ng.SynapticScaling(rate=8.0, tau=40.0, tau_w=500.0, interval=DT, w_max=1e6)
    silent, _ = one_synapse(rule, [], [], 100).step_arrays()
    errors = 8.0 * (1.0 - np.exp(-np.arange(1, 101) * DT / 40.0))  # the trace starts from the target rate
    np.testing.assert_allclose(silent[0], 0.5 * np.exp(errors.sum() * DT / 500.0), rtol=1e-10)
    # a target that fires at its rate, on average: the trace swings around it
    steady, _ = one_synapse(ng.SynapticScaling(rate=50.0, tau=200.0), [], range(0, 800, 40), 800).step_arrays()
    assert abs(steady[0] - 0.5) < 0.005
    fast, _ = one_synapse(ng.SynapticScaling(rate=50.0, tau=200.0), [], range(0, 800, 10), 800).step_arrays()
    assert fast[0] < 0.49


def test_the_threshold_of_bcm_slides_to_the_mean_square_of_the_rate(one_synapse: Any) -> None:
    rule = ng.BCM(eta=0.001, rate=40.0, tau=20.0, tau_theta=60.0, w_min=-10.0)
    pre, post = range(0, 600, 7), range(0, 600, 11)
    case = one_synapse(rule, pre, post, 600)
    program = ng.compile(case.graph(), "reference", dt=DT)
    _, state = program.run({}, 601)
    y, theta, w = 0.0, 1.0, 0.5
    for n in range(1, 601):
        theta = y * y + (theta - y * y) * math.exp(-DT / 60.0)
        y = y * math.exp(-DT / 20.0)
        if n - DELAY in pre:
            w += 0.001 * y * (y - theta)
        if n - 1 in post:
            y += 1000.0 / (20.0 * 40.0)
    np.testing.assert_allclose(state["learning.synapses.w"][0, 0], w, rtol=1e-12)
    np.testing.assert_allclose(state["learning.synapses.theta"][0, 0], theta, rtol=1e-12)
    assert theta > 3.0  # the target fires at 182 Hz, far above 40 Hz


def test_oja_settles_where_weight_and_rates_balance(one_synapse: Any) -> None:
    # the source fires half as often as the target: w = r_pre / r_post
    rule = ng.Oja(eta=0.001, tau=200.0)
    weights, _ = one_synapse(rule, range(0, 2000, 20), range(0, 2000, 10), 2000, weight=0.9).step_arrays()
    assert abs(weights[0] - 0.5) < 0.02


# BrainCog: x[t] arrives in step t, s[t] is the target's spike of step t


def trains(seed: int, steps: int = 60, n: int = 4, m: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    fired = rng.random((steps, n)) < 0.3
    return fired, rng.random((steps, m)) < 0.3


def braincog(rule: ng.Plasticity, fired: np.ndarray, s: np.ndarray, w0: np.ndarray, random_learning: Any) -> np.ndarray:
    case = random_learning(rule, dt=1.0, delay=1)
    pre, post = np.divmod(np.arange(w0.size), w0.shape[1])
    case.fired_pre, case.fired_post, case.pre, case.post, case.weight = fired, s, pre, post, w0.reshape(-1)
    return np.asarray(case.step_arrays()[0]).reshape(w0.shape)


def arrivals(fired: np.ndarray) -> np.ndarray:
    """What arrives in each step after a delay of one; what arrives after the last is seen by no target spike."""
    return np.concatenate([np.zeros((1, fired.shape[1])), fired[:-1]]).astype(float)


WIDE = {"w_min": -100.0, "w_max": 100.0}


def test_braincog_stdp_pairs_the_trace_of_a_step_with_the_spikes_of_it(random_learning: Any) -> None:
    fired, s = trains(0)
    x, w0 = arrivals(fired), np.full((4, 3), 0.5)
    w, p = w0.copy(), np.zeros(4)
    for t in range(len(x)):
        p = 0.9 * p + x[t]
        w += 0.01 * np.outer(p, s[t])
    found = braincog(ng.BrainCogSTDP(factor=0.9, **WIDE), fired, s, w0, random_learning)
    np.testing.assert_allclose(found, w, rtol=1e-12)


def test_braincog_ltd_and_full_stdp(random_learning: Any) -> None:
    fired, s = trains(1)
    fired[-1] = False  # would arrive behind the last step
    x, w0 = arrivals(fired), np.full((4, 3), 0.5)
    w, both, p, q, q2 = w0.copy(), w0.copy(), np.zeros(4), np.zeros(3), np.zeros(3)
    for t in range(len(x)):
        p, used, used2 = 0.9 * p + x[t], 0.8 * q, 0.7 * q2
        w -= 0.02 * np.outer(x[t], used)
        both += 0.01 * np.outer(p, s[t]) - 0.03 * np.outer(x[t], used2)
        q, q2 = used + s[t], used2 + s[t]
    found = braincog(ng.BrainCogLTD(eta=0.02, factor=0.8, **WIDE), fired, s, w0, random_learning)
    np.testing.assert_allclose(found, w, rtol=1e-11)
    rule = ng.BrainCogFullSTDP(a_plus=0.01, a_minus=0.03, decay_plus=0.9, decay_minus=0.7, **WIDE)
    np.testing.assert_allclose(braincog(rule, fired, s, w0, random_learning), both, rtol=1e-11)


def test_braincog_hebb_and_bcm(random_learning: Any) -> None:
    fired, s = trains(2)
    x, w0 = arrivals(fired), np.full((4, 3), 0.5)
    hebb, bcm, phi = w0.copy(), w0.copy(), np.zeros(3)
    for t in range(len(x)):
        hebb += 0.02 * np.outer(x[t], s[t])
        phi = (9.0 * phi + s[t]) / 10.0
        bcm += 0.02 * (np.outer(x[t], s[t] * (s[t] - phi)) - (1.0 - 0.9) * bcm)
    found = braincog(ng.BrainCogHebb(eta=0.02, **WIDE), fired, s, w0, random_learning)
    np.testing.assert_allclose(found, hebb, rtol=1e-12)
    found = braincog(ng.BrainCogBCM(eta=0.02, weight_decay=0.9, **WIDE), fired, s, w0, random_learning)
    np.testing.assert_allclose(found, bcm, rtol=1e-12)
