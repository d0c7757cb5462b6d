"""Recomputation: a block of the network keeps only what enters it, and runs again in the backward pass.

A block is what leads to one population, and the population. A loop of R rounds is sqrt(R) blocks of sqrt(R) rounds, so that
a long sequence keeps sqrt(R) of them. The last block is kept as it is: the backward pass begins with it.
Source: Chen et al. 2016, "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, sqrt
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from neurograph.backends.execute import Execution, split_steps
from neurograph.backends.torch_machine import TorchMachine
from neurograph.errors import BackendError
from neurograph.monitor import Recorder
from neurograph.tape import Instr, Tape

_AGAIN = ("zeros", "apply", "add", "concat", "combine", "delay", "project", "neuron")


def blocks(tape: Tape) -> Tape:
    """The tape with runs of instructions joined to blocks; loops and all others stay."""
    groups: list[list[Instr]] = [[]]
    for instr in sorted(tape.instructions, key=lambda i: i.op not in ("input", "draw")):  # those read nothing
        if instr.op not in _AGAIN:
            groups += [[instr], []]
            continue
        groups[-1].append(instr)
        if instr.op == "neuron":
            groups.append([])
    groups = [g for g in groups if g]
    ends = [k for k, g in enumerate(groups) if g[-1].op in ("neuron", "loop")]
    out: list[Instr] = []
    for k, group in enumerate(groups):
        to_loop = len(group) > 1 and k + 1 < len(groups) and groups[k + 1][0].op == "loop"
        joined = group[0].op in _AGAIN and (group[-1].op == "neuron" or to_loop) and k != ends[-1]
        out += [_joined(tape, group)] if joined else group
    return replace(tape, instructions=tuple(out))


def _joined(tape: Tape, group: list[Instr]) -> Instr:
    made = dict.fromkeys(o for i in group for o in i.outs)
    inside = {id(i) for i in group}
    read = {s for i in tape.instructions if id(i) not in inside for s in i.ins} | set(tape.outputs.values())
    return Instr(
        "block",
        tuple(o for o in made if o in read),
        tuple(dict.fromkeys(s for i in group for s in i.ins if s not in made)),
        group[-1].name,
        body=tuple(group),
        frees=tuple(dict.fromkeys(s for i in group for s in i.frees)),
        at=group[-1].at,
    )


class BlockExecution(Execution):
    """A run whose blocks are run again in the backward pass."""

    machine: TorchMachine

    def _block(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        slots.update(self._twice(instr.body, {n: slots[n] for n in instr.ins}, instr.outs, steps))

    def _loop(self, instr: Instr, slots: dict[str, Any], steps: int) -> None:
        rounds = ceil(steps / instr.steps)
        # weights that a rule changes cannot be had again as they were
        if rounds < 4 or any(i.op == "plastic" for i in instr.body):
            super()._loop(instr, slots, steps)
            return
        read = {s for i in self.tape.instructions for s in i.ins if i is not instr} | set(self.tape.outputs.values())
        kept: dict[str, list[Any]] = {o: [] for o in instr.outs if o in read}
        each = ceil(rounds / round(sqrt(rounds))) * instr.steps
        given_parts = {n: split_steps(slots[n], each) for n in instr.ins}
        for start in range(0, steps, each):
            length = min(each, steps - start)
            given = {n: xs[start // each if len(xs) > 1 else 0] for n, xs in given_parts.items()}
            made = self._twice((instr,), given, tuple(kept), length)
            for name, parts in kept.items():
                parts.append(made[name])
        slots.update({name: self.machine.cat(parts) if len(parts) > 1 else parts[0] for name, parts in kept.items()})

    def _twice(self, body: tuple[Instr, ...], given: Mapping[str, Any], outs: tuple[str, ...], steps: int) -> Any:
        """Run instructions now, and once more when the backward pass asks for what they keep."""
        members = [i for outer in body for i in (outer, *outer.body)]
        owners = tuple({f"{i.name}." for i in members})
        states = {k: v for k, v in self.state.items() if k == "step" or k.startswith(owners)}
        program, keep = self.machine.program, self.machine.keep_state
        weights = _versions(program, {i.name for i in members})
        training, batch, checking, recorder, recorded = (
            self.training, self.batch, self.check_numerics, self.recorder, self.recorded,
        )  # fmt: skip
        names, inputs = tuple(states), tuple(given)
        last = body[-1].name if body[-1].op == "neuron" else ""
        changed: list[tuple[str, ...]] = []  # the states that the forward pass changed, once it has run

        def run(*values: Any) -> tuple[Any, ...]:
            again = bool(changed)
            if again:
                _check_unchanged(weights, body[-1])
            local = dict(zip(inputs, values, strict=False))
            before = dict(zip(names, values[len(inputs) :], strict=True))
            tape = replace(program.tape, probes=()) if again else program.tape
            # another machine, because one holds what it may compute again until the run ends
            inner = Execution(
                tape, TorchMachine(program, keep, again=again, last=last if again else ""), batch, dict(before),
                training=training, check_numerics=checking and not again,
                recorder=Recorder(None) if again else recorder,
            )  # fmt: skip
            inner.recorded = {} if again else recorded
            for member in body:
                inner._execute(member, local, steps)
                if inner.check_numerics:
                    inner._check(member, local)
                for name in member.frees:
                    local.pop(name, None)
            if not again:
                changed.append(tuple(k for k, v in inner.state.items() if v is not before.get(k)))
            return (*(local[o] for o in outs), *(inner.state[k] for k in changed[0]))

        values = (*given.values(), *states.values())
        with self.machine.kept(inputs, values):
            made = checkpoint(run, *values, use_reentrant=False, preserve_rng_state=training)
        self.state.update(zip(changed[0], made[len(outs) :], strict=True))
        return dict(zip(outs, made, strict=False))


def _versions(program: Any, owners: set[str]) -> list[tuple[str, torch.Tensor, int]]:
    """The weights of a block and which version of each is used."""
    held = {
        name: p
        for owner in owners
        if owner in program._weighted
        for name, p in program.get_submodule(owner).named_parameters(prefix=owner)
    }
    return [(name, p, p._version) for name, p in held.items() if not p.is_inference()]


def _check_unchanged(weights: list[tuple[str, torch.Tensor, int]], instr: Instr) -> None:
    for name, p, version in weights:
        if p._version != version:
            raise BackendError(
                f"memory='recompute': {name!r} was changed between the forward and the backward pass, so the block of "
                f"{instr.name!r} ({instr.at}) cannot be run again as it was. Call backward() before optimizer.step()"
            )
