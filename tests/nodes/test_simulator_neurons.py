"""Simulator neurons against their equations: matrix exponentials, ODE solvers and loops written out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import neurograph as ng
from neurograph.expr import exp
from neurograph.expr.expand import expand
from neurograph.expr.interpret import interpret
from neurograph.expr.value import Trace
from neurograph.nodes.hh import over_exprel
from neurograph.nodes.propagator import phi, phi_ramp

PHYSICAL = (
    ng.PscDeltaLIF, ng.PscExpLIF, ng.PscAlphaLIF, ng.CondExpLIF, ng.CondAlphaLIF, ng.HH, ng.HHClassic, ng.AdEx,
    ng.BrainCogAEIF, ng.Izhikevich, ng.ALIF, ng.GIF, ng.ThreeCompCond,
)  # fmt: skip
few = settings(max_examples=20, deadline=None)
tau = st.floats(0.2, 100.0)


def run(
    neuron: ng.Neuron, inputs: dict[str, np.ndarray], dt: float = 0.1, dtype: str = "float64", start: Any = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Spikes [T, N] and all states after every step [T, N] for inputs [T, N]; other ports stay unconnected."""
    steps, size = next(iter(inputs.values())).shape
    graph = ng.Graph()
    population = graph.population("n", neuron, (size,))
    for port in inputs:
        graph.connect(graph.input(port, (size,)), population[port])
    graph.connect(population, graph.output("out", readout=ng.Steps()))
    graph.probe(population, *neuron.states)
    program = ng.compile(graph, "reference", dt=dt, dtype=dtype)
    state = start and {f"n.{k}": np.broadcast_to(v, (1, size)).astype(dtype) for k, v in start.items()}
    outputs, _ = program.run({p: x[:, None].astype(dtype) for p, x in inputs.items()}, steps, state)
    states = {n: program.recordings[f"n.{n}"].array()[:, 0] for n in neuron.states}
    return np.asarray(outputs["out"])[:, 0], states


def test_moments_of_exponentials() -> None:
    for x in (0.0, 1e-12, -1e-12, 1e-5, -0.3, 1.0, -7.0, 40.0, -200.0):
        mean = math.expm1(x) / x if x else 1.0
        assert phi(x) == pytest.approx(mean, rel=4e-15)
        s = np.linspace(0.0, 1.0, 200001)
        ramp = np.trapezoid(s * np.exp(x * (s - max(np.sign(x), 0.0))), s) * math.exp(max(x, 0.0))
        assert phi_ramp(x) == pytest.approx(ramp, rel=1e-6)
    assert phi_ramp(0.0) == pytest.approx(0.5, rel=1e-15)


@given(tau, tau, tau, st.floats(1.0, 500.0), st.floats(0.01, 2.0))
@example(10.0, 10.0, 10.0, 250.0, 0.1)  # equal time constants
@example(10.0, 10.0 + 1e-9, 10.0 - 1e-6, 250.0, 0.1)
@example(1.0, 1.0, 1.0, 1.0, 1.0)
@few
def test_exact_currents(tau_m: float, tau_exc: float, tau_inh: float, c_m: float, dt: float) -> None:
    """PscExpLIF and PscAlphaLIF are the matrix exponential of their equations."""
    steps = 40
    inputs = {p: np.zeros((steps, 1)) for p in ("exc", "inh", "current")}
    inputs["exc"][0], inputs["inh"][0], inputs["current"][:] = 300.0, -200.0, 50.0
    values = dict(tau_m=tau_m, tau_exc=tau_exc, tau_inh=tau_inh, c_m=c_m, v_th=1e9, i_e=20.0)
    # y = v - e_l, i_exc, i_inh, d_exc, d_inh, 1
    system = np.zeros((6, 6))
    system[0] = [-1 / tau_m, 1 / c_m, 1 / c_m, 0, 0, 70.0 / c_m]
    for k, t in ((1, tau_exc), (2, tau_inh)):
        system[k, k] = system[k + 2, k + 2] = -1 / t
        system[k, k + 2] = 1.0
    begins = {
        ng.PscExpLIF: np.array([0, 300.0, -200.0, 0, 0, 1.0]),
        ng.PscAlphaLIF: np.array([0, 0, 0, 300.0 * math.e / tau_exc, -200.0 * math.e / tau_inh, 1.0]),
    }
    for cls, y in begins.items():
        _, states = run(cls(**values), inputs, dt)
        for n in (0, 1, steps - 1):
            expected = expm(system * dt * (n + 1)) @ y
            scale = np.abs(expected).max()
            assert states["v"][n, 0] + 70.0 == pytest.approx(expected[0], rel=1e-10, abs=1e-12 * (scale + 70.0))
            assert states["i_exc"][n, 0] == pytest.approx(expected[1], rel=1e-11, abs=1e-12 * scale)
            assert states["i_inh"][n, 0] == pytest.approx(expected[2], rel=1e-11, abs=1e-12 * scale)


