"""fuse: drop what computes nothing - sums of one arrival, identity projections, relays, flattening of one axis."""

from __future__ import annotations

from dataclasses import replace

from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.tape import Instr, Tape


def fuse(tape: Tape) -> Tape:
    """The same values with fewer instructions; readers of a dropped slot read what it was made from."""
    renamed: dict[str, str] = {}
    kept: list[Instr] = []
    watched = {probe.population for probe in tape.probes}
    if not any(i.op == "input" for i in tape.instructions):  # in a circuit synapses begin and end at units
        watched |= {i.name for i in tape.instructions}
    for instr in tape.instructions:
        if _is_identity(tape, instr, watched):
            renamed[instr.outs[0]] = instr.ins[0]
        else:
            kept.append(instr)

    def final(slot: str) -> str:
        while slot in renamed:
            slot = renamed[slot]
        return slot

    instructions = tuple(replace(i, ins=tuple(final(s) for s in i.ins)) for i in kept)
    slots = {n: s for n, s in tape.slots.items() if n not in renamed}
    return tape.after("fuse", instructions=instructions, slots=slots)


def _is_identity(tape: Tape, instr: Instr, watched: set[str]) -> bool:
    if instr.op == "neuron":
        return instr.what.identity and len(instr.ins) == 1 and instr.name not in watched
    if instr.op in ("add", "concat"):
        return len(instr.ins) == 1
    if instr.op == "apply" and isinstance(instr.what, Flatten):
        return len(tape.slots[instr.ins[0]].shape) == 1
    return instr.op == "apply" and isinstance(instr.what, OneToOne) and instr.what.is_identity
