"""build: make the synapses of every connectivity rule. Only a program needs them, so lower() leaves them out."""

from __future__ import annotations

from dataclasses import replace

from neurograph.connectivity.projected import Projected
from neurograph.errors import BackendError
from neurograph.tape import Instr, Tape


def build(tape: Tape, seed: int, *, parts: int = 1, weight_dtype: str = "float64", by_name: bool = True) -> Tape:
    """The tape with built synapses; `by_name` also lists their weights among those of the program."""
    weights = dict(tape.weights)

    def grown(instr: Instr) -> Instr:
        if instr.body:
            return replace(instr, body=tuple(grown(i) for i in instr.body))
        if not isinstance(instr.what, Projected):
            return instr
        made = instr.what.built(instr.name, tape.dt, seed, parts=parts, weight_dtype=weight_dtype)
        if not by_name and instr.what.rule.starts:
            raise BackendError(
                f"projection {instr.name!r} ({instr.at}): its synapses were given weights one by one, and a simulation makes "
                "its own. Use Explicit(pre, post, weight) for synapses with known weights"
            )
        if by_name:
            weights.update({f"{instr.name}.{n}": w for n, w in made.weights().items()})
        return replace(instr, what=made)

    return replace(tape, instructions=tuple(grown(i) for i in tape.instructions), weights=weights)
