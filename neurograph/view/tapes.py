"""The tapes of a page: the lines after each pass, each known by the elements of the graph it comes from."""

from __future__ import annotations

from typing import Any

from neurograph.graph import Graph
from neurograph.tape import Instr, Tape
from neurograph.view.subject import Subject

Json = dict[str, Any]


class Lines:
    """The lines of all tapes, each held once: text, type, elements."""

    def __init__(self, graph: Graph):
        self.rows: list[list[Any]] = []
        self._places: dict[tuple[Any, ...], int] = {}
        self.element = {n: n for n in graph.nodes}
        for p in graph.projections.values():
            self.element |= {name: p.name for name, _ in p.parts} | {p.name: p.name}

    def add(self, text: str, kind: str, elements: tuple[str, ...]) -> int:
        key = (text, kind, elements)
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append([text, kind, list(elements)])
        return self._places[key]

    def elements(self, instr: Instr) -> tuple[str, ...]:
        """The node or projection of an instruction; of a loop, those of its body."""
        found = (self.element.get(i.name) for i in (instr.body or (instr,)))
        return tuple(dict.fromkeys(e for e in found if e is not None))


def tapes_of(subject: Subject) -> Json:
    """A list of lines, and for each pass which of them, how deep, and which slots each frees."""
    lines = Lines(subject.graph)
    passes = [{"name": name, "rows": _rows(tape, lines), "dt": tape.dt} for name, tape in subject.tapes]
    return {"lines": lines.rows, "passes": passes}


def _rows(tape: Tape, lines: Lines) -> list[list[Any]]:
    out: list[list[Any]] = []
    for instr in tape.instructions:
        frees = " ".join(f"%{f}" for f in instr.frees)
        if instr.op == "loop":
            head = f"loop {instr.name} by {instr.steps}:"
            out.append([lines.add(head, "", lines.elements(instr)), 0, frees])
            out += [[_line(tape, i, lines), 1, ""] for i in instr.body]
        else:
            out.append([_line(tape, instr, lines), 0, frees])
    return out


def _line(tape: Tape, instr: Instr, lines: Lines) -> int:
    kind = " ".join(tape.slots[o].text for o in instr.outs)
    return lines.add(instr.text, kind, lines.elements(instr))