def test_close_time_constants_lose_no_digits() -> None:
    taus = 10.0 * (1.0 + np.array([0.0, 1e-16, 1e-13, 1e-10, 1e-7, 1e-4]))
    exc = np.zeros((1, len(taus)))
    exc[:] = 1000.0
    neuron = ng.PscExpLIF(tau_m=10.0, tau_exc=taus, e_l=0.0, v_reset=0.0, v_th=1e9, c_m=250.0)
    _, states = run(neuron, {"exc": exc})
    x = 0.1 / 10.0 - 0.1 / taus
    mean = np.array([math.expm1(a) / a if a else 1.0 for a in x])
    np.testing.assert_allclose(states["v"][0], 4.0 * 0.1 * math.exp(-0.01) * mean, rtol=2e-15)


@given(tau, st.floats(0.01, 2.0), st.floats(-100.0, 100.0))
@few
def test_deltas_between_spikes(tau_m: float, dt: float, current: float) -> None:
    neuron = ng.PscDeltaLIF(tau_m=tau_m, v_th=1e9, i_e=current)
    jumps = np.zeros((30, 1))
    jumps[3] = 5.0
    _, states = run(neuron, {"input": jumps}, dt)
    target = current * tau_m / 250.0
    v, k = 0.0, math.exp(-dt / tau_m)
    for n in range(30):
        v = target + (v + jumps[n, 0] - target) * k
        assert states["v"][n, 0] + 70.0 == pytest.approx(v, rel=1e-10, abs=1e-11)


def test_deltas_are_dropped_in_the_refractory_time() -> None:
    """A loop after Brian2's order: update, threshold, synapses (unless refractory), reset; arrivals act a step later."""
    rng, steps, size, rest = np.random.default_rng(0), 3000, 20, 20
    jumps = rng.poisson(0.4, (steps, size)) * 1.5
    neuron = ng.PscDeltaLIF(tau_m=20.0, e_l=0.0, v_th=20.0, v_reset=10.0, t_ref=2.0, i_e=0.0)
    spikes, states = run(neuron, {"input": np.vstack([np.zeros((1, size)), jumps[:-1]])})
    v, last = np.zeros(size), np.full(size, -(10**6))
    for n in range(steps):
        active = n - last >= rest
        v = np.where(active, v * math.exp(-0.1 / 20.0), v)
        fired = active & (v > 20.0)
        last[fired] = n
        assert np.array_equal(spikes[n] > 0, fired), n
        np.testing.assert_allclose(states["v"][n], np.where(fired, 10.0, v), rtol=1e-12)
        v = np.where(n - last >= rest, v + jumps[n], v)
        v[fired] = 10.0
    assert spikes.sum() > 100


@pytest.mark.parametrize(("t_ref", "dt", "frozen"), [(5.0, 0.1, 49), (2.0, 1.0, 1), (0.0, 0.1, 0), (0.26, 0.1, 2)])
def test_refractory_time(t_ref: float, dt: float, frozen: int) -> None:
    current = np.full((200, 1), 1e7)  # every step that may fire does
    for neuron in (
        ng.PscExpLIF(t_ref=t_ref), ng.PscDeltaLIF(t_ref=t_ref), ng.CondExpLIF(t_ref=t_ref), ng.AdEx(t_ref=t_ref),
    ):  # fmt: skip
        spikes, _ = run(neuron, {"current": current}, dt)
        assert set(np.diff(np.flatnonzero(spikes[:, 0]))) == {frozen + 1}


def at_end(neuron: ng.Neuron, ports: dict[str, float], dt: float, length: float, name: str = "v") -> float:
    """The state after `length` ms with one arrival at each synaptic port and a held current."""
    inputs = {p: np.zeros((round(length / dt), 1)) for p in ports}
    for port, value in ports.items():
        inputs[port][slice(None) if port.endswith("current") else slice(1)] = value
    return float(run(neuron, inputs, dt)[1][name][-1, 0])


def solved(slope: Any, start: list[float], length: float) -> float:
    return float(solve_ivp(slope, (0.0, length), start, rtol=1e-11, atol=1e-11, method="LSODA").y[0, -1])


