"""compile: the one bridge from a graph to a program, through a visible list of passes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from neurograph.backends import backend_named
from neurograph.errors import BackendError, GraphError
from neurograph.graph import RATE, Graph, Population
from neurograph.held import by_name
from neurograph.passes import PASSES, build, fuse, infer, plan, schedule, validate
from neurograph.tape import Tape

if TYPE_CHECKING:
    from neurograph.backends.numba import NumbaProgram
    from neurograph.backends.reference import ReferenceProgram
    from neurograph.backends.torch import TorchProgram


def lower(graph: Graph, *, dt: float = 1.0, schedule_mode: str = "auto", stop_after: str | None = None) -> Tape:
    """The tape of a graph after the passes up to `stop_after` (all by default)."""
    if stop_after is not None and stop_after not in PASSES[1:]:
        raise GraphError(f"stop_after={stop_after!r}: choose one of {', '.join(PASSES[1:])}")
    if not (isinstance(dt, int | float) and 0 < dt < float("inf")):
        raise GraphError(f"dt={dt!r}: the step length is a finite number above 0")
    tape = replace(infer(validate(graph, dt), dt), graph=graph.copied())  # the caller may go on changing it
    rest = (("fuse", fuse), ("schedule", lambda t: schedule(t, schedule_mode)), ("plan", plan))
    for name, apply in rest:
        if tape.passes[-1] == stop_after:
            break
        tape = apply(tape)
        assert tape.passes[-1] == name
    return tape


@overload
def compile(graph: Graph, backend: Literal["torch"] = "torch", **options: Any) -> TorchProgram: ...
@overload
def compile(graph: Graph, backend: Literal["numba"], **options: Any) -> NumbaProgram: ...
@overload
def compile(graph: Graph, backend: Literal["reference"], **options: Any) -> ReferenceProgram: ...
@overload
def compile(graph: Graph, backend: str, *, stop_after: str, **options: Any) -> Tape: ...
@overload
def compile(graph: Graph, backend: str, **options: Any) -> Any: ...
def compile(
    graph: Graph,
    backend: str = "torch",
    *,
    dt: float = 1.0,
    dtype: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    weights: Any = None,
    schedule: str = "auto",
    check_numerics: bool = False,
    stop_after: str | None = None,
    **options: Any,
) -> Any:
    """Compile a graph to a program.

    backend: "torch" (trains; CPU or CUDA), "numba" (simulates on the CPU), "reference" (NumPy, the definition).
    A graph without inputs on "numba" is a circuit and gives a Simulation, whose options are threads= (at most; the
    results are the same for any number) and share_above= (work of a meeting from which several take part).
    dt: step length in the unit of the time constants. dtype: "float32" or "float64" (default: float32 on torch and
    numba, float64 on reference and for circuits). steps: T of a run that
    does not say. seed: of the initial weights and random inputs. weights: arrays by name, or another program
    whose weights to take. schedule: "auto", or "step" to step everything. check_numerics: raise where a NaN or
    an infinity appears. stop_after: return the tape after that pass. device (torch): "cpu", "cuda", ...;
    fused (torch): False runs the eager step. memory (torch): "bits", "recompute" or "both", what training keeps for the
    backward pass, with the same gradients (see TorchProgram).
    """
    if not isinstance(graph, Graph):
        raise GraphError(f"compile() takes a Graph, got {type(graph).__name__}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not -(2**63) <= int(seed) < 2**63:
        raise GraphError(
            f"seed={seed!r}: a seed is a whole number of 64 bits; the same one gives the same weights and spikes"
        )
    program, default = backend_named(backend)
    tape = lower(graph, dt=dt, schedule_mode=schedule, stop_after=stop_after)
    if stop_after is not None:
        return tape
    if backend == "numba" and not graph.inputs:
        from neurograph.simulate.simulation import Simulation

        # a circuit: it makes its synapses itself, in its own layout, and computes in the precision of its field
        program, default = Simulation, "float64"
    else:
        for probe in graph.probes.values():
            node = graph.nodes.get(probe.population)
            own = () if not isinstance(node, Population) else (*node.neuron.states, *node.neuron.outputs)
            if probe.population in graph.projections or (probe.variable == RATE and RATE not in own):
                raise BackendError(f"probe of {probe.key!r} ({probe.at}): only a simulation records weights and rates")
        tape = build(tape, seed)
    if backend != "torch":
        device = options.pop("device", "cpu")
        if str(device) != "cpu":
            raise BackendError(f"backend {backend!r} runs on the CPU only, not on {device!r}; use backend='torch'")
    held = None if weights is None else by_name(weights)
    return program(
        tape, dtype=dtype or default, seed=seed, weights=held, steps=steps, check_numerics=check_numerics, **options
    )
