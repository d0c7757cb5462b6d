"""Every neuron, on every path, bit for bit; and its gradients against autograd and finite differences."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph import learnable

SHAPE, STEPS, BATCH = (3, 2, 2), 6, 2

REQUIRED = {"IF", "LIF", "PLIF", "LeakyIntegrator", "ThreeComp", "MCN"}


def _channels(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, SHAPE[0])


def _neurons(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, int(np.prod(SHAPE))).reshape(SHAPE)


# a neuron in mV needs more than a number around 1 to fire: port -> range of the drive
DRIVES: dict[str, dict[str, tuple[float, float]]] = {
    "PscDeltaLIF": {"input": (0.0, 20.0), "current": (-100.0, 600.0)},
    "PscExpLIF": {"exc": (0.0, 900.0), "inh": (-300.0, 0.0), "current": (-100.0, 600.0)},
    "PscAlphaLIF": {"exc": (0.0, 900.0), "inh": (-300.0, 0.0), "current": (-100.0, 600.0)},
    "CondExpLIF": {"exc": (0.0, 100.0), "inh": (0.0, 5.0), "current": (-100.0, 900.0)},
    "CondAlphaLIF": {"exc": (0.0, 900.0), "inh": (0.0, 5.0), "current": (-100.0, 2500.0)},
    "AdEx": {"exc": (0.0, 500.0), "inh": (0.0, 5.0), "current": (-100.0, 3000.0)},
    "BrainCogAEIF": {"current": (-50.0, 1000.0)},
    "Izhikevich": {"input": (0.0, 5.0), "current": (-2.0, 60.0)},
    "GIF": {"exc": (0.0, 900.0), "inh": (-300.0, 0.0), "current": (-100.0, 600.0)},
    "ThreeCompCond": {
        "soma_exc": (0.0, 100.0),
        "soma_inh": (0.0, 5.0),
        "soma_current": (-100.0, 900.0),
        "basal_exc": (0.0, 100.0),
        "basal_inh": (0.0, 5.0),
        "basal_current": (-100.0, 900.0),
        "apical_exc": (0.0, 100.0),
        "apical_inh": (0.0, 5.0),
        "apical_current": (-100.0, 900.0),
    },
    "HHClassic": {"current": (-5.0, 3000.0)},
    "ALIF": {"input": (0.0, 40.0)},
    "HH": {"exc": (0.0, 50.0), "inh": (0.0, 5.0), "current": (-100.0, 900.0)},
}
# what a neuron only compares or, once it has fired, forgets: no gradient passes
COMPARED = {"BoundedIF": {"input"}, "SpikeCalibration": {"start_last"}}
# Euler's rule needs a short step here
STEP_LENGTH = {"HHClassic": 0.01}

# name -> the neuron, and the dtypes it is compiled for (every registered neuron runs in both)
VARIANTS: dict[str, tuple[Callable[[], ng.Neuron], tuple[str, ...]]] = {
    **{name: (cls, ("float32", "float64")) for name, cls in ng.NEURONS.items()},
    "LIF soft, not detached": (lambda: ng.LIF(reset="soft", detach_reset=False), ("float64",)),
    "LIF none": (lambda: ng.LIF(reset="none", decay_input=False), ("float64",)),
    "LIF exact": (lambda: ng.LIF(integration="exact", tau=3.0), ("float32",)),
    "LIF detach_state": (lambda: ng.LIF(detach_state=True), ("float64",)),
    "LIF learnt": (
        lambda: ng.LIF(
            tau=learnable(_channels(1.5, 4.0), per="channel"),
            threshold=learnable(_neurons(0.3, 0.8), per="neuron"),
            v_rest=-0.1,
            v_reset=-0.2,
            detach_reset=False,
            surrogate=ng.Atan(learnable(2.0)),
        ),
        ("float32", "float64"),
    ),
    "LIF per channel": (lambda: ng.LIF(tau=_channels(1.5, 4.0), v_rest=_neurons(-0.2, 0.2)), ("float32",)),
    "IF sigmoid threshold": (lambda: ng.IF(threshold=learnable(0.2), threshold_of="sigmoid"), ("float32",)),
    "MCN schematic": (lambda: ng.MCN.schematic(), ("float32",)),
    "CondExpLIF euler": (lambda: ng.CondExpLIF(integration="euler", t_ref=0.0, tau_exc=2.0), ("float32",)),
    "CondExpLIF rk4": (lambda: ng.CondExpLIF(integration="rk4", i_e=100.0), ("float64",)),
    "CondAlphaLIF rk4": (lambda: ng.CondAlphaLIF(integration="rk4", tau_exc=learnable(0.5)), ("float64",)),
    "PscExpLIF learnt": (
        lambda: ng.PscExpLIF(
            c_m=10.0, tau_m=learnable(10.0), tau_exc=learnable(10.0), tau_inh=_neurons(1.0, 20.0), v_th=learnable(-55.0)
        ),
        ("float32", "float64"),
    ),
    "HH above": (lambda: ng.HH(detection="above", t_ref=3.0, g_na=learnable(20000.0)), ("float64",)),
    "AdEx euler": (lambda: ng.AdEx(integration="euler", t_ref=2.0, b=learnable(80.5)), ("float64",)),
    "Izhikevich sequential": (lambda: ng.Izhikevich(order="sequential"), ("float32",)),
    "Izhikevich half steps": (lambda: ng.Izhikevich(order="two_half_steps", a=learnable(0.02)), ("float64",)),
    "ALIF hard": (lambda: ng.ALIF(reset="hard", t_ref=2.0, beta=learnable(1.8)), ("float64",)),
    "HHClassic exponential": (lambda: ng.HHClassic(integration="exponential_euler"), ("float64",)),
    "BurstIF bursts": (lambda: ng.BurstIF(max_spikes=3, threshold=_channels(0.3, 0.6), v0=0.1), ("float32", "float64")),
    "BurstIF hard": (lambda: ng.BurstIF(max_spikes=2, reset="hard", threshold=learnable(0.4)), ("float64",)),
    "BurstIF none": (lambda: ng.BurstIF(reset="none"), ("float32",)),
    "BoundedIF signed": (lambda: ng.BoundedIF(high=2, low=-2, threshold=_channels(0.3, 0.6)), ("float32",)),
    "SpikeCalibration debt": (lambda: ng.SpikeCalibration(debt=True, allowance=1.0), ("float64",)),
    "MCN gate_leak": (lambda: ng.MCN(gate_leak=False, tau_apical=learnable(2.0), detach_reset=False), ("float64",)),
}
CHOSEN = [(n, d) for n, (_, ds) in VARIANTS.items() for d in ds]


@pytest.fixture
def drive() -> Callable[..., dict[str, np.ndarray]]:
    def make(neuron: ng.Neuron, steps: int = STEPS, seed: int = 0, scale: float = 1.5) -> dict[str, np.ndarray]:
        rng, size = np.random.default_rng(seed), (steps, BATCH, *SHAPE)
        ranges = DRIVES.get(type(neuron).__name__)
        if ranges is not None:
            return {p: rng.uniform(*ranges[p], size) for p in neuron.inputs}
        return {p: rng.normal(0.5, scale, size) for p in neuron.inputs}

    return make


def start(neuron: ng.Neuron, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """States around 0, and for neurons in mV around those they start from."""
    states = {s: rng.normal(0.0, 0.3, (BATCH, *SHAPE)) for s in neuron.states}
    if type(neuron).__name__ in DRIVES:
        states = {s: x + neuron.params.get(neuron.initial[s], neuron.initial[s]) for s, x in states.items()}
    return states


def close(a: np.ndarray, b: np.ndarray, dtype: str, what: str) -> None:
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.abs(b).max())), err_msg=what)


def inner(neuron: ng.Neuron) -> tuple[str, ...]:
    """What can be probed besides the outputs: states, and where one threshold is compared the margin."""
    return tuple(p for p in (*neuron.states, *neuron.trace().observed) if p not in neuron.outputs)


def test_the_registry_is_whole() -> None:
    assert set(ng.NEURONS) >= REQUIRED
    assert len(ng.SURROGATES) >= 10


@pytest.mark.parametrize(("name", "dtype"), CHOSEN)
def test_forward_is_equal_bit_for_bit(name: str, dtype: str, run_neuron: Any, bit_equal: Any, drive: Any) -> None:
    neuron = VARIANTS[name][0]()
    probes = inner(neuron)
    dt = STEP_LENGTH.get(type(neuron).__name__, 1.0)
    ran = {p: run_neuron(p, neuron, drive(neuron), dt=dt, dtype=dtype, probes=probes) for p in
           ("reference", "numba", "eager", "fused")}  # fmt: skip
    reference = ran["reference"]
    assert np.count_nonzero(reference.output) > 0
    for path, found in ran.items():
        bit_equal(found.output, reference.output, f"{path} output")
        assert set(found.final) == set(neuron.states)
        for state in neuron.states:
            bit_equal(found.final[state], reference.final[state], f"{path} {state}")
        for probe in probes:
            bit_equal(found.recorded[probe], reference.recorded[probe], f"{path} {probe}")


@pytest.mark.parametrize(("name", "dtype"), CHOSEN)
def test_fused_gradients_are_autograds(name: str, dtype: str, run_neuron: Any, drive: Any) -> None:
    neuron, rng = VARIANTS[name][0](), np.random.default_rng(1)
    xs = drive(neuron)
    g = rng.normal(size=(STEPS, BATCH, *SHAPE))
    states = start(neuron, rng)
    final = {s: rng.normal(size=(BATCH, *SHAPE)) for s in neuron.states}
    dt = STEP_LENGTH.get(type(neuron).__name__, 1.0)
    eager, fused = (
        # probed so that both tests share the forward kernel
        run_neuron(path, neuron, xs, g, dt=dt, dtype=dtype, states=states, final_g=final, probes=inner(neuron))
        for path in ("eager", "fused")
    )
    learnt = {n for n, v in neuron.params.items() if isinstance(v, ng.spec.Learnable)}
    assert set(fused.gradients) == set(xs) | learnt | {f"start_{s}" for s in neuron.states}
    for key in fused.gradients:
        close(fused.gradients[key], eager.gradients[key], dtype, key)
        # the schematic soma remembers nothing, and detached states pass nothing back
        silent = (key == "start_u" and name == "MCN schematic") or (key.startswith("start") and "detach_state" in name)
        silent |= key == "start_refractory"  # a count of steps decides and is not differentiated
        silent |= key in COMPARED.get(type(neuron).__name__, ())
        assert silent or np.any(fused.gradients[key] != 0), key


@pytest.mark.parametrize("name", sorted(ng.SURROGATES))
def test_surrogates(name: str, run_neuron: Any, bit_equal: Any, drive: Any) -> None:
    rule = ng.surrogate_named(name)()
    learns = type(rule).width_derivative is not ng.Surrogate.width_derivative
    neuron = ng.LIF(surrogate=type(rule)(learnable(1.3)) if learns else rule)
    xs, g = drive(neuron), np.random.default_rng(2).normal(size=(STEPS, BATCH, *SHAPE))
    eager, fused, reference = (
        run_neuron(path, neuron, xs, g, dtype="float64") for path in ("eager", "fused", "reference")
    )
    bit_equal(fused.output, reference.output, "fused")
    bit_equal(eager.output, reference.output, "eager")
    assert np.any(fused.gradients["input"] != 0)
    for key in fused.gradients:
        close(fused.gradients[key], eager.gradients[key], "float64", key)
        close(reference.gradients[key], eager.gradients[key], "float64", f"reference {key}")


SMOOTH: dict[str, Callable[..., ng.Neuron]] = {
    "LIF": lambda **v: ng.LIF(tau=learnable(2.5), threshold=learnable(0.6), detach_reset=False, v_reset=-0.3, **v),
    "LIF exact soft": lambda **v: ng.LIF(
        integration="exact", tau=learnable(2.5), reset="soft", detach_reset=False, **v
    ),
    "PLIF": lambda **v: ng.PLIF(detach_reset=False, **v),
    "MCN": lambda **v: ng.MCN(tau=learnable(2.5), beta=learnable(1.5), detach_reset=False, **v),
    "ThreeComp": lambda **v: ng.ThreeComp(tau_basal=learnable(2.5), detach_reset=False, **v),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_are_those_of_finite_differences(name: str, drive: Any) -> None:
    """With a surrogate that is its own forward function, the gradient is the true one."""
    neuron = SMOOTH[name](surrogate=ng.surrogate_named("Smooth")(3.0))
    rng = np.random.default_rng(4)
    graph = ng.Graph()
    population = graph.population("n", neuron, SHAPE)
    for port in neuron.inputs:
        graph.connect(graph.input(port, SHAPE), population[port])
    graph.connect(population, graph.output("out", readout=ng.Steps()))
    program = ng.compile(graph, "torch", dtype="float64")
    xs = {n: torch.tensor(x, requires_grad=True) for n, x in drive(neuron).items()}
    start = {f"n.{s}": torch.tensor(rng.normal(0, 0.3, (BATCH, *SHAPE)), requires_grad=True) for s in neuron.states}
    g = torch.tensor(rng.normal(size=(STEPS, BATCH, *SHAPE)))
    after_g = {k: torch.tensor(rng.normal(size=v.shape)) for k, v in start.items()}

    def loss() -> torch.Tensor:
        outputs, after = program.run(xs, state=start)
        return (outputs["out"] * g).sum() + sum((after[k] * w).sum() for k, w in after_g.items())

    loss().backward()
    tensors = {**xs, **start, **dict(program.named_parameters())}
    for key, tensor in tensors.items():
        direction = torch.tensor(rng.normal(size=tensor.shape))
        slope = float((tensor.grad * direction).sum())
        with torch.no_grad():
            kept, h, values = tensor.clone(), 1e-5, []
            for sign in (1.0, -1.0):
                tensor.copy_(kept + sign * h * direction)
                values.append(float(loss()))
            tensor.copy_(kept)
        assert slope == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-6, abs=1e-7), key


@pytest.mark.parametrize("path", ["reference", "numba", "eager", "fused"])
def test_static_input_is_the_same_input_at_every_step(path: str, run_neuron: Any, bit_equal: Any, drive: Any) -> None:
    neuron = ng.LIF()
    image = drive(neuron)["input"][0]
    g = None if path in ("numba", "reference") else np.random.default_rng(2).normal(size=(STEPS, BATCH, *SHAPE))
    static = run_neuron(path, neuron, {"input": image}, g, steps=STEPS, dtype="float64")
    repeated = run_neuron(path, neuron, {"input": np.stack([image] * STEPS)}, g, dtype="float64")
    bit_equal(static.output, repeated.output, "output")
    assert static.output.sum() > 0
    if g is not None:
        close(static.gradients["input"], repeated.gradients["input"].sum(0), "float64", "input")


@pytest.mark.parametrize("path", ["reference", "numba", "eager", "fused"])
def test_one_step_and_runs_that_go_on(path: str, run_neuron: Any, bit_equal: Any, drive: Any) -> None:
    neuron = ng.LIF()
    xs = drive(neuron)["input"]
    whole = run_neuron(path, neuron, {"input": xs}, dtype="float64")
    states, parts = None, []
    for cut in (slice(0, 1), slice(1, 4), slice(4, None)):
        part = run_neuron(path, neuron, {"input": xs[cut]}, dtype="float64", states=states)
        states, parts = part.final, [*parts, part.output]
    bit_equal(np.concatenate(parts), whole.output, "output")
    bit_equal(part.final["v"], whole.final["v"], "final state")


def _fused_call(x: torch.Tensor, g: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    graph = ng.Graph()
    n = graph.population("n", ng.LIF(tau=learnable(2.5), threshold=learnable(0.6)), tuple(x.shape[2:]))
    graph.connect(graph.input("x", x.shape[2:]), n)
    graph.connect(n, graph.output("y", readout=ng.Steps()))
    program = ng.compile(graph)
    leaf = x.detach().requires_grad_(True)
    y = program.run(leaf)[0]["y"]
    y.backward(g)
    return y.detach(), leaf.grad, {k: p.grad for k, p in program.named_parameters()}


def test_memory_layouts() -> None:
    torch.manual_seed(0)
    x, g = torch.randn(4, 3, 5, 4, 6) * 2, torch.randn(4, 3, 5, 4, 6)
    y, gx, gp = _fused_call(x, g)
    last = x.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
    odd = torch.stack([x, x], -1)[..., 0]
    for other, name in (
        (last, "channels last"),
        (odd, "strided"),
        (x.transpose(0, 1).contiguous().transpose(0, 1), "N T"),
    ):
        for upstream in (g, torch.stack([g, g], -1)[..., 1], g[:, :, :1, :1, :1].expand_as(g)):
            y2, gx2, gp2 = _fused_call(other, upstream)
            expected = _fused_call(x, upstream.contiguous())
            assert torch.equal(y2, y) and torch.equal(gx2, expected[1]), name
            for key, value in gp2.items():
                torch.testing.assert_close(value, expected[2][key], rtol=1e-5, atol=1e-5)
    y2, gx2, _ = _fused_call(last, g)
    assert y2.stride() == last.stride() and y2[0].is_contiguous(memory_format=torch.channels_last)
    assert gx2.stride() == last.stride()
    assert y.is_contiguous() and torch.any(gp["n.tau"] != 0) and torch.equal(gx, _fused_call(x, g)[1])


def test_threads_do_not_change_a_bit() -> None:
    torch.manual_seed(0)
    x, g = torch.randn(5, 4, 3, 50, 50) * 2, torch.randn(5, 4, 3, 50, 50)  # enough work for several threads
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            y, gx, gp = _fused_call(x, g)
            found.append([y, gx, *gp.values()])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(found[0], other, strict=True))


_PROCESS = """
import numpy as np, neurograph as ng, torch
graph = ng.Graph()
n = graph.population("n", ng.LIF(), (3, 2, 2))
graph.connect(graph.input("input", (3, 2, 2)), n)
graph.connect(n, graph.output("out", readout=ng.Steps()))
x = torch.tensor(np.random.default_rng(0).normal(0.5, 1.5, (6, 2, 3, 2, 2)), dtype=torch.float64, requires_grad=True)
y = ng.compile(graph, dtype="float64").run(x)[0]["out"]
(y * x.detach()).sum().backward()
print(y.detach().numpy().tobytes().hex(), x.grad.numpy().tobytes().hex())
"""


def test_a_second_process_computes_the_same(tmp_path: Any) -> None:
    """The second one finds the kernels on disk: no new file appears, and the bits are the same."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    printed, files = [], []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", _PROCESS], env=environment, capture_output=True, text=True, check=True
        )
        printed.append(done.stdout)
        files.append(sorted(p.name for p in tmp_path.rglob("*") if p.is_file()))
    assert len(printed[0]) > 1000 and printed[0] == printed[1]
    assert files[0] and files[0] == files[1]
