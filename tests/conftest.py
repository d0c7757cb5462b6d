"""One neuron on every path: reference, numba, torch eager and torch fused."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph.kernels.eager import prologue_code

# a job in the background inherits a SIGINT that is ignored, and so would every process the tests start
with contextlib.suppress(ValueError):  # not the main thread
    signal.signal(signal.SIGINT, signal.default_int_handler)

FORWARD = ("reference", "numba", "eager", "fused")
TRAINING = ("reference", "eager", "fused")


@dataclass
class Ran:
    """What one path computed: the output, the probes, the final states and the gradients by name."""

    output: np.ndarray
    recorded: dict[str, np.ndarray]
    final: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray] = field(default_factory=dict)


def solo_graph(neuron: ng.Neuron, shape: tuple[int, ...], probes: tuple[str, ...] = ()) -> ng.Graph:
    """Population "n" with one input per port, named after it, and its first output as "out", step by step."""
    graph = ng.Graph("solo")
    population = graph.population("n", neuron, shape)
    for port in neuron.inputs:
        graph.connect(graph.input(port, shape), population[port])
    graph.connect(population, graph.output("out", readout=ng.Steps()))
    if probes:
        graph.probe(population, *probes)
    return graph


def run_path(
    path: str,
    neuron: ng.Neuron,
    inputs: Mapping[str, Any],
    g: Any = None,
    *,
    dt: float = 1.0,
    dtype: str = "float32",
    probes: tuple[str, ...] = (),
    steps: int | None = None,
    states: Mapping[str, Any] | None = None,
    final_g: Mapping[str, Any] | None = None,
) -> Ran:
    """Run a neuron; with `g`, also the gradients of sum(output * g) (+ those of the final states).

    Inputs are [T, N, ...] or static [N, ...]; gradients come back under the names of ports, parameters and,
    for states passed in, "start_<state>".
    """
    shape = next(iter(inputs.values())).shape[1:] if steps else next(iter(inputs.values())).shape[2:]
    graph = solo_graph(neuron, tuple(shape), probes)
    xs = {n: np.asarray(x, dtype) for n, x in inputs.items()}
    start = None if states is None else {f"n.{k}": np.asarray(v, dtype) for k, v in states.items()}
    if path in ("reference", "numba"):
        program = ng.compile(graph, path, dt=dt, dtype=dtype)
        outputs, after = program.run(xs, steps, start)
        gradients = _reference_gradients(program, xs, g) if g is not None and path == "reference" else {}
    else:
        program = ng.compile(graph, "torch", dt=dt, dtype=dtype, fused=path == "fused")
        leaves = {n: torch.tensor(x, requires_grad=g is not None) for n, x in xs.items()}
        first = None if start is None else {k: torch.tensor(v, requires_grad=True) for k, v in start.items()}
        outputs, after = program.run(leaves, steps, first)
        gradients = {}
        if g is not None:
            loss = (outputs["out"] * torch.tensor(np.asarray(g, dtype))).sum()
            for name, value in (final_g or {}).items():
                loss = loss + (after[f"n.{name}"] * torch.tensor(np.asarray(value, dtype))).sum()
            loss.backward()
            gradients = {n: _array(x.grad) for n, x in leaves.items()}
            gradients |= {n.removeprefix("n."): _array(p.grad) for n, p in program.named_parameters()}
            gradients |= {k.replace("n.", "start_"): _array(v.grad) for k, v in (first or {}).items()}
    recorded = {k.removeprefix("n."): r.array() for k, r in program.recordings.items()}
    final = {k.removeprefix("n."): _array(v) for k, v in after.items() if k.startswith("n.")}
    return Ran(_array(outputs["out"]), recorded, final, gradients)


def _array(x: Any) -> np.ndarray:
    return x.detach().numpy() if isinstance(x, torch.Tensor) else np.zeros(()) if x is None else np.asarray(x)


def _reference_gradients(program: Any, xs: Mapping[str, Any], g: Any) -> dict[str, np.ndarray]:
    """The definition's gradients; those of uniforms reach the parameters through the prologue."""
    unit = program.units["n"]
    found = program.neuron_gradient("n", xs, {unit.scan.outputs[0]: g})
    out = {n: found[n] for n in xs}
    params = {n: torch.tensor(a, requires_grad=True) for n, a in unit.params.items()}
    uniforms = prologue_code(unit.scan)(params)
    wanted = [(u * torch.as_tensor(found[n])).sum() for n, u in uniforms.items() if n in found]
    if wanted:
        torch.stack(wanted).sum().backward()
    return out | {n: _array(p.grad) for n, p in params.items()}


def _same(a: np.ndarray, b: np.ndarray, what: str) -> None:
    assert a.dtype == b.dtype and a.shape == b.shape, f"{what}: {a.dtype}{a.shape} and {b.dtype}{b.shape}"
    # +0 and -0 are one number
    assert np.array_equal(a, b, equal_nan=True), f"{what}: {np.abs(a - b).max():.3g} apart"


@pytest.fixture(scope="session")
def solo() -> Callable[..., ng.Graph]:
    return solo_graph


@pytest.fixture(scope="session")
def run_neuron() -> Callable[..., Ran]:
    return run_path


@pytest.fixture(scope="session")
def bit_equal() -> Callable[[np.ndarray, np.ndarray, str], None]:
    return _same
