"""problems: everything that is wrong with a graph, listed before anything runs, by the passes' own checks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from neurograph.backends import BACKENDS
from neurograph.connectivity.projected import Projected
from neurograph.errors import BackendError, NeuroGraphError
from neurograph.graph import Graph, Population
from neurograph.passes.fuse import fuse
from neurograph.passes.infer import infer
from neurograph.passes.infer import problems as of_shapes
from neurograph.passes.schedule import schedule
from neurograph.passes.validate import problems as of_structure
from neurograph.projections.operator import Operator
from neurograph.tape import Tape

MANY = 2_000_000  # synapses that are made only to see whether they can be


@dataclass(frozen=True)
class Problem:
    """What is wrong ("error": it does not run) or worth knowing ("note"), and which check found it."""

    level: str
    found_by: str
    kind: str
    message: str


def problems_of(
    graph: Graph, dt: float = 1.0, *, backends: Sequence[str] = tuple(BACKENDS), build: bool = True
) -> list[Problem]:
    """Every problem of a graph: of its structure and shapes, of its synapses, and of each backend that cannot run it.

    What depends on shapes is looked at where the structure and the shapes are right, and a backend is tried on a network that
    has no error else. `build=False` makes no synapses.
    """
    found = [_error("validate", e) for e in of_structure(graph, dt)]
    if graph.nodes:
        found += [_error("infer", e) for e in of_shapes(graph, dt)]
    if not found:
        tape = fuse(infer(graph, dt))
        ordered = schedule(tape, tell=lambda e: found.append(_error("schedule", e)))
        found += _of_synapses(tape, build)
        for backend in backends:
            found += _unable(graph, ordered, backend)
        if not found:
            found += _tried(graph, tape, dt, backends, build)
    return found + _notes(graph)


def _error(found_by: str, error: NeuroGraphError) -> Problem:
    return Problem("error", found_by, type(error).__name__, str(error))


def _note(found_by: str, message: str) -> Problem:
    return Problem("note", found_by, "", message)


def expected_synapses(tape: Tape) -> float:
    """How many synapses the rules of a tape will make; infinity where one does not know."""
    total = 0.0
    for instr in tape.walk():
        if isinstance(p := instr.what, Projected):
            expected = p.rule.expected(math.prod(p.source), math.prod(p.target), p.recurrent)
            total += math.inf if expected is None else expected
    return total


def _of_synapses(tape: Tape, build: bool) -> list[Problem]:
    """Rules that cannot be fulfilled, weights and delays that do not fit them: each projection is built, then forgotten."""
    out = []
    for instr in tape.walk():
        if not isinstance(p := instr.what, Projected):
            continue
        n_pre, n_post = math.prod(p.source), math.prod(p.target)
        expected = p.rule.expected(n_pre, n_post, p.recurrent)
        try:
            if build and (math.inf if expected is None else expected) <= MANY:
                p.built(instr.name, tape.dt, 0, parts=1, weight_dtype="float64")
            else:
                p.rule.check(n_pre, n_post, p.recurrent, f"projection {instr.name!r} ({p.at})")
        except NeuroGraphError as error:
            out.append(_error("build", error))
    return out


def _unable(graph: Graph, tape: Tape, backend: str) -> list[Problem]:
    """Operators that the backend has no code for, and what is no part of a circuit."""
    found_by = f"backend {backend}"
    if not graph.inputs and backend == "numba":
        from neurograph.simulate.circuit import circuit_of

        try:
            circuit_of(tape)
        except BackendError as error:
            return [_error(found_by, error)]
        return []
    which, out = "torch" if backend == "torch" else "numpy", []
    for instr in tape.walk():
        operator = instr.what
        if instr.op == "apply" and getattr(type(operator), which) is getattr(Operator, which):
            try:
                getattr(operator, which)(None, {}, None)  # says what is missing
            except BackendError as error:
                where = f"projection {instr.name!r} ({instr.at})"
                out.append(Problem("error", found_by, type(error).__name__, f"{where}: {error}"))
    return out


def _tried(graph: Graph, tape: Tape, dt: float, backends: Sequence[str], build: bool) -> list[Problem]:
    """What compiling for each backend says."""
    expected = expected_synapses(tape)
    if expected > MANY or (expected and not build):
        count = "an unknown number of" if math.isinf(expected) else f"{expected:,.0f}"
        return [_note("backends", f"{', '.join(backends)} not tried: {count} synapses are not made only to be checked")]
    from neurograph.compiler import compile

    out = []
    for backend in backends:
        try:
            compile(graph, backend, dt=dt)
        except NeuroGraphError as error:
            out.append(_error(f"backend {backend}", error))
        except ImportError as error:
            out.append(_note(f"backend {backend}", f"{backend} not tried: {error}"))
    return out


def _notes(graph: Graph) -> list[Problem]:
    """What runs, but is seldom meant: populations that nothing enters or reads, ports that stay 0."""
    out = []
    read = {p.source.node for p in graph.projections.values()} | {p.population for p in graph.probes.values()}
    entered: dict[str, set[str]] = {}
    for p in graph.projections.values():
        entered.setdefault(p.target.node, set()).add(p.target.port)
    for node in graph.nodes.values():
        if not isinstance(node, Population):
            continue
        ports = entered.get(node.name, set())
        where = f"population {node.name!r} ({node.at})"
        if not ports and not node.neuron.given and node.shape is not None:
            out.append(_note("connections", f"{where}: nothing projects to it, so it has no input but its own"))
        elif ports and graph.inputs and (silent := [p for p in node.neuron.inputs if p not in ports]):
            out.append(_note("connections", f"{where}: nothing arrives at its port {', '.join(silent)}, which is 0"))
        if node.name not in read and graph.inputs:
            out.append(_note("connections", f"{where}: nothing reads it, and it is not probed"))
    return out