@pytest.mark.parametrize("shape", ["exp", "alpha"])
def test_conductance_neurons_converge(shape: str) -> None:
    tau_exc, tau_inh, length = 1.5, 4.0, 8.0

    def slope(t: float, y: np.ndarray) -> list[float]:
        v, ge, gi, de, di = y
        dv = (16.6667 * (-70.0 - v) - ge * v + gi * (-85.0 - v) + 200.0) / 250.0
        return [dv, de - ge / tau_exc, di - gi / tau_inh, -de / tau_exc, -di / tau_inh]

    exp = shape == "exp"
    cls = ng.CondExpLIF if exp else ng.CondAlphaLIF
    g = [8.0, 5.0, 0.0, 0.0] if exp else [0.0, 0.0, 8.0 * math.e / tau_exc, 5.0 * math.e / tau_inh]
    target = solved(slope, [-70.0, *g], length)
    for scheme, order in (("exponential_euler", 1), ("euler", 1), ("rk4", 4)):
        neuron = cls(tau_exc=tau_exc, tau_inh=tau_inh, integration=scheme, v_th=1e9)
        ports = {"exc": 8.0, "inh": 5.0, "current": 200.0}
        errors = [abs(at_end(neuron, ports, dt, length) - target) for dt in (0.2, 0.1, 0.05)]
        assert errors[-1] < (1e-7 if order == 4 else 0.1), (scheme, errors)
        assert 0.8 * 2**order < errors[0] / errors[1] < 1.25 * 2**order, (scheme, errors)


def test_compartments_converge() -> None:
    def slope(t: float, y: np.ndarray) -> list[float]:
        s, b, a, g = y
        return [
            (10.0 * (-70.0 - s) + 2.5 * (b - s) + 1.0 * (a - s)) / 150.0,
            (5.0 * (-70.0 - b) + 2.5 * (s - b) - g * b) / 75.0,
            (10.0 * (-70.0 - a) + 1.0 * (s - a) + 100.0) / 150.0,
            -g / 0.5,
        ]

    target, ports = solved(slope, [-70.0, -70.0, -70.0, 9.0], 10.0), {"basal_exc": 9.0, "apical_current": 100.0}
    errors = [abs(at_end(ng.ThreeCompCond(), ports, dt, 10.0, "v_soma") - target) for dt in (0.1, 0.05, 0.025)]
    assert errors[2] < 0.02 and 1.6 < errors[0] / errors[1] < 2.5, errors


def test_adaptive_exponential_converges() -> None:
    def slope(t: float, y: np.ndarray) -> list[float]:
        v, w, g = y
        current = 30.0 * (-70.6 - v) + 60.0 * math.exp((v + 50.4) / 2.0) - w - g * v + 400.0
        return [current / 281.0, (4.0 * (v + 70.6) - w) / 144.0, -g / 2.0]

    target = solved(slope, [-70.6, 0.0, 6.0], 10.0)
    for scheme in ("exponential_euler", "euler"):
        neuron = ng.AdEx(integration=scheme, tau_exc=2.0)
        errors = [abs(at_end(neuron, {"exc": 6.0, "current": 400.0}, dt, 10.0) - target) for dt in (0.1, 0.05, 0.025)]
        assert errors[2] < 0.05 and 1.6 < errors[0] / errors[1] < 2.5, (scheme, errors)


def test_hodgkin_huxley_converges() -> None:
    def slope(t: float, y: np.ndarray) -> list[float]:
        v, m, h, n, g = y
        u = v + 63.0
        rates = (
            (0.32 * (13 - u) / math.expm1((13 - u) / 4), 0.28 * (u - 40) / math.expm1((u - 40) / 5), m),
            (0.128 * math.exp((17 - u) / 18), 4 / (1 + math.exp((40 - u) / 5)), h),
            (0.032 * (15 - u) / math.expm1((15 - u) / 5), 0.5 * math.exp((10 - u) / 40), n),
        )
        current = 10.0 * (-60.0 - v) + 2e4 * m**3 * h * (50.0 - v) + 6e3 * n**4 * (-90.0 - v) - g * v + 150.0
        return [current / 200.0, *(a * (1 - x) - b * x for a, b, x in rates), -g / 5.0]

    target = solved(slope, [-60.0, 0.0, 0.0, 0.0, 4.0], 6.0)
    errors = [abs(at_end(ng.HH(), {"exc": 4.0, "current": 150.0}, dt, 6.0) - target) for dt in (0.01, 0.005, 0.0025)]
    assert errors[2] < 0.15 and 1.7 < errors[0] / errors[1] < 2.4, errors


