"""Which code runs each population of a network, on each backend, and why."""

from __future__ import annotations

from typing import Any

from neurograph.errors import NeuroGraphError
from neurograph.graph import Graph
from neurograph.passes.problems import MANY, expected_synapses
from neurograph.tape import Tape


def kernels_of(graph: Graph, dt: float) -> list[dict[str, str]]:
    """A row for each population and backend: what runs it, and why."""
    from neurograph.compiler import lower

    tape = lower(graph, dt=dt)
    rows = []
    for backend in ("numba", "torch"):
        try:
            rows += (
                _circuit(graph, tape, dt)
                if backend == "numba" and not graph.inputs
                else _program(graph, tape, dt, backend)
            )
        except NeuroGraphError as error:
            rows.append({"population": "all", "backend": backend, "kernel": "none", "why": str(error)})
    return rows


def _loops(tape: Tape) -> dict[str, int]:
    """Steps of a round, of each population that lies in a cycle."""
    return {
        i.name: loop.steps for loop in tape.instructions if loop.op == "loop" for i in loop.body if i.op == "neuron"
    }


def _program(graph: Graph, tape: Tape, dt: float, backend: str) -> list[dict[str, str]]:
    if expected_synapses(tape) > MANY:
        return [
            {
                "population": "all",
                "backend": backend,
                "kernel": "not looked at",
                "why": "its synapses are many, and are not made here",
            }
        ]
    loops = _loops(tape)
    chosen = _of_torch(graph, dt) if backend == "torch" else {}
    rows = []
    for instr in (i for i in tape.walk() if i.op == "neuron"):
        if backend == "torch":
            kernel, why = chosen[instr.name]
        elif not instr.what.states and not instr.what.given:
            kernel, why = "fused Numba kernel", "no state: one pass over all steps"
        else:
            kernel, why = "fused Numba kernel", "its step traced into one loop over all steps"
        if instr.name in loops:
            why += f"; in a cycle, so in rounds of {loops[instr.name]} step{'s' * (loops[instr.name] > 1)}"
        rows.append(
            {"population": instr.name, "neuron": repr(instr.what), "backend": backend, "kernel": kernel, "why": why}
        )
    return rows


def _of_torch(graph: Graph, dt: float) -> dict[str, tuple[str, str]]:
    import torch

    from neurograph.compiler import compile
    from neurograph.kernels import threads, triton

    cuda = torch.cuda.is_available()
    device = "cuda" if cuda else "cpu"
    program = compile(graph, "torch", dt=dt, device=device)
    out = {}
    for name, module in program.named_modules():
        if not hasattr(module, "_engine_kind"):
            continue
        kind = module._engine_kind(torch.empty(0, device=device), program.dtype)
        if kind == "cpu":
            out[name] = "fused Numba kernel", f"forward and backward over all steps, on {threads.used()}"
        elif kind == "triton":
            out[name] = "fused Triton kernel", f"on {torch.cuda.get_device_name()}"
        elif not module.scan.states:
            out[name] = "torch operators", "no state to carry, so one call for all steps"
        else:
            out[name] = (
                "torch operators",
                triton.unavailable(device) if cuda else "fused kernels are for the CPU and CUDA",
            )
    return out


def _circuit(graph: Graph, tape: Tape, dt: float) -> list[dict[str, str]]:
    if expected_synapses(tape) > MANY:
        return [
            {
                "population": "all",
                "backend": "numba",
                "kernel": "simulator",
                "why": "its synapses are many, and are not made here",
            }
        ]
    from neurograph.compiler import compile

    sim: Any = compile(graph, "numba", dt=dt)
    period = sim.engine.period
    rows = []
    for name, unit in sim.engine.units.items():
        what = "lists its spikes" if unit.plan.events else "sends values"
        rows.append(
            {
                "population": name, "neuron": repr(unit.plan.neuron), "backend": "numba", "kernel": "simulator, generated for its kind",
                "why": f"no inputs: a circuit, stepped in periods of {period} step{'s' * (period > 1)} (the shortest delay); it {what}",
            }
        )  # fmt: skip
    return rows
