"""Correction of offset spikes at run time: a short run shows who fires too often or too little, a second one answers."""

from __future__ import annotations

from typing import Any

from neurograph.backends.checks import State, named_inputs
from neurograph.errors import DataError, GraphError
from neurograph.nodes.burst import BurstIF

METHODS = ("shift", "silence")


def run_corrected(
    program: Any, inputs: Any, steps: int | None = None, *, rho: int = 4, method: str = "shift"
) -> tuple[dict[str, Any], State]:
    """Run `rho` steps, correct the potentials that neurons start from by what is left in them, and run `steps` steps anew.

    method="shift": v(0) - theta where v(rho) < 0, a spike too many was sent; v(0) + theta where v(rho) >= theta, one is missing.
    method="silence": where v(rho) < 0 the neuron stays silent. All layers are corrected at once, for each image by itself; the
    run costs rho + steps steps. program: compiled for any backend, with BurstIF neurons of soft reset (what `convert`
    makes); inputs, and what comes back, are those of `program.run`. Inputs are static, or a sequence whose first rho steps
    are run twice. The program is run in evaluation, without gradients.

    Raises GraphError where no neuron can be corrected, DataError for rho or method.
    Source: Hao et al. 2023a, "Bridging the gap between ANNs and SNNs by calibrating offset spikes" (shift); Hao et al. 2023b,
    "Reducing ANN-SNN conversion error through residual membrane potential" (silence).
    """
    if isinstance(rho, bool) or not isinstance(rho, int) or rho < 1:
        raise DataError(f"run_corrected(rho={rho!r}): a whole number of steps, 1 or more")
    if method not in METHODS:
        raise DataError(f"run_corrected(method={method!r}): choose one of {', '.join(METHODS)}")
    if not hasattr(program, "tape"):
        raise GraphError(f"run_corrected() takes a program, compile(graph, 'torch' or 'numba'), not {program!r}")
    found = [
        i.name
        for i in program.tape.walk()
        if i.op == "neuron" and isinstance(i.what, BurstIF) and i.what.options["reset"] == "soft"
    ]
    if not found:
        raise GraphError(
            "run_corrected: the program has no BurstIF neurons of soft reset, so no potential tells of spikes"
        )
    _, after = _run(program, _cut(program, inputs, rho), rho, None)
    start: State = {}
    for name in found:
        v, theta, v0 = after[f"{name}.v"], *(_parameter(program, name, key) for key in ("threshold", "v0"))
        many, few = (v < 0) * theta, (v >= theta) * theta
        # what is silenced starts so low that no current of a run reaches the threshold
        start[f"{name}.v"] = v * 0 + v0 + (few - many if method == "shift" else -1e6 * many)
    return _run(program, inputs, steps, start)


def _run(program: Any, inputs: Any, steps: int | None, state: State | None) -> tuple[dict[str, Any], State]:
    if program.backend != "torch":
        return program.run(inputs, steps, state)  # type: ignore[no-any-return]
    import torch

    training = program.training
    try:
        with torch.inference_mode():
            return program.eval().run(inputs, steps, state)  # type: ignore[no-any-return]
    finally:
        program.train(training)


def _cut(program: Any, inputs: Any, steps: int) -> Any:
    """Inputs for the first steps: a sequence is longer than a static input by one axis."""
    nodes = {i.name: i.what for i in program.tape.instructions if i.op == "input"}
    return {
        name: x[:steps] if name in nodes and x.ndim == len(nodes[name].shape) + 2 else x
        for name, x in named_inputs(program.tape, inputs).items()
    }


def _parameter(program: Any, population: str, name: str) -> Any:
    unit = program.get_submodule(population) if program.backend == "torch" else program.units[population].params
    return getattr(unit, name) if program.backend == "torch" else unit[name]
