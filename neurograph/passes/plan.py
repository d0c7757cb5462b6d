"""plan: after which instruction each slot may be forgotten, so that memory holds only what is still read."""

from __future__ import annotations

from dataclasses import replace

from neurograph.tape import Instr, Tape


def plan(tape: Tape) -> Tape:
    """Mark each instruction with the slots nobody reads after it (and results nobody reads at all)."""
    keep = set(tape.outputs.values())
    last: dict[str, int] = {}
    for k, instr in enumerate(tape.instructions):
        for slot in (*instr.outs, *instr.ins):
            last[slot] = k
    frees: dict[int, list[str]] = {}
    for slot, k in last.items():
        if slot not in keep:
            frees.setdefault(k, []).append(slot)
    instructions: tuple[Instr, ...] = tuple(
        replace(instr, frees=tuple(frees.get(k, ()))) for k, instr in enumerate(tape.instructions)
    )
    return tape.after("plan", instructions=instructions)