def test_rates_at_their_singular_points() -> None:
    """x/(exp(x) - 1) where it is 0/0, and on both sides of where the series takes over."""
    x = np.concatenate([[0.0], *(s * np.array([1e-12, 1e-3, 0.0999, 0.1001, 1.0, 30.0]) for s in (1, -1))])
    start = {"v": -63.0 + 13.0 - 4.0 * x, "m": 0.0, "h": 0.0, "n": 0.0, "g_exc": 0.0, "g_inh": 0.0, "refractory": 0.0}
    _, states = run(ng.HH(), {"current": np.zeros((1, len(x)))}, dt=1e-6, start=start)
    a_m = 1.28 * np.array([v / math.expm1(v) if v else 1.0 for v in x])
    np.testing.assert_allclose(states["m"][0], a_m * 1e-6, rtol=1e-4, err_msg="m is a_m dt")
    for y in np.linspace(-0.2, 0.2, 81):
        expected = y / math.expm1(y) if abs(y) > 1e-9 else 1.0
        assert _number(over_exprel, y) == pytest.approx(expected, rel=1e-14)


def _number(function: Any, x: float) -> float:
    """A function of a step on one number."""
    trace = Trace()
    leaf = trace.leaf("x")
    value = trace.lift(function(leaf, exp(leaf)))
    return float(interpret(expand({"y": value}, "float64"), {"x": x}, np.dtype("float64"))["y"])


@pytest.mark.parametrize("cls", PHYSICAL, ids=lambda c: c.__name__)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_input_makes_a_nan(cls: type[ng.Neuron], dtype: str) -> None:
    rng, size = np.random.default_rng(1), (200, 64)
    scale = 10.0 ** rng.uniform(-3.0, 6.0, (1, 64))
    inputs = {}
    for port in cls.inputs:
        wild = rng.normal(size=size) * scale
        conducts = port.rpartition("_")[2] in ("exc", "inh") and issubclass(
            cls, ng.CondExpLIF | ng.CondAlphaLIF | ng.HH | ng.AdEx | ng.ThreeCompCond
        )
        inputs[port] = np.abs(wild) if conducts else wild
    # nothing keeps Euler's rule for the squid axon from diverging
    neuron = ng.HHClassic(integration="exponential_euler") if cls is ng.HHClassic else cls()
    with np.errstate(over="ignore"):
        spikes, states = run(neuron, inputs, dtype=dtype)
    assert set(np.unique(spikes)) <= {0.0, 1.0}
    for name, trace in states.items():
        assert np.isfinite(trace).all(), name


@pytest.mark.parametrize("order", ["simultaneous", "sequential", "two_half_steps"])
def test_orders_of_izhikevich(order: str) -> None:
    rng = np.random.default_rng(2)
    current = rng.uniform(0.0, 20.0, (1000, 6))
    a, b = np.array([0.02, 0.02, 0.02, 0.1, 0.02, 0.1]), np.array([0.2, 0.2, 0.2, 0.2, 0.25, 0.25])
    c, d = np.array([-65.0, -55.0, -50.0, -65.0, -65.0, -65.0]), np.array([8.0, 4.0, 2.0, 2.0, 0.05, 2.0])
    spikes, states = run(ng.Izhikevich(a=a, b=b, c=c, d=d, order=order), {"current": current}, dt=0.5)
    v, u, counts = np.full(6, -65.0), np.full(6, -13.0), np.zeros(6)
    for n in range(1000):

        def slope(v: np.ndarray, u: np.ndarray = u, x: np.ndarray = current[n]) -> np.ndarray:
            return 0.04 * v**2 + 5 * v + 140 - u + x

        old = v
        if order == "two_half_steps":
            v = v + 0.25 * slope(v)
            v = v + 0.25 * slope(v)
        else:
            v = v + 0.5 * slope(v)
        u = u + 0.5 * a * (b * (old if order == "simultaneous" else v) - u)
        fired = v > 30.0
        counts += fired
        v, u = np.where(fired, c, v), np.where(fired, u + d, u)
        if n < 60:  # rounding is amplified through the upstroke
            np.testing.assert_allclose(states["v"][n], v, rtol=1e-6)
            assert np.array_equal(spikes[n] > 0, fired)
    assert counts.min() > 5 and np.all(np.abs(spikes.sum(0) - counts) <= 1)


