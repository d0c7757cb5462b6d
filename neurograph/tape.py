"""The tape: what will run, as a flat, printable list of typed instructions over named slots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neurograph.errors import NeuroGraphError
from neurograph.spec import Shape

STATIC, STEPS = "static", "steps"


@dataclass(frozen=True)
class Slot:
    """A value: its shape without steps and batch, and whether it has steps or one value for all of them."""

    name: str
    shape: Shape
    time: str = STEPS

    @property
    def text(self) -> str:
        lead = "N" if self.time == STATIC else "T,N"
        return f"[{','.join([lead, *map(str, self.shape)])}]"


@dataclass(frozen=True)
class Instr:
    """One instruction: `outs = op(ins)`. `name` is the graph element it comes from, `what` the object that knows how.

    op is one of input, draw, zeros, apply, add, concat, combine, delay, project, plastic, neuron, readout, loop.
    """

    op: str
    outs: tuple[str, ...]
    ins: tuple[str, ...]
    name: str
    what: Any = None
    ports: tuple[str, ...] = ()  # of a neuron: the port of each input
    steps: int = 0  # of a delay, a projection: the shortest; of a loop: the steps of one round
    body: tuple[Instr, ...] = ()
    frees: tuple[str, ...] = ()
    at: str = ""

    @property
    def late(self) -> bool:
        """Whether it reads what earlier steps wrote, so that a cycle may go through it."""
        return self.op in ("delay", "project", "plastic") and self.steps > 0

    @property
    def text(self) -> str:
        left = ", ".join(f"%{o}" for o in self.outs)
        if self.op == "neuron":
            args = " ".join(f"{p}=%{i}" for p, i in zip(self.ports, self.ins, strict=True))
        else:
            args = " ".join(f"%{i}" for i in self.ins)
        detail = repr(self.what) if self.op in ("apply", "combine", "neuron", "readout", "project", "plastic") else ""
        if self.op == "delay":
            detail = f"{self.steps}"
        if self.op in ("project", "plastic"):
            delay = self.what.delay
            detail += (
                f" delay={delay:g}"
                if isinstance(delay, int | float)
                else " delays"
                if np.ndim(delay)
                else f" delay={delay!r}"
            )
        if self.op == "draw":
            detail = self.what.given[self.ports[0]]
        head = f"{self.op} {detail}".strip()
        return f"{left} = {head}{' ' + args if args else ''}"


@dataclass(frozen=True)
class Tape:
    """Instructions in order, the slots they use, and what leaves the program."""

    name: str
    instructions: tuple[Instr, ...]
    slots: dict[str, Slot]
    outputs: dict[str, str]  # output -> slot
    probes: tuple[Any, ...] = ()  # what is recorded of which population
    dt: float = 1.0
    passes: tuple[str, ...] = ()
    weights: dict[str, Any] = field(default_factory=dict)  # full name -> Weight
    graph: Any = field(default=None, compare=False, repr=False)  # as it was when it was lowered: for looking at

    def __deepcopy__(self, memo: dict[int, Any]) -> Tape:
        return self  # it never changes, so copies of a program share it

    def walk(self) -> Iterator[Instr]:
        """All instructions, those inside loops too."""
        for instr in self.instructions:
            yield instr
            yield from instr.body

    def after(self, name: str, **changes: Any) -> Tape:
        """This tape changed by a pass."""
        return replace(self, passes=(*self.passes, name), **changes)

    def verify(self) -> None:
        """Check the invariants every pass must keep: one writer a slot, written before read, known slots."""
        written: set[str] = set()

        def problem(instr: Instr, text: str) -> NeuroGraphError:
            return NeuroGraphError(f"tape {self.name!r} after {self.passes[-1:]}: {instr.text}: {text}")

        scheduled = "schedule" in self.passes

        def check(instr: Instr, inside: set[str]) -> None:
            for slot in (*instr.ins, *instr.outs):
                if slot not in self.slots:
                    raise problem(instr, f"unknown slot %{slot}")
            late = instr.late  # reads what an earlier round wrote
            for slot in instr.ins:
                if scheduled and slot not in written and not (late and slot in inside):
                    raise problem(instr, f"%{slot} is read before it is written")
            for slot in instr.outs:
                if slot in written:
                    raise problem(instr, f"%{slot} is written twice")
                written.add(slot)

        for instr in self.instructions:
            if instr.op == "loop":
                inside = {o for i in instr.body for o in i.outs}
                for member in instr.body:
                    check(member, inside)
            else:
                check(instr, set())
        for name, slot in self.outputs.items():
            if slot not in written:
                raise NeuroGraphError(f"tape {self.name!r}: output {name!r} reads %{slot}, which nothing writes")

    def __str__(self) -> str:
        rows: list[tuple[str, str]] = []
        for instr in self.instructions:
            if instr.op == "loop":
                rows.append((f"loop {instr.name} by {instr.steps}:", ""))
                rows += [("  " + self._text(i), self._type(i)) for i in instr.body]
            else:
                rows.append((self._text(instr), self._type(instr)))
        width = min(96, max((len(a) for a, _ in rows), default=0))
        lines = [f"tape {self.name}  dt={self.dt:g}  passes={','.join(self.passes)}"]
        lines += [f"  {a:<{width}}  {b}".rstrip() for a, b in rows]
        return "\n".join(lines)

    def _text(self, instr: Instr) -> str:
        return instr.text + (f"  free {' '.join('%' + f for f in instr.frees)}" if instr.frees else "")

    def _type(self, instr: Instr) -> str:
        return " ".join(self.slots[o].text for o in instr.outs)
