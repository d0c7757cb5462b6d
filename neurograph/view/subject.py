"""What a page is about: a graph, and what is known of it from a tape or a program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurograph.errors import GraphError, NeuroGraphError
from neurograph.graph import Graph
from neurograph.passes.fuse import fuse
from neurograph.passes.infer import infer
from neurograph.passes.plan import plan
from neurograph.passes.schedule import schedule
from neurograph.passes.validate import validate
from neurograph.projections.operator import fixed
from neurograph.step_length import fitting_dt
from neurograph.tape import Tape
from neurograph.view.from_tape import graph_of

Array = np.ndarray[Any, Any]


@dataclass
class Subject:
    """A graph with its tapes, one after each pass; `problem` says why there are no more."""

    graph: Graph
    dt: float
    tapes: list[tuple[str, Tape]]
    problem: str = ""
    program: Any = None
    weights: Mapping[str, Any] = field(default_factory=dict)  # of the program
    by_owner: dict[str, dict[str, Any]] = field(default_factory=dict)  # instruction -> its declared weights

    @property
    def inferred(self) -> Tape | None:
        return self.tapes[0][1] if self.tapes else None

    @property
    def final(self) -> Tape | None:
        """The tape of the program, which holds its synapses, or the last."""
        own = getattr(self.program, "tape", None)
        return own if own is not None else self.tapes[-1][1] if self.tapes else None

    @property
    def itemsize(self) -> int:
        return 8 if str(getattr(self.program, "dtype", "")).endswith("64") else 4

    def known(self, name: str, declared: Any) -> Any:
        """The values of a weight where they are known: the program's, or those the graph holds."""
        if name in self.weights:
            return self.weights[name]
        return declared.init.array if isinstance(declared.init, fixed) else None


def subject_of(what: Any, dt: float | None) -> Subject:
    """Read a graph, a tape or a program."""
    if isinstance(what, Graph):
        return _with_owners(_lowered(what, fitting_dt(what) if dt is None else dt))
    if isinstance(what, Tape):
        subject = _lowered(what.graph, what.dt) if what.graph is not None else Subject(graph_of(what), what.dt, [])
        return _with_owners(_beside(subject, what, "this tape"))
    tape = getattr(what, "tape", None)
    if not isinstance(tape, Tape):
        raise GraphError(
            f"to_html({type(what).__name__}): only a graph, a tape or a program can be shown. Pass what Graph() or "
            "compile() gave"
        )
    subject = _lowered(tape.graph, tape.dt) if tape.graph is not None else Subject(graph_of(tape), tape.dt, [])
    subject.program = what
    if callable(getattr(what, "weights", None)):
        subject.weights = what.weights()
    return _with_owners(_beside(subject, tape, "as compiled"))


def _lowered(graph: Graph, dt: float) -> Subject:
    """The passes one by one, as far as they go: a graph that is not complete can be looked at too."""
    subject = Subject(graph, dt, [])
    try:
        tape = infer(validate(graph, dt), dt)
        subject.tapes.append(("infer", tape))
        for name, apply in (("fuse", fuse), ("schedule", schedule), ("plan", plan)):
            tape = apply(tape)
            subject.tapes.append((name, tape))
    except NeuroGraphError as error:
        subject.problem = f"{type(error).__name__}: {error}"
    return subject


def _beside(subject: Subject, tape: Tape, title: str) -> Subject:
    """With a tape of its own, where it is another than those of the passes."""
    if not any(str(t) == str(tape) for _, t in subject.tapes):
        subject.tapes.append((title, tape))
    return subject


def _with_owners(subject: Subject) -> Subject:
    owners: dict[str, dict[str, Any]] = defaultdict(dict)
    if subject.inferred is not None:
        for name, weight in subject.inferred.weights.items():
            owner, _, key = name.rpartition(".")
            owners[owner][key] = weight
    subject.by_owner = dict(owners)
    return subject
