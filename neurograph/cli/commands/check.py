"""neurograph check: every problem of a network, before anything runs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from neurograph.cli import frame, model


@frame.command(
    "neurograph check cifar_convnet width=0.125",
    "neurograph check net.h5 --dt 0.1 --backend numba",
    "neurograph check my_net.py:make --json",
)
@model.argument
@click.option(
    "--dt", type=float, help="Step length, in ms or steps (default 0.1 for circuits, 1 where there are inputs)."
)
@click.option(
    "--backend", "backends", multiple=True, type=click.Choice(["torch", "numba", "reference"]),
    help="Check only for this backend (may be repeated; default: all).",
)  # fmt: skip
@click.option("--build/--no-build", default=True, help="Make the synapses of rules to see whether they can be made.")
@click.option("--strict", is_flag=True, help="Notes count as problems.")
@frame.json_option
def command(
    model: tuple[str, ...], dt: float | None, backends: tuple[str, ...], build: bool, strict: bool
) -> frame.Answer:
    """List every problem of MODEL before anything runs.

    Unknown parts and damaged data of a file; what nothing reaches; shapes that do not fit; cycles without delay
    and delays that round away at this --dt; rules of connection that cannot be fulfilled; operators and
    backends that cannot run it. Notes are what runs but is seldom meant. Exit code 1 when there is a problem.
    """
    from neurograph.cli.model import load
    from neurograph.errors import NeuroGraphError
    from neurograph.io.document.document import gathering
    from neurograph.passes.problems import Problem, problems_of
    from neurograph.step_length import default_dt

    found: list[Problem] = []
    name, step = " ".join(model), dt
    loaded = None
    with gathering() as wrong:  # every part of a file that cannot be read, not the first alone
        try:
            loaded = load(model)
        except NeuroGraphError as error:
            if not wrong:
                found.append(Problem("error", "load", type(error).__name__, str(error)))
    found += [Problem("error", "load", type(e).__name__, str(e)) for e in wrong]
    if loaded is not None and not wrong:
        graph = loaded.graph
        name, step = loaded.name, default_dt(graph) if dt is None else dt
        kinds = {"backends": backends} if backends else {}
        found += problems_of(graph, step, build=build, **kinds)
        if loaded.kind == "file" and not any(p.level == "error" for p in found):
            found += _drawn(graph, step)
    errors = sum(p.level == "error" for p in found)
    bad = errors or (strict and found)
    data = {
        "model": name,
        "dt": step,
        "errors": errors,
        "notes": len(found) - errors,
        "problems": [asdict(p) for p in found],
    }
    return frame.Answer(data, _text(name, found, errors, step), frame.PROBLEM if bad else 0)


def _drawn(graph: Any, dt: float) -> list[Any]:
    from neurograph.held import undetermined
    from neurograph.passes.problems import Problem

    lacking = undetermined(graph, dt=dt)
    if not lacking:
        return []
    shown = ", ".join(lacking[:4]) + (f" and {len(lacking) - 4} more" if len(lacking) > 4 else "")
    text = f"the file holds no values for the weights {shown}: a run draws them at random, or takes those of --weights"
    return [Problem("note", "weights", "", text)]


def _text(name: str, found: list[Any], errors: int, dt: float | None) -> str:
    lines = []
    for p in found:
        color = "red" if p.level == "error" else "yellow"
        lines.append(f"{click.style(p.level, fg=color, bold=True)} ({p.found_by}): {p.message}")
    notes = len(found) - errors
    counts = [frame.counted(n, word) for n, word in ((errors, "error"), (notes, "note")) if n]
    at = "" if dt is None else f" at dt={dt:g}"
    lines.append(f"{name}{at}: {' and '.join(counts) if counts else 'no problem found'}")
    return "\n".join(lines)
