"""Spikes kept as bits: what operators keep of a spike tensor for the backward pass, in a thirty-second of the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from neurograph.expr.functions import is_binary
from neurograph.expr.value import Value
from neurograph.kernels.bits import Packed, packed, unpacked
from neurograph.tape import Tape

SMALLEST = 4096  # bytes of a tensor below which packing costs more than it saves


def spike_slots(tape: Tape, results: Callable[[str], dict[str, Value]]) -> dict[str, bool]:
    """The slots that hold only 0 and 1, from the traced steps; False where a state from outside may enter.

    `results`: the outputs of a population as they were traced. A neuron's output is binary where its expression chooses
    between 1 and 0; graded outputs, bursts and potentials are not.
    """
    found: dict[str, bool] = {}
    before = -1
    while len(found) != before:  # a delay of a loop may be read before it is written
        before = len(found)
        for instr in tape.walk():
            if instr.op == "neuron":
                traced = results(instr.name)
                outs = zip(instr.what.outputs, instr.outs, strict=True)
                found |= {slot: True for name, slot in outs if is_binary(traced[name])}
            elif instr.op == "apply" and instr.what.moves_only and instr.ins[0] in found:
                found[instr.outs[0]] = found[instr.ins[0]]
            elif instr.op == "concat" and all(s in found for s in instr.ins):
                found[instr.outs[0]] = all(found[s] for s in instr.ins)
            elif instr.op == "delay" and instr.ins[0] in found:
                found[instr.outs[0]] = False
    return found


class KeptAsBits(torch.autograd.graph.saved_tensors_hooks):
    """While it is entered, what is kept of these tensors, or of their copies in 16 bits, is kept as bits.

    A tensor is (values, whether they are proven to be 0 and 1). Values that are not turn out while packing and are
    kept as they are.
    """

    def __init__(self, spikes: Iterable[tuple[Tensor, bool]]):
        # no tensor itself: what is kept for the backward pass keeps these hooks too
        known = {(x.data_ptr(), x.numel(), x.dtype): proven for x, proven in spikes}
        sizes = {count for _, count, _ in known}

        def pack(x: Tensor) -> Any:
            proven = known.get((x.data_ptr(), x.numel(), x.dtype))
            if proven is None and not (x.dtype.itemsize == 2 and x.numel() in sizes):
                return x
            held = packed(x, proven=bool(proven))
            return x if held is None else held

        super().__init__(pack, _whole)


def _whole(held: Tensor | Packed) -> Tensor:
    return unpacked(held) if isinstance(held, Packed) else held
