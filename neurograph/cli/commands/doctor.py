"""neurograph doctor: what is installed, what it runs on, and what is wrong."""

from __future__ import annotations

from typing import Any

import click

from neurograph.cli import frame, model, options


@frame.command(
    "neurograph doctor", "neurograph doctor cifar_convnet width=0.125", "neurograph doctor --json > report.json"
)
@model.argument
@options.dt
@click.option("--self-test/--no-self-test", "test", default=True, help="Run a small network on every backend.")
@frame.json_option
def command(model: tuple[str, ...], dt: float | None, test: bool) -> frame.Answer:
    """Show versions, devices, caches, and what is wrong.

    With MODEL it also shows which kernels will run it, on each backend, and why. Exit code 1 when there is a problem.
    """
    from neurograph.cli.health import examined

    rows: list[dict[str, str]] = []
    if model:
        from neurograph.cli.kernels import kernels_of
        from neurograph.cli.model import load
        from neurograph.step_length import default_dt

        graph = load(model).graph
        rows = kernels_of(graph, default_dt(graph) if dt is None else dt)
    found = examined(test)
    data: dict[str, Any] = {**found.facts, "kernels": rows, "problems": found.problems}
    return frame.Answer(data, _text(found.facts, rows, found.problems), frame.PROBLEM if found.problems else 0)


def _text(facts: dict[str, dict[str, Any]], rows: list[dict[str, str]], problems: list[dict[str, str]]) -> str:
    parts = []
    for section, held in facts.items():
        lines = frame.pairs({n: "missing" if v is None else str(v) for n, v in held.items()}).splitlines()
        parts.append("\n".join([click.style(section, bold=True, underline=True), *(f"  {line}" for line in lines)]))
    if rows:
        cells = [["population", "backend", "kernel", "why"]]
        cells += [[r["population"], r["backend"], r["kernel"], r["why"]] for r in rows]
        parts.append(f"{click.style('kernels', bold=True, underline=True)}\n{frame.table(cells)}")
    for p in problems:
        parts.append(f"{click.style('problem', fg='red', bold=True)}: {p['problem']}\n    fix: {p['fix']}")
    if not problems:
        parts.append(click.style("no problem found", fg="green"))
    return "\n\n".join(parts)
