"""What a run is given, checked before it starts, the same for every backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurograph.errors import BackendError, DataError
from neurograph.plasticity.run import plastic_shapes
from neurograph.tape import Tape

State = dict[str, Any]


def named_inputs(tape: Tape, inputs: Mapping[str, Any] | Any) -> dict[str, Any]:
    """Inputs by name; a single array is that of a program with one input."""
    if isinstance(inputs, Mapping):
        return dict(inputs)
    names = [i.name for i in tape.instructions if i.op == "input"]
    if not names:
        raise DataError("this program has no inputs, so a run takes only how long it is, in steps: run({}, steps=1000)")
    if len(names) != 1:
        raise DataError(f"this program has the inputs {', '.join(names)}: pass a dict")
    return {names[0]: inputs}


def checked_inputs(tape: Tape, given: Mapping[str, Any], steps: int | None, default: int | None) -> tuple[int, int]:
    """Steps and batch of a run; raises where inputs are missing, unknown, or do not fit."""
    nodes = {i.name: i.what for i in tape.instructions if i.op == "input"}
    for name in given:
        if name not in nodes:
            raise DataError(f"unknown input {name!r}; this program takes {', '.join(nodes) or 'none'}")
    lengths: dict[str, int] = {}
    batches: dict[str, int] = {}
    for name, node in nodes.items():
        if name not in given:
            raise DataError(f"input {name!r} ({node.at}) is missing: pass run({{{name!r}: array, ...}}, steps)")
        shape = tuple(given[name].shape)
        if shape[-len(node.shape) :] != node.shape or len(shape) - len(node.shape) not in (1, 2):
            wanted = ", ".join(map(str, node.shape))
            raise DataError(
                f"input {name!r} ({node.at}) has shape {shape}; expected [N, {wanted}] (one image for all steps) "
                f"or [T, N, {wanted}] (a sequence, time first)"
            )
        if len(shape) == len(node.shape) + 2:
            lengths[name] = shape[0]
        batches[name] = shape[-len(node.shape) - 1]
    total = steps if steps is not None else next(iter(lengths.values()), default)
    if total is None:
        raise DataError("how many steps? No input is a sequence, so pass steps=T, or compile(..., steps=T)")
    if isinstance(total, bool) or not isinstance(total, int | np.integer) or total < 1:
        raise DataError(f"steps={total!r}: a run has at least one step, and a whole number of them (time / dt)")
    total = int(total)
    for name, length in lengths.items():
        if length != total:
            raise DataError(
                f"input {name!r} has {length} steps, but the run has {total}; pass steps={length} or cut it"
            )
    if len(set(batches.values())) > 1:
        raise DataError(f"inputs disagree on the batch size: {batches}")
    batch = next(iter(batches.values()), 1)  # a network that nothing enters runs once
    if batch < 1:
        raise DataError(f"inputs {', '.join(batches)} are an empty batch (N = 0); a run has at least one sample")
    return total, batch


def checked_state(tape: Tape, state: State | None, batch: int, convert: Callable[[Any], Any]) -> State:
    """A copy of the state to continue from, in the program's dtype; raises where it is another network's."""
    if state is None:
        return {}
    shapes: dict[str, tuple[int, ...]] = {}
    memories = []
    for instr in tape.walk():
        if instr.op == "neuron":
            shapes |= {f"{instr.name}.{n}": (batch, *tape.slots[instr.outs[0]].shape) for n in instr.what.states}
        elif instr.op == "delay":
            shapes[f"{instr.name}.delay"] = (instr.steps, batch, *tape.slots[instr.outs[0]].shape)
        elif instr.op in ("project", "plastic"):
            shapes[f"{instr.name}.sent"] = (instr.what.made.longest, batch, *instr.what.source)
            if instr.what.plasticity is not None:
                shapes |= plastic_shapes(instr, batch)
        elif instr.op == "apply":
            memories.append(f"{instr.name}.")
    out: State = {}
    for key, value in state.items():
        if key == "step" or any(key.startswith(m) for m in memories):
            out[key] = convert(value) if getattr(value, "ndim", 0) else value
            continue
        if key not in shapes:
            raise DataError(f"the state has {key!r}, which this program does not know: it belongs to another network")
        if tuple(value.shape) != shapes[key]:
            raise DataError(
                f"the state's {key!r} has shape {tuple(value.shape)}, this run needs {shapes[key]}. Continue with the "
                "same batch and network, or start anew with state=None"
            )
        out[key] = convert(value)
    return out


def checked_steps(chunk: int | None, steps: int) -> int:
    if chunk is not None and chunk < 1:
        raise BackendError(f"chunk={chunk}: at least one step at a time")
    return steps if chunk is None else chunk