def test_braincogs_adaptive_exponential() -> None:
    rng, dt = np.random.default_rng(3), 1.0
    current = rng.uniform(0.0, 30.0, (300, 3))
    p = dict(c_m=8.5, v_th=-45.0, v_reset=-66.0, tau_w=2.0, a=-0.2, b=0.45)
    spikes, states = run(ng.BrainCogAEIF(**p), {"current": current}, dt)
    v, ad, since = np.full(3, -66.0), np.zeros(3), np.full(3, 100.0)
    for n in range(300):
        on = since > 5.0 / dt
        force = -0.1 * (v + 66.0) + 0.05 * np.exp(np.minimum((v + 45.0) / 0.5, 50.0)) - 0.2 * ad + current[n]
        v = v + on * dt / 8.5 * force
        ad = ad + on * dt / 2.0 * (-ad + 0.45 * (v + 66.0))
        fired = v > -45.0
        since = since * ~fired + 1.0
        ad, v = ad + 30.0 * fired, np.where(fired, -66.0, v)
        assert np.array_equal(spikes[n] > 0, fired), n
        np.testing.assert_allclose(states["v"][n], v, rtol=1e-9)
        np.testing.assert_allclose(states["ad"][n], ad, rtol=1e-9, atol=1e-9)
    assert spikes.sum() > 20


def test_the_squid_axon() -> None:
    dt, current = 0.01, np.full((3000, 1), 12.0)
    spikes, states = run(ng.HHClassic(), {"current": current}, dt)
    v, m, h, n = 0.0, 0.05, 0.59, 0.31
    times = []
    for t in range(3000):
        a_n, b_n = (0.1 - 0.01 * v) / (math.exp(1 - 0.1 * v) - 1), 0.125 * math.exp(-v / 80)
        a_m, b_m = (2.5 - 0.1 * v) / (math.exp(2.5 - 0.1 * v) - 1), 4 * math.exp(-v / 18)
        a_h, b_h = 0.07 * math.exp(-v / 20), 1 / (math.exp(3 - 0.1 * v) + 1)
        m, h, n = (
            m + dt * (a_m * (1 - m) - b_m * m),
            h + dt * (a_h * (1 - h) - b_h * h),
            n + dt * (a_n * (1 - n) - b_n * n),
        )
        before = v
        v += dt * (12.0 - 120 * m**3 * h * (v - 115) - 36 * n**4 * (v + 12) - 0.3 * (v - 10.6))
        if before < 50 < v:
            times.append(t)
    assert np.flatnonzero(spikes[:, 0]).tolist() == times and len(times) >= 2
    assert states["v"][-1, 0] == pytest.approx(v, rel=1e-6)
    longer, _ = run(ng.HHClassic(integration="exponential_euler"), {"current": np.full((300, 1), 12.0)}, 0.1)
    assert longer.sum() == len(times)


def test_adaptive_thresholds() -> None:
    drive = np.full((2000, 1), 3.0)
    spikes, states = run(ng.ALIF(), {"input": drive}, 1.0)
    gaps = np.diff(np.flatnonzero(spikes[:, 0]))
    assert gaps[-1] > gaps[0] and len(gaps) > 20
    at = np.flatnonzero(spikes[:, 0])[0]
    alpha, rho = math.exp(-1 / 20), math.exp(-1 / 200)
    assert states["b"][at, 0] == pytest.approx(1 - rho, rel=1e-12)
    assert states["v"][0, 0] == pytest.approx((1 - alpha) * 3.0, rel=1e-12)
    assert states["v"][at, 0] == pytest.approx(3.0 * (1 - alpha ** (at + 1)) - 1.0, rel=1e-12)

    spikes, states = run(ng.GIF(), {"current": np.full((20000, 1), 250.0)})
    steps = np.flatnonzero(spikes[:, 0])
    gaps = np.diff(steps)
    assert len(gaps) > 3 and gaps[-1] > gaps[0] > 40
    first = steps[0]
    assert states["theta1"][first, 0] == 11.7 and states["eta2"][first, 0] == -6.9
    later = first + 100
    if later < steps[1]:
        assert states["theta2"][later, 0] == pytest.approx(1.8 * math.exp(-10.0 / 640.0), rel=1e-12)


def test_unconnected_ports_are_zero() -> None:
    one = run(ng.CondExpLIF(), {"exc": np.full((50, 1), 9.0)})
    all_three = run(
        ng.CondExpLIF(), {"exc": np.full((50, 1), 9.0), "inh": np.zeros((50, 1)), "current": np.zeros((50, 1))}
    )
    assert np.array_equal(one[1]["v"], all_three[1]["v"]) and one[0].sum() > 0
